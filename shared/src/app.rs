//! The state that a warm function keeps, and the one pipeline that every request goes through.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use lambda_http::http::HeaderValue;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::tower::ServiceExt;
use lambda_http::{Adapter, Body, LambdaEvent, Request, RequestExt, Response, Service, service_fn};
use serde::Serialize;

use crate::auth::Verifier;
use crate::config::Config;
use crate::endpoint::{self, Authorized, Endpoint, Reply};
use crate::error::{Error, ErrorResponse};
use crate::event;
use crate::https::Https;
use crate::log::{self, Entry};
use crate::route::{self, BasePath};
use crate::store::{self, Store};

/// The headers of every response. An API serves no pages, so nothing may run, frame, cache or sniff
/// its responses.
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("strict-transport-security", "max-age=63072000"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// The longest that an endpoint may take. It limits how long a client waits for a store that does
/// not respond, however many calls its request makes.
const HANDLE_TIMEOUT: Duration = Duration::from_millis(2100);

/// The longest that a cold start waits for its connections and the key set. The first request would
/// spend about this long on the TLS handshakes, with the CPU share of 128 MB. So a start that waits
/// in vain loses no more time than a successful one saves.
const CONNECT_WAIT: Duration = Duration::from_millis(20);

/// The header with the id that a response shares with its log line.
pub(crate) const CORRELATION_ID: &str = "x-correlation-id";

/// One endpoint with the state that it keeps between requests.
pub struct App<E: Endpoint> {
    verifier: Arc<Verifier>,
    store: E::Store,
    base_path: BasePath,
}

/// Runs the endpoint as a Lambda function, until its environment ends.
///
/// # Errors
/// If the settings are incomplete, or the Lambda runtime API is unreachable.
pub async fn run<E: Endpoint>() -> Result<(), lambda_http::Error> {
    log::start(std::io::stdout, tracing::Level::INFO);
    log::redact_panics();
    let config = Config::from_env(E::Store::TABLES)?;
    let https = Https::new(&config.roots);
    let verifier = Arc::new(Verifier::new(&config.issuer, &https));
    let store = E::Store::open(&store::client(&config.aws, &https), &config.tables);
    connect(&https, &config, &verifier).await;
    let app = App::<E>::new(verifier, store).below(config.base_path);
    lambda_runtime::run(app.service()).await
}

/// Connects to DynamoDB and fetches the issuer's keys concurrently, so that the first request does
/// not have to. A start has a whole CPU, but a request only the share that its memory buys. What
/// takes longer continues in the background, and what fails is retried when it is needed.
async fn connect(https: &Https, config: &Config, verifier: &Arc<Verifier>) {
    let (https, verifier) = (https.clone(), Arc::clone(verifier));
    let endpoint = store::endpoint(&config.aws);
    let connecting = tokio::spawn(async move {
        let connected = async {
            if let Some(endpoint) = endpoint {
                https.connect(endpoint).await;
            }
        };
        futures_util::future::join(connected, verifier.prefetch()).await;
    });
    drop(tokio::time::timeout(CONNECT_WAIT, connecting).await);
}

impl<E: Endpoint> App<E> {
    /// Makes the app from this token verifier and store.
    pub fn new(verifier: Arc<Verifier>, store: E::Store) -> Self {
        Self {
            verifier,
            store,
            base_path: BasePath::default(),
        }
    }

    /// The same app, which a custom domain has below this path.
    pub fn below(self, base_path: BasePath) -> Self {
        Self { base_path, ..self }
    }

    /// The function's name: its method and resource, such as `get_actors`.
    pub fn name() -> String {
        let resource = E::ROUTES.first().map_or("", |route| route.resource());
        format!("{}_{resource}", E::METHOD.as_str().to_ascii_lowercase())
    }

    /// The service that the Lambda runtime calls with the gateway's events.
    pub fn service(
        self,
    ) -> impl Service<
        LambdaEvent<LambdaRequest>,
        Response = impl Serialize + Send + use<E>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send {
        let app = Arc::new(self);
        let service = service_fn(move |request| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Infallible>(app.respond(request).await) }
        });
        Adapter::from(service).map_request(|event: LambdaEvent<LambdaRequest>| {
            LambdaEvent::new(event::sanitize(event.payload), event.context)
        })
    }

    async fn respond(&self, request: Request) -> Response<Body> {
        let mut entry = Entry::start(Self::name(), request.method(), correlation_id(&request));
        let outcome = AssertUnwindSafe(self.serve(request, &mut entry))
            .catch_unwind()
            .await;
        let outcome = outcome.unwrap_or_else(|_| Err(Error::Internal("a handler panicked".into())));
        let mut response = match &outcome {
            Ok(reply) => success(reply),
            Err(error) => failure(error.response()),
        };
        for (name, value) in HEADERS {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(&entry.correlation_id) {
            response.headers_mut().insert(CORRELATION_ID, id);
        }
        entry.write(response.status(), outcome.as_ref().err());
        response
    }

    /// The pipeline: route, token, permission, then the endpoint.
    async fn serve(&self, request: Request, entry: &mut Entry) -> Result<Reply, Error> {
        let (base_path, path) = self.base_path.split(request.raw_http_path());
        let base_path = base_path.to_owned();
        let route = route::find(route_key(&request), path).ok_or(Error::NotFound)?;
        entry.route = route.path;
        if !route.allows(request.method().as_str()) {
            return Err(Error::MethodNotAllowed(route.allow));
        }
        // The gateway sent another function's request: its routes and the code disagree, and this
        // function cannot serve it.
        if !E::ROUTES.contains(&route) || *request.method() != E::METHOD {
            return Err(Error::NotFound);
        }
        let claims = self.verifier.verify(request.headers()).await?;
        entry.subject(&claims.subject);
        let request = Authorized::check(request, &claims, route, base_path, E::PERMISSION)?;
        let handling = request.handling();
        let handled = tokio::time::timeout(HANDLE_TIMEOUT, E::handle(request, &self.store)).await;
        let reply = handled.unwrap_or_else(|_| {
            Err(Error::Unavailable {
                cause: "the handler took too long".into(),
                retry_after: 1,
            })
        })?;
        Ok(Reply { handling, ..reply })
    }
}

fn success(reply: &Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body.clone()));
    let link = reply
        .next
        .as_ref()
        .map(|next| ("link", format!(r#"<{next}>; rel="next""#)));
    let etag = reply
        .version
        .map(|version| ("etag", endpoint::tag(version)));
    let replayed = reply
        .replayed
        .then(|| ("idempotency-replayed", "true".to_owned()));
    let applied =
        endpoint::applied(reply.handling).map(|applied| ("preference-applied", applied.to_owned()));
    insert(
        &mut response,
        link.into_iter().chain(etag).chain(replayed).chain(applied),
    );
    response
}

fn failure(error: ErrorResponse<'_>) -> Response<Body> {
    let mut response = Response::new(Body::from(endpoint::json(&error.body)));
    *response.status_mut() = error.status;
    insert(&mut response, error.headers);
    response
}

fn insert(
    response: &mut Response<Body>,
    headers: impl IntoIterator<Item = (&'static str, String)>,
) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// The gateway's request id, which its access log has too; the Lambda runtime's if there is no
/// gateway.
fn correlation_id(request: &Request) -> String {
    let gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    gateway
        .or_else(|| Some(request.lambda_context_ref()?.request_id.clone()))
        .unwrap_or_default()
}

fn route_key(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
        _ => None,
    }
}
