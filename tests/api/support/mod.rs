//! A test's own stack, and short ways to send it requests.

pub(crate) mod issuer;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod template;

use std::sync::{Arc, Mutex, OnceLock};

use local::{Options, Role, SigningKey, Stack};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use shared::config::Issuer;

use proxy::Proxy;

/// A running stack and a client of it.
pub(crate) struct Api {
    pub(crate) stack: Stack,
    http: Client,
    tokens: Mutex<Vec<(Role, String)>>,
}

/// A response that was read completely.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub(crate) body: Value,
}

/// One key for all stacks of a run: generating one takes longer than most tests.
pub(crate) fn signing_key() -> Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(SigningKey::generate().unwrap())))
}

/// A client of the test's own servers. It loads no root certificates: reading the system's takes as
/// long as a short test.
pub(crate) fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
        .build()
        .unwrap()
}

/// Options for an in-memory stack on free ports.
pub(crate) fn options() -> Options {
    Options {
        key: Some(signing_key()),
        ..Options::in_memory()
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(options()).await
    }

    /// Starts a stack that trusts the test's issuer.
    pub(crate) async fn trusting(issuer: Issuer) -> Self {
        Self::with(Options {
            issuer: Some(issuer),
            ..options()
        })
        .await
    }

    /// Starts a stack whose functions reach DynamoDB through a proxy.
    pub(crate) async fn behind(proxy: &Proxy) -> Self {
        let api = Self::with(Options {
            dynamodb: Some(proxy.url()),
            ..options()
        })
        .await;
        proxy.forward_to(&api.stack.dynamodb);
        api
    }

    pub(crate) async fn with(options: Options) -> Self {
        log_everything();
        Self {
            stack: Stack::start(options).await.unwrap(),
            http: client(),
            tokens: Mutex::default(),
        }
    }

    /// A request without a token.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(
            method.parse::<Method>().unwrap(),
            format!("{}{path}", self.stack.api),
        )
    }

    /// A request with the role's token.
    pub(crate) fn request_as(&self, role: Role, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path)
            .header("authorization", format!("Bearer {}", self.token(role)))
    }

    /// The role's token, the same one in each request, as a client sends it.
    fn token(&self, role: Role) -> String {
        let mut tokens = self.tokens.lock().unwrap();
        if let Some((_, token)) = tokens.iter().find(|(owner, _)| *owner == role) {
            return token.clone();
        }
        let token = self.stack.tokens.as_ref().unwrap().issue(role).unwrap();
        tokens.push((role, token.clone()));
        token
    }

    /// A request whose token grants these permissions.
    pub(crate) fn request_granted(
        &self,
        permissions: &[&str],
        method: &str,
        path: &str,
    ) -> RequestBuilder {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs();
        let claims = json!({
            "iss": self.stack.issuer, "sub": "local|some", "aud": local::AUDIENCE,
            "iat": now, "exp": now + 600, "permissions": permissions,
        });
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": signing_key().id()});
        let token = signing_key()
            .sign(&header.to_string(), &claims.to_string())
            .unwrap();
        self.request(method, path)
            .header("authorization", format!("Bearer {token}"))
    }

    pub(crate) async fn get(&self, role: Role, path: &str) -> ApiResponse {
        send(self.request_as(role, "GET", path)).await
    }

    pub(crate) async fn post(&self, role: Role, path: &str, body: &Value) -> ApiResponse {
        send(with_json(self.request_as(role, "POST", path), body)).await
    }

    pub(crate) async fn patch(&self, role: Role, path: &str, body: &Value) -> ApiResponse {
        send(with_json(self.request_as(role, "PATCH", path), body)).await
    }

    pub(crate) async fn delete(&self, role: Role, path: &str) -> ApiResponse {
        send(self.request_as(role, "DELETE", path)).await
    }

    /// Adds an actor and returns its id.
    pub(crate) async fn add_actor(&self, name: &str) -> u64 {
        let actor = json!({ "name": name, "age": 34, "gender": "female" });
        self.post(Role::Producer, "/actors", &actor)
            .await
            .expect(200)["actors"][0]["id"]
            .as_u64()
            .unwrap()
    }

    /// Adds a movie and returns its id.
    pub(crate) async fn add_movie(&self, title: &str) -> u64 {
        let movie = json!({ "title": title, "release_date": "2020-05-14" });
        self.post(Role::Producer, "/movies", &movie)
            .await
            .expect(200)["movies"][0]["id"]
            .as_u64()
            .unwrap()
    }
}

pub(crate) fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// Sends a request and checks what every response must have.
pub(crate) async fn send(request: RequestBuilder) -> ApiResponse {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let response = ApiResponse {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    response.check_shape();
    response
}

impl ApiResponse {
    /// The body of a response that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// Checks an error's whole body except `details`.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body["success"], false, "{self:?}");
        assert_eq!(self.body["error"], status, "{self:?}");
        assert_eq!(self.body["message"], message, "{self:?}");
    }

    /// The fields that a 422 names.
    #[track_caller]
    pub(crate) fn field_errors(&self) -> Vec<&str> {
        self.expect_error(422, "unprocessable");
        self.body["details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["field"].as_str().unwrap())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks what every response of a function must have.
    #[track_caller]
    pub(crate) fn check_shape(&self) {
        let leaked = leaks().lock().unwrap().clone();
        assert!(leaked.is_empty(), "logged: {leaked:?}");
        let fixed = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=63072000"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ];
        for (name, value) in fixed {
            assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        }
        assert!(
            self.header("x-correlation-id")
                .is_some_and(|id| !id.is_empty()),
            "{self:?}"
        );
        assert!(
            self.status == 200 || !self.headers.contains_key("preference-applied"),
            "{self:?}"
        );
        if self.body != Value::Null {
            assert_eq!(self.body["success"], self.status == 200, "{self:?}");
            self.check_members();
        }
        for (name, statuses) in [
            ("allow", &[405][..]),
            ("www-authenticate", &[401, 403]),
            ("retry-after", &[409, 503]),
        ] {
            assert_eq!(
                self.headers.contains_key(name),
                statuses.contains(&self.status),
                "{name} of {self:?}"
            );
        }
    }

    /// Checks that a body has exactly the members that its status requires, and that each field
    /// error names a field and its rule.
    #[track_caller]
    fn check_members(&self) {
        let members: Vec<_> = self
            .body
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match self.status {
            200 if members.contains(&"deleted") => {
                return assert_eq!(members, ["deleted", "success"], "{self:?}");
            }
            200 => {
                return assert!(
                    self.body["actors"].is_array() || self.body["movies"].is_array(),
                    "{self:?}"
                );
            }
            401 | 403 => &["code", "error", "message", "success"],
            422 => &["details", "error", "message", "success"],
            _ => &["error", "message", "success"],
        };
        assert_eq!(members, expected, "{self:?}");
        assert_eq!(self.body["error"], self.status, "{self:?}");
        assert!(self.body["message"].is_string(), "{self:?}");
        for fault in self.body["details"].as_array().into_iter().flatten() {
            let named = fault.as_object().is_some_and(|fault| fault.len() == 2);
            assert!(
                named && fault["field"].is_string() && fault["message"].is_string(),
                "{self:?}"
            );
        }
    }
}

/// Everything that the functions have logged in this process so far.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&log_buffer().lock().unwrap()).into_owned()
}

fn log_buffer() -> &'static Mutex<Vec<u8>> {
    static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    &BUFFER
}

/// No function may log these: the beginning of every token, the names, titles and genders that the
/// tests use most, and characters that break a line or control a terminal.
const NEVER_LOGGED: [&str; 6] = ["eyJ", "Ida", "female", "An Example", "\u{1b}", "\r"];

/// Captures everything that is logged, at the finest level, and keeps what must not be logged.
fn log_everything() {
    struct Buffer;
    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = without_correlation_id(&String::from_utf8_lossy(bytes));
            if NEVER_LOGGED.iter().any(|never| text.contains(never)) {
                leaks().lock().unwrap().push(text);
            }
            log_buffer().lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| shared::log::start(|| Buffer, tracing::Level::TRACE));
}

/// A log line without its correlation id, in which anything may occur by chance.
fn without_correlation_id(line: &str) -> String {
    match line.split_once(r#""correlation_id":""#) {
        Some((before, id)) => before.to_owned() + id.split_once('"').map_or("", |(_, after)| after),
        None => line.to_owned(),
    }
}

/// The log lines that contain what must not be logged.
fn leaks() -> &'static Mutex<Vec<String>> {
    static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    &LEAKS
}
