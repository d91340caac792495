//! The real bootstrap, killed at any moment of any request: nothing is lost that was acknowledged, and nothing is there twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use local::{Options, Role, Stack};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

const ROUNDS: u64 = 200;

/// An event for the function, and where its answer goes.
type Invocation = (Value, oneshot::Sender<Value>);

/// Lambda's side of the runtime API, for one environment.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
struct Runtime {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

/// A bootstrap with a runtime API of its own. Killing it ends its invocation without an answer.
struct Environment {
    process: Child,
    events: mpsc::UnboundedSender<Invocation>,
    server: tokio::task::JoinHandle<()>,
}

impl Environment {
    async fn start(stack: &Stack) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime { waiting: tokio::sync::Mutex::new(waiting), under_way: Mutex::default() });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .with_state(runtime);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let process = Command::new(env!("CARGO_BIN_EXE_post_actors"))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "post_actors"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .envs([("AWS_REGION", "local"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
            .env("AWS_ENDPOINT_URL_DYNAMODB", &stack.dynamodb)
            .env("AUTH0_DOMAIN", stack.identity.as_ref().unwrap())
            .envs([("API_AUDIENCE", local::AUDIENCE), ("ACTORS_TABLE", local::ACTORS_TABLE)])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, events, server }
    }

    /// Hands the function an event; an error when it dies before it answers.
    fn invoke(&self, event: Value) -> oneshot::Receiver<Value> {
        let (answer, answered) = oneshot::channel();
        self.events.send((event, answer)).unwrap();
        answered
    }

    fn kill(&mut self) {
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
    let id = event["requestContext"]["requestId"].as_str().unwrap().to_owned();
    runtime.under_way.lock().unwrap().insert(id.clone(), answer);
    let headers = [
        ("lambda-runtime-aws-request-id", id.as_str()),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:local:000000000000:function:post_actors"),
    ];
    (headers, event.to_string()).into_response()
}

async fn respond(State(runtime): State<Arc<Runtime>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer = runtime.under_way.lock().unwrap().remove(&id);
    if let Some(answer) = answer {
        drop(answer.send(serde_json::from_slice(&body).unwrap()));
    }
    StatusCode::ACCEPTED
}

fn event(token: &str, round: u64, attempt: u64) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/post_actors/created.json")).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["headers"]["idempotency-key"] = json!(format!("round {round}"));
    event["requestContext"]["requestId"] = json!(format!("{round}-{attempt}"));
    event["body"] = json!(format!(r#"{{"name": "Round {round}", "age": 34, "gender": "f"}}"#));
    event
}

fn created(answer: &Value) -> Option<u64> {
    let body: Value = serde_json::from_str(answer["body"].as_str()?).ok()?;
    body["actors"][0]["id"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_keyed_posts_survive_kills_at_any_moment_once_each() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    let token = stack.tokens.as_ref().unwrap().issue(Role::Director).unwrap();
    let mut acknowledged = Vec::new();
    let mut killed = 0;
    let mut steady = Environment::start(&stack).await;
    for round in 1..=ROUNDS {
        // Two environments are sent the same request at the same time, and one of them is killed a little later each round.
        let mut doomed = Environment::start(&stack).await;
        let doomed_answer = doomed.invoke(event(&token, round, 1));
        let steady_answer = steady.invoke(event(&token, round, 2));
        tokio::time::sleep(Duration::from_millis(round % 40)).await;
        doomed.kill();
        let mut ids = Vec::new();
        match doomed_answer.await {
            Ok(answer) => ids.extend(created(&answer)),
            Err(_) => killed += 1,
        }
        // Every tenth round the other one is killed as well, and the client tries again.
        if round % 10 == 0 {
            steady.kill();
            steady = Environment::start(&stack).await;
        }
        ids.extend(steady_answer.await.ok().as_ref().and_then(created));
        for attempt in 3.. {
            let answer = steady.invoke(event(&token, round, attempt)).await.unwrap();
            if let Some(id) = created(&answer) {
                ids.push(id);
                break;
            }
            assert!(
                [409, 503].contains(&answer["statusCode"].as_u64().unwrap()) && attempt < 20,
                "round {round}: {answer}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "round {round}: every answer names one row");
        acknowledged.push((ids[0], format!("Round {round}")));
    }
    let scan = stack.client().scan().table_name(local::ACTORS_TABLE).filter_expression("attribute_exists(#name)");
    let rows = scan.expression_attribute_names("#name", "name").send().await.unwrap();
    let mut stored: Vec<_> = rows
        .items()
        .iter()
        .map(|row| (row["id"].as_n().unwrap().parse().unwrap(), row["name"].as_s().unwrap().clone()))
        .collect();
    stored.sort_unstable();
    acknowledged.sort_unstable();
    assert_eq!(stored, acknowledged, "0 duplicates, 0 lost");
    assert!(killed > 20, "only {killed} kills came before an answer");
}
