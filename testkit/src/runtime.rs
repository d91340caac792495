//! Lambda's side of the runtime API.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use local::{Role, Stack};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// An event for the function, and the channel for its response.
type Invocation = (Value, oneshot::Sender<Value>);

/// The runtime API of one environment.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
struct Runtime {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

/// A bootstrap with its own runtime API. Killing it ends its invocation without a response.
pub struct Environment {
    process: Child,
    events: mpsc::UnboundedSender<Invocation>,
    server: tokio::task::JoinHandle<()>,
}

impl Environment {
    /// Starts the bootstrap at this path; its name is the function's.
    pub async fn start(stack: &Stack, bootstrap: &str) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            waiting: tokio::sync::Mutex::new(waiting),
            under_way: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(respond),
            )
            .with_state(runtime);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let process = Command::new(bootstrap)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env(
                "AWS_LAMBDA_FUNCTION_NAME",
                Path::new(bootstrap).file_stem().unwrap(),
            )
            .envs([
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ])
            .envs([
                ("AWS_REGION", "local"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
            ])
            .env("AWS_ENDPOINT_URL_DYNAMODB", &stack.dynamodb)
            .env("AUTH0_DOMAIN", stack.identity.as_ref().unwrap())
            .envs([
                ("API_AUDIENCE", local::AUDIENCE),
                ("ACTORS_TABLE", local::ACTORS_TABLE),
            ])
            .envs([
                ("MOVIES_TABLE", local::MOVIES_TABLE),
                ("CREDITS_TABLE", local::CREDITS_TABLE),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            events,
            server,
        }
    }

    /// Sends the function an event. The receiver gets an error if the function dies before it
    /// responds.
    pub fn invoke(&self, event: Value) -> oneshot::Receiver<Value> {
        let (answer, answered) = oneshot::channel();
        self.events.send((event, answer)).unwrap();
        answered
    }

    /// Kills the process at once.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.server.abort();
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some((event, answer)) = runtime.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = event["requestContext"]["requestId"]
        .as_str()
        .unwrap()
        .to_owned();
    runtime.under_way.lock().unwrap().insert(id.clone(), answer);
    let headers = [
        ("lambda-runtime-aws-request-id", id.as_str()),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:local:000000000000:function:killed",
        ),
    ];
    (headers, event.to_string()).into_response()
}

async fn respond(
    State(runtime): State<Arc<Runtime>>,
    extract::Path(id): extract::Path<String>,
    body: Bytes,
) -> StatusCode {
    let answer = runtime.under_way.lock().unwrap().remove(&id);
    if let Some(answer) = answer {
        drop(answer.send(serde_json::from_slice(&body).unwrap()));
    }
    StatusCode::ACCEPTED
}

/// A sample event with the producer's token and this request id.
pub fn event(stack: &Stack, sample: &str, request_id: &str) -> Value {
    let token = stack
        .tokens
        .as_ref()
        .unwrap()
        .issue(Role::Producer)
        .unwrap();
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["requestContext"]["requestId"] = json!(request_id);
    event
}

/// Sends a request to the stack's API as the producer. A null body means no body.
pub async fn request(stack: &Stack, method: &str, path: &str, body: &Value) -> (u16, Value) {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let token = stack
        .tokens
        .as_ref()
        .unwrap()
        .issue(Role::Producer)
        .unwrap();
    let client = CLIENT.get_or_init(|| reqwest::Client::builder().no_proxy().build().unwrap());
    let mut request = client
        .request(method.parse().unwrap(), format!("{}{path}", stack.api))
        .bearer_auth(token);
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}
