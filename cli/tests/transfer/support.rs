//! What the tests share: a stack, the command, and servers in front of the stack.

use std::fs;
use std::future::pending;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use casting::{Api, Backoff, ExportError, Format, Import, Resource, Row, Summary};
use local::{Options, Role, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

/// An empty folder that is removed when the test ends.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The command in a folder, without settings of the machine.
pub(crate) fn casting(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casting"));
    command
        .current_dir(folder)
        .env_remove("CASTING_AGENCY_TOKEN")
        .env_remove("API_AUDIENCE");
    command
}

/// What a program wrote, without the white space around it.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

pub(crate) const PRODUCER: Role = Role::Producer;

pub(crate) async fn stack() -> Stack {
    Stack::start(Options::in_memory()).await.unwrap()
}

pub(crate) fn token(stack: &Stack, role: Role) -> String {
    stack.tokens.as_ref().unwrap().issue(role).unwrap()
}

/// The command with the stack's API and a producer's token, in the environment as the documentation
/// has it.
pub(crate) fn command(folder: &TempDir, stack: &Stack, api: &str, arguments: &[&str]) -> Command {
    let mut command = casting(folder);
    command
        .args(arguments)
        .args(["--api", api])
        .env("CASTING_AGENCY_TOKEN", token(stack, PRODUCER));
    command
}

pub(crate) fn run(folder: &TempDir, stack: &Stack, arguments: &[&str]) -> Output {
    command(folder, stack, &stack.api, arguments)
        .output()
        .unwrap()
}

/// The last line that it printed.
pub(crate) fn summary(output: &Output) -> String {
    text(&output.stdout)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn counts(created: usize, replayed: usize, rejected: usize) -> String {
    format!("{created} created, {replayed} already there, {rejected} rejected")
}

pub(crate) async fn get(stack: &Stack, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .get(format!("{}/{path}", stack.api))
        .bearer_auth(token(stack, PRODUCER));
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

pub(crate) async fn list(stack: &Stack, resource: &str) -> Vec<Value> {
    let body = get(stack, resource).await;
    assert!(body["next"].is_null());
    body[resource].as_array().unwrap().clone()
}

pub(crate) fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["name"].as_str().or(row["title"].as_str()).unwrap())
        .collect()
}

/// A CSV file of so many actors.
pub(crate) fn actors(folder: &TempDir, count: usize) -> String {
    let rows: String = (1..=count)
        .map(|number| format!("Actor {number},{},f\n", number % 100))
        .collect();
    fs::write(
        folder.path().join("actors.csv"),
        format!("name,age,gender\n{rows}"),
    )
    .unwrap();
    "actors.csv".into()
}

/// How a server in front of the stack responds to one request.
pub(crate) enum Reply {
    /// As the stack does.
    Pass,
    /// With this, and the stack is not asked.
    Own(Response<Body>),
    /// With the beginning of a response, though the stack has done what it was asked.
    Cut,
    /// Not at all, though the stack has done what it was asked.
    Lose,
}

pub(crate) fn own(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Reply {
    let builder = headers.iter().fold(
        Response::builder().status(status),
        |builder, (name, value)| builder.header(*name, *value),
    );
    Reply::Own(builder.body(Body::from(body.to_string())).unwrap())
}

pub(crate) fn busy(status: u16, retry_after: &str) -> Reply {
    own(
        status,
        &[("retry-after", retry_after)],
        r#"{"message":"Too Many Requests"}"#,
    )
}

/// A server of a test's own in front of the stack, or of nothing.
pub(crate) struct Server {
    pub(crate) url: String,
    /// How many responses it has sent, or lost.
    served: watch::Receiver<usize>,
    _task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `reply` is given the request's number from 0, and the request.
    pub(crate) async fn start(
        behind: &str,
        reply: impl Fn(usize, &Request<Body>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, served) = watch::channel(0);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let behind = (client, behind.to_owned());
        let state = Arc::new((behind, reply, AtomicUsize::new(0), count));
        let router = Router::new().fallback(move |request: Request<Body>| {
            let state = Arc::clone(&state);
            async move {
                let (behind, reply, number, count) = &*state;
                let reply = reply(number.fetch_add(1, Ordering::SeqCst), &request);
                let passed = if let Reply::Own(_) = reply {
                    None
                } else {
                    Some(forward(behind, request).await)
                };
                count.send_modify(|count| *count += 1);
                match (reply, passed) {
                    (Reply::Own(response), _) | (Reply::Pass, Some(response)) => response,
                    // More is announced than comes.
                    (Reply::Cut, _) => Response::builder()
                        .header("content-length", "100")
                        .body("{".into())
                        .unwrap(),
                    _ => pending().await,
                }
            }
        });
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            url,
            served,
            _task: task,
        }
    }

    pub(crate) async fn has_served(&self, count: usize) {
        self.served
            .clone()
            .wait_for(|served| *served >= count)
            .await
            .unwrap();
    }

    pub(crate) fn served(&self) -> usize {
        *self.served.borrow()
    }
}

/// Sends a request to the stack, and returns its response.
async fn forward(
    (client, url): &(reqwest::Client, String),
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let request = client
        .request(parts.method, format!("{url}{}", parts.uri))
        .headers(parts.headers)
        .body(body);
    let forwarded = request.send().await.unwrap();
    let mut response = Response::builder().status(forwarded.status());
    response
        .headers_mut()
        .unwrap()
        .clone_from(forwarded.headers());
    response
        .body(Body::from(forwarded.bytes().await.unwrap()))
        .unwrap()
}

/// A client that waits next to nothing between its attempts.
pub(crate) fn quick(url: &str, token: &str) -> Api {
    let (first_wait, max_wait) = (Duration::from_millis(1), Duration::from_secs(2));
    Api::new(
        url,
        token,
        Backoff {
            attempts: 4,
            first_wait,
            max_wait,
            ..Backoff::default()
        },
    )
    .unwrap()
}

pub(crate) fn rows(count: usize) -> Import {
    let body =
        |number| json!({"name": format!("Actor {number}"), "age": 34, "gender": "f"}).to_string();
    let rows = (1..=count)
        .map(|number| Row {
            line: number,
            body: Ok(body(number)),
            original_indexes: Vec::new(),
        })
        .collect();
    Import {
        resource: Resource::Actors,
        rows,
        concurrency: 4,
        run: None,
    }
}

pub(crate) async fn import(api: &Api, rows: Import) -> Summary {
    casting::import(api, rows, pending(), |_| ()).await
}

/// The actors as CSV, and how many they are.
pub(crate) async fn export(api: &Api) -> Result<(usize, String), ExportError> {
    let mut written = Vec::new();
    let exported =
        casting::export(api, Resource::Actors, Format::Csv, &mut written, |_| ()).await?;
    Ok((exported.rows, String::from_utf8(written).unwrap()))
}

pub(crate) fn page(body: Value) -> Reply {
    own(200, &[], body)
}

/// The names of the files in a folder.
pub(crate) fn files(folder: &TempDir) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}
