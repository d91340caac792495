//! `POST /oauth/token` (RFC 6749, section 3.2), with Auth0's `audience`, and Auth0's statuses where
//! it documents them.
//! <https://auth0.com/docs/api/authentication>

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::value::{Error as FormError, MapDeserializer};
use serde_json::{Value, json};

use super::scope::Scope;
use super::signed_in::SignedIn;
use super::{Role, Service, Tokens};
use crate::access::Sender;

/// The supported grant types.
pub(super) const GRANT_TYPES: [&str; 4] = [
    "authorization_code",
    "refresh_token",
    "password",
    "client_credentials",
];
/// The largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// A token request. A repeated parameter is an error; one without a value counts as absent (section
/// 3.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenRequest {
    grant_type: String,
    username: String,
    client_id: String,
    audience: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    refresh_token: String,
    scope: String,
}

/// An error response (section 5.2): status, `error` and `error_description`.
#[derive(Debug)]
struct GrantError(StatusCode, &'static str, String);

impl IntoResponse for GrantError {
    fn into_response(self) -> Response {
        let Self(status, error, description) = self;
        (
            status,
            [(CACHE_CONTROL, "no-store")],
            Json(json!({ "error": error, "error_description": description })),
        )
            .into_response()
    }
}

fn invalid_request(description: impl Into<String>) -> GrantError {
    GrantError(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        description.into(),
    )
}

fn website() -> GrantError {
    let reason =
        "The request comes from a page of another origin, and no website may have a token.";
    GrantError(StatusCode::FORBIDDEN, "access_denied", reason.to_owned())
}

/// Auth0 responds with 403, and not with the 400 of the standard.
fn invalid_grant(description: impl Into<String>) -> GrantError {
    GrantError(StatusCode::FORBIDDEN, "invalid_grant", description.into())
}

fn server_error(cause: String) -> GrantError {
    GrantError(StatusCode::INTERNAL_SERVER_ERROR, "server_error", cause)
}

/// Issues tokens to a client that a user has signed in at (`authorization_code`, `refresh_token`),
/// to a user (`password`) or to a program (`client_credentials`). Accepts any password and any
/// secret.
pub(super) async fn token(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match issue(&service, &headers, body) {
        Ok(body) => ([(CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// The body of a successful response (section 5.1).
fn issue(
    service: &Service,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Value, GrantError> {
    let tokens = &service.tokens;
    let elsewhere = Sender::of(headers) == Sender::Elsewhere;
    if elsewhere && !service.clients.has_origin(headers) {
        return Err(website());
    }
    let body =
        body.map_err(|error| GrantError(error.status(), "invalid_request", too_long(&error)))?;
    let request = read(headers, &body)?;
    // The page of a registered client gets only what its user has signed in for.
    match required("grant_type", &request.grant_type)? {
        "authorization_code" => exchange(service, &request),
        "refresh_token" => refresh(service, &request),
        "password" | "client_credentials" if elsewhere => Err(website()),
        "password" => {
            let user = role(required("username", &request.username)?);
            let user =
                user.map_err(|names| invalid_grant(format!("The username must be {names}.")))?;
            check_audience(tokens, &request.audience)?;
            let token = tokens.issue(user).map_err(server_error)?;
            Ok(bearer(tokens, &token))
        }
        "client_credentials" => {
            let client = role(required("client_id", &request.client_id)?);
            let client = client.map_err(|names| {
                GrantError(
                    StatusCode::UNAUTHORIZED,
                    "invalid_client",
                    format!("The client_id must be {names}."),
                )
            })?;
            check_audience(tokens, &request.audience)?;
            let token = tokens.issue_to_client(client).map_err(server_error)?;
            Ok(bearer(tokens, &token))
        }
        _ => Err(GrantError(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            format!("The grant_type must be {}.", GRANT_TYPES.join(" or ")),
        )),
    }
}

/// Exchanges a code (section 4.1.3), with its verifier (RFC 7636, section 4.5).
fn exchange(service: &Service, request: &TokenRequest) -> Result<Value, GrantError> {
    let code = required("code", &request.code)?;
    let redirect_uri = required("redirect_uri", &request.redirect_uri)?;
    let client_id = required("client_id", &request.client_id)?;
    let verifier = required("code_verifier", &request.code_verifier)?;
    let exchanged =
        service
            .sign_ins()
            .exchange(Instant::now(), code, client_id, redirect_uri, verifier);
    let exchanged = exchanged.map_err(server_error)?;
    let (signed_in, refresh_token) = exchanged.ok_or_else(|| {
        invalid_grant(
            "The code is unknown, expired or used, or was issued for another client_id, \
             redirect_uri or code_verifier. Sign in again.",
        )
    })?;
    respond(&service.tokens, &signed_in, refresh_token)
}

/// Exchanges a refresh token (section 6) for new tokens, another refresh token among them.
fn refresh(service: &Service, request: &TokenRequest) -> Result<Value, GrantError> {
    let token = required("refresh_token", &request.refresh_token)?;
    let client_id = required("client_id", &request.client_id)?;
    let refreshed = service
        .sign_ins()
        .refresh(Instant::now(), token, client_id)
        .map_err(server_error)?;
    let (mut signed_in, refresh_token) = refreshed.ok_or_else(|| {
        invalid_grant(
            "The refresh_token is unknown, expired or used, or was issued to another client_id. \
             Sign in again.",
        )
    })?;
    if !request.scope.is_empty() {
        signed_in.scope = signed_in.scope.and(Scope::granted(&request.scope));
    }
    respond(&service.tokens, &signed_in, Some(refresh_token))
}

/// The tokens after a sign-in.
fn respond(
    tokens: &Tokens,
    signed_in: &SignedIn,
    refresh_token: Option<String>,
) -> Result<Value, GrantError> {
    let token = tokens.issue_after(signed_in).map_err(server_error)?;
    let mut body = bearer(tokens, &token);
    body["scope"] = json!(signed_in.scope.to_string());
    if signed_in.scope.openid {
        body["id_token"] = json!(tokens.id_token(signed_in).map_err(server_error)?);
    }
    if let Some(refresh_token) = refresh_token {
        body["refresh_token"] = json!(refresh_token);
    }
    Ok(body)
}

fn bearer(tokens: &Tokens, token: &str) -> Value {
    json!({ "access_token": token, "token_type": "Bearer", "expires_in": tokens.seconds() })
}

fn too_long(error: &BytesRejection) -> String {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("The body is larger than {} KiB.", MAX_BODY_BYTES / 1024)
        }
        _ => "The body cannot be read.".to_owned(),
    }
}

/// Parses a form, as the standard requires, or a JSON object, which Auth0 also accepts.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<TokenRequest, GrantError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let read = match media_type.as_str() {
        "application/x-www-form-urlencoded" => {
            let members = MapDeserializer::<_, FormError>::new(form_urlencoded::parse(body));
            TokenRequest::deserialize(members).map_err(|error| error.to_string())
        }
        // A derived `Deserialize` would also accept an array.
        "application/json" if body.trim_ascii_start().starts_with(b"{") => {
            serde_json::from_slice(body).map_err(|error| error.to_string())
        }
        "application/json" => Err("it is not a JSON object".to_owned()),
        _ => {
            let types =
                "Content-Type must be application/json or application/x-www-form-urlencoded.";
            return Err(invalid_request(types));
        }
    };
    // A description may contain no quotation mark and no backslash (section 5.2).
    read.map_err(|error| {
        invalid_request(format!(
            "The body cannot be read: {}.",
            error.replace(['"', '\\'], "'")
        ))
    })
}

fn required<'a>(name: &str, value: &'a str) -> Result<&'a str, GrantError> {
    if value.is_empty() {
        Err(invalid_request(format!("{name} is missing.")))
    } else {
        Ok(value)
    }
}

/// Parses a role's name; the error lists the valid names.
fn role(name: &str) -> Result<Role, String> {
    name.parse().map_err(|()| {
        let [first, second, third, last] = Role::ALL.map(Role::user_name);
        format!("{first}, {second}, {third} or {last}")
    })
}

fn check_audience(tokens: &Tokens, audience: &str) -> Result<(), GrantError> {
    if required("audience", audience)? == tokens.audience() {
        return Ok(());
    }
    let description = format!("The audience must be {}.", tokens.audience());
    Err(GrantError(
        StatusCode::FORBIDDEN,
        "access_denied",
        description,
    ))
}
