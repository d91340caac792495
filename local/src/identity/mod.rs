//! The identity service: stands in for the Auth0 tenant and serves its routes.

mod authorize;
mod clients;
mod code;
mod cookie;
mod cors;
mod grant;
mod kept;
mod key;
mod logout;
mod page;
mod scope;
mod signed_in;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

pub(crate) use clients::Clients;
pub use clients::RedirectUri;
pub use key::SigningKey;
pub(crate) use page::escaped;
use scope::Scope;
use signed_in::{Session, SignIns};
pub use tokens::{Role, TOKEN_SECONDS, Tokens};

/// What the routes share.
struct Service {
    tokens: Tokens,
    clients: Clients,
    sign_ins: Mutex<SignIns>,
}

impl Service {
    fn sign_ins(&self) -> MutexGuard<'_, SignIns> {
        self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of the browser that sent the request.
    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let cookie = cookie::read(headers)?;
        self.sign_ins().session(Instant::now(), cookie)
    }
}

/// The service that issues these tokens, to these clients.
pub(crate) fn router(tokens: Tokens, clients: Clients) -> Router {
    let service = Arc::new(Service {
        tokens,
        clients,
        sign_ins: Mutex::default(),
    });
    let for_clients = Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/.well-known/jwks.json", get(key_set))
        .route(
            "/oauth/token",
            post(grant::token).layer(DefaultBodyLimit::max(grant::MAX_BODY_BYTES)),
        )
        .layer(middleware::from_fn_with_state(
            Arc::clone(&service),
            cors::allow_clients,
        ));
    Router::new()
        .route("/", get(home))
        .route(
            "/authorize",
            get(authorize::authorize).post(authorize::authorize),
        )
        .route("/callback", get(async || Html(page::callback())))
        .route("/oidc/logout", get(logout::logout).post(logout::logout))
        .merge(for_clients)
        .with_state(service)
}

async fn home(State(service): State<Arc<Service>>) -> Html<String> {
    Html(page::home(&service.tokens))
}

/// The discovery document (OpenID Connect Discovery; RFC 8414).
async fn configuration(State(service): State<Arc<Service>>) -> Json<Value> {
    let issuer = service.tokens.issuer();
    let grant_types = [&["implicit"][..], &grant::GRANT_TYPES].concat();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}authorize"),
        "token_endpoint": format!("{issuer}oauth/token"),
        "end_session_endpoint": format!("{issuer}oidc/logout"),
        "jwks_uri": format!("{issuer}.well-known/jwks.json"),
        "response_types_supported": ["code", "token"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": grant_types,
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": Scope::NAMES,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "name"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn key_set(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(json!({ "keys": [service.tokens.key().public_jwk()] }))
}
