//! What the tests share: stacks, tokens, servers, and the command with its report.

use std::future::Future;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response};
use chrono::Utc;
use local::{Options, Role, SigningKey, Stack};
use rcgen::CertifiedKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Options of a stack in memory. All stacks have one key, since generating one takes long.
pub(crate) fn options() -> Options {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    let key = KEY.get_or_init(|| Arc::new(SigningKey::generate().unwrap()));
    Options {
        key: Some(Arc::clone(key)),
        ..Options::in_memory()
    }
}

pub(crate) async fn stack() -> Stack {
    Stack::start(options()).await.unwrap()
}

pub(crate) fn token(stack: &Stack, role: Role) -> String {
    stack.tokens.as_ref().unwrap().issue(role).unwrap()
}

/// A token of the stack's issuer with changed members: set, or removed where they are null.
pub(crate) fn changed_token(stack: &Stack, header: Value, claims: Value) -> String {
    let tokens = stack.tokens.as_ref().unwrap();
    let now = Utc::now().timestamp();
    let own_header = json!({"alg": "RS256", "typ": "JWT", "kid": tokens.key().id()});
    let own_claims = json!({
        "iss": tokens.issuer(), "sub": "local|producer", "aud": tokens.audience(), "iat": now, "exp": now + 3600,
        "permissions": ["get:actors", "get:movies"],
    });
    let (header, claims) = (merged(own_header, header), merged(own_claims, claims));
    tokens.key().sign(&header, &claims).unwrap()
}

fn merged(mut base: Value, change: Value) -> String {
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => base[name] = value.clone(),
        }
    }
    base.to_string()
}

/// The seconds since 1970, so many seconds from now.
pub(crate) fn from_now(seconds: i64) -> i64 {
    Utc::now().timestamp() + seconds
}

/// The command, without settings of the machine.
pub(crate) fn casting() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casting"));
    for variable in [
        "CASTING_AGENCY_TOKEN",
        "API_AUDIENCE",
        "AUTH0_DOMAIN",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command while the servers of this test respond to it.
pub(crate) async fn output(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.unwrap().unwrap()
}

/// What the doctor said about a set-up.
pub(crate) struct Diagnosis {
    pub(crate) report: Value,
    /// The report for programs, as it was printed.
    pub(crate) json: String,
    /// The report for readers.
    pub(crate) text: String,
}

impl Diagnosis {
    pub(crate) fn names(&self) -> Vec<&str> {
        let names = self.findings().map(|finding| finding["name"].as_str());
        names.collect::<Option<_>>().unwrap()
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = &Value> {
        let checks = self.report["checks"].as_array().unwrap().iter();
        checks.flat_map(|check| check["findings"].as_array().unwrap())
    }

    pub(crate) fn finding(&self, name: &str) -> &Value {
        let finding = self.findings().find(|finding| finding["name"] == name);
        finding.unwrap_or_else(|| panic!("{name}: {:#}", self.report))
    }

    /// The check's status: `ok`, `skipped` or `finding`.
    pub(crate) fn status(&self, check: &str) -> &str {
        let checks = self.report["checks"].as_array().unwrap();
        let found = checks.iter().find(|one| one["check"] == check).unwrap();
        found["status"].as_str().unwrap()
    }
}

/// Runs the doctor on an API with a token and further arguments, as a report for programs and as
/// one for readers, and checks what holds for every report.
pub(crate) async fn doctor(api: &str, token: &str, arguments: &[&str]) -> Diagnosis {
    let command = |more: &[&str]| {
        let mut command = casting();
        command
            .args(["doctor", "--api", api])
            .args(arguments)
            .args(more);
        // Nothing listens there: no test depends on a stack that the developer runs.
        if !arguments.contains(&"--identity-port") {
            command.args(["--identity-port", "1"]);
        }
        command.env("CASTING_AGENCY_TOKEN", token);
        command
    };
    let json = output(command(&["--json"])).await;
    let report: Value =
        serde_json::from_slice(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
    let readable = output(command(&[])).await;
    let text = String::from_utf8(readable.stdout.clone()).unwrap();
    let diagnosis = Diagnosis {
        report,
        json: String::from_utf8(json.stdout.clone()).unwrap(),
        text,
    };
    let code = i32::from(!diagnosis.names().is_empty());
    for output in [&json, &readable] {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        let printed = String::from_utf8_lossy(&output.stdout);
        let secret = token.rsplit('.').next().unwrap();
        assert!(secret.len() < 20 || !printed.contains(secret), "{printed}");
    }
    assert_eq!(diagnosis.report["ok"], code == 0);
    for line in diagnosis.text.lines() {
        // A long word, such as a URL, is not broken.
        let has_long_word = line.split(' ').any(|word| word.len() > 58);
        assert!(line.chars().count() <= 80 || has_long_word, "{line}");
    }
    for finding in diagnosis.findings() {
        let remedy = finding["remedy"].as_str().unwrap();
        assert!(!remedy.is_empty() && !remedy.contains('\n'), "{finding}");
        assert!(diagnosis.text.contains(finding["name"].as_str().unwrap()));
    }
    diagnosis
}

/// Checks that a set-up has exactly these findings.
pub(crate) async fn check(api: &str, token: &str, arguments: &[&str], expected: &[&str]) {
    let diagnosis = doctor(api, token, arguments).await;
    assert_eq!(diagnosis.names(), expected, "{}", diagnosis.text);
}

/// A port of this machine that refuses connections as long as the socket exists: it does not
/// listen.
pub(crate) fn closed_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// A request that a server has received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: usize,
}

/// A server of the test's own.
pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start<F: Future<Output = Response<Body>> + Send + 'static>(
        respond: impl Fn(Parts, axum::body::Bytes) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&received);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let (record, respond) = (Arc::clone(&record), respond.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                record.lock().unwrap().push(Received {
                    line: format!("{} {}", parts.method, parts.uri),
                    headers: parts.headers.clone(),
                    body: body.len(),
                });
                respond(parts, body).await
            }
        });
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            url,
            received,
            task,
        }
    }

    /// A server with one response for everything.
    pub(crate) async fn with(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers: Vec<_> = headers
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        let body = body.to_owned();
        Self::start(move |_, _| {
            let builder = Response::builder().status(status);
            let builder = headers.iter().fold(builder, |builder, (name, value)| {
                builder.header(name, value)
            });
            let response = builder.body(Body::from(body.clone())).unwrap();
            async { response }
        })
        .await
    }

    /// A server in front of a stack, which changes its responses.
    pub(crate) async fn before(
        stack: &Stack,
        change: impl Fn(&Parts, Response<Body>) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let behind = stack.api.clone();
        Self::start(move |parts, body| {
            let (client, change) = (client.clone(), change.clone());
            let url = format!("{behind}{}", parts.uri);
            async move {
                let request = client.request(parts.method.clone(), url);
                let request = request.headers(without_host(parts.headers.clone()));
                let forwarded = request.body(body).send().await.unwrap();
                change(&parts, passed(forwarded).await)
            }
        })
        .await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The headers of a request for another server.
pub(crate) fn without_host(mut headers: HeaderMap) -> HeaderMap {
    headers.remove("host");
    headers
}

/// A response of the stack as a server in front of it sends it.
pub(crate) async fn passed(response: reqwest::Response) -> Response<Body> {
    let mut passed = Response::builder().status(response.status());
    passed.headers_mut().unwrap().clone_from(response.headers());
    let body = response.bytes().await.unwrap();
    passed.body(Body::from(body)).unwrap()
}

/// A server with an issuer's two documents.
pub(crate) async fn issuer(discovery: impl Fn(&str) -> Value, keys: &Value) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (discovery, keys) = (discovery(&url).to_string(), keys.to_string());
    let router = Router::new()
        .route(
            "/.well-known/openid-configuration",
            axum::routing::get(|| async { discovery }),
        )
        .route(
            "/.well-known/jwks.json",
            axum::routing::get(|| async { keys }),
        );
    let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    Server {
        url,
        received: Arc::default(),
        task,
    }
}

/// The discovery document of an issuer at this URL.
pub(crate) fn discovery(url: &str) -> Value {
    json!({"issuer": format!("{url}/"), "jwks_uri": format!("{url}/.well-known/jwks.json")})
}

pub(crate) fn key_set(key: &SigningKey) -> Value {
    json!({"keys": [key.public_jwk()]})
}

/// An error in the gateway's own shape.
pub(crate) fn gateway(status: u16, message: &str) -> Response<Body> {
    let body = json!({"message": message}).to_string();
    let builder = Response::builder().status(status);
    builder
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

/// A server whose connections are accepted by the kernel, and to which nobody responds.
pub(crate) async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that speaks another protocol than HTTP.
pub(crate) async fn mail_server() -> String {
    let (listener, url) = silent().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 1024]).await);
            drop(stream.write_all(b"220 mail.example ESMTP\r\n").await);
        }
    });
    url
}

/// A server with a certificate of its own.
pub(crate) async fn tls_server() -> String {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    url
}
