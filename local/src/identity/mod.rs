//! The identity service: stands in for the Auth0 tenant and serves its routes.

mod grant;
mod key;
mod page;
mod tokens;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{self, Sender};
pub use key::SigningKey;
pub(crate) use page::escaped;
pub use tokens::{Role, TOKEN_SECONDS, Tokens};

/// The service that issues these tokens.
pub(crate) fn router(tokens: Tokens) -> Router {
    Router::new()
        .route(
            "/",
            get(|State(tokens): State<Tokens>| async move { Html(page::home(&tokens)) }),
        )
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/.well-known/jwks.json", get(key_set))
        .route("/authorize", get(authorize).post(authorize))
        .route("/callback", get(|| async { Html(page::callback()) }))
        .route(
            "/oauth/token",
            post(grant::token).layer(DefaultBodyLimit::max(grant::MAX_BODY_BYTES)),
        )
        .with_state(tokens)
}

async fn configuration(State(tokens): State<Tokens>) -> Json<Value> {
    let issuer = tokens.issuer();
    let grant_types = [&["implicit"][..], &grant::GRANT_TYPES].concat();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}authorize"),
        "token_endpoint": format!("{issuer}oauth/token"),
        "jwks_uri": format!("{issuer}.well-known/jwks.json"),
        "response_types_supported": ["token"],
        "grant_types_supported": grant_types,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn key_set(State(tokens): State<Tokens>) -> Json<Value> {
    Json(json!({ "keys": [tokens.key().public_jwk()] }))
}

/// The query of `/authorize` (RFC 6749, section 4.2.1; `audience` is Auth0's).
#[derive(Deserialize)]
struct Authorization {
    #[serde(default)]
    audience: String,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    state: Option<String>,
    /// The role picked on the sign-in page; absent until then.
    role: Option<String>,
}

/// Shows the sign-in page; once a role is picked there, redirects to the client with a token.
///
/// A page of another origin must not pick a role for its visitor. So a role counts only if the
/// browser says that the request comes from this page: for a link by `Sec-Fetch-Site`, for a form
/// by `Origin` as well. Browsers send `Sec-Fetch-Site` only to loopback and over HTTPS.
async fn authorize(
    State(tokens): State<Tokens>,
    method: Method,
    headers: HeaderMap,
    Query(query): Query<Authorization>,
) -> Response {
    let redirect = match check(&query, &tokens, &headers) {
        Ok(redirect) => redirect,
        Err(problem) => {
            return (StatusCode::BAD_REQUEST, Html(page::problem(problem))).into_response();
        }
    };
    let confirmed = match method {
        Method::POST => Sender::of(&headers) == Sender::OwnPage,
        _ => access::is_same_origin(&headers),
    };
    match query.role.as_deref().map(str::parse::<Role>) {
        None => Html(page::sign_in(&query, false)).into_response(),
        Some(Err(())) => (
            StatusCode::BAD_REQUEST,
            Html(page::problem("there is no such role")),
        )
            .into_response(),
        Some(Ok(_)) if !confirmed => Html(page::sign_in(&query, true)).into_response(),
        Some(Ok(role)) => match tokens.issue(role) {
            Ok(token) => Redirect::to(&return_address(&query, &redirect, &token)).into_response(),
            Err(cause) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Html(page::problem(&cause)),
            )
                .into_response(),
        },
    }
}

/// The URL to redirect to if the request can be granted; otherwise the problem.
fn check(query: &Authorization, tokens: &Tokens, headers: &HeaderMap) -> Result<Url, &'static str> {
    let redirect = Url::parse(&query.redirect_uri)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()));
    let redirect = redirect.filter(|_| !query.redirect_uri.contains(char::is_control));
    let redirect = redirect.ok_or("redirect_uri must be a http:// or https:// URL")?;
    // Otherwise a redirect from here could lead back to this page with another role and another
    // `redirect_uri`, and the browser would call that request same-origin.
    let own = access::own_origin(headers)
        .is_some_and(|origin| origin == redirect.origin().ascii_serialization());
    if own && redirect.path() != "/callback" {
        return Err("redirect_uri may be no page of this service but /callback");
    }
    if query.response_type != "token" {
        return Err("response_type must be token");
    }
    if query.audience != tokens.audience() {
        return Err("audience must be this API's identifier");
    }
    if query.client_id.is_empty() {
        return Err("client_id is missing");
    }
    Ok(redirect)
}

/// The client's redirect URL with the token in its fragment (RFC 6749, section 4.2.2).
fn return_address(query: &Authorization, redirect: &Url, token: &str) -> String {
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    fragment
        .append_pair("access_token", token)
        .append_pair("token_type", "Bearer");
    fragment.append_pair("expires_in", &TOKEN_SECONDS.to_string());
    if let Some(state) = &query.state {
        fragment.append_pair("state", state);
    }
    let mut target = redirect.clone();
    target.set_fragment(Some(&fragment.finish()));
    target.into()
}
