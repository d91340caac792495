//! `POST /oauth/token` (RFC 6749, section 3.2), with Auth0's `audience`, and Auth0's statuses where
//! it documents them.
//! <https://auth0.com/docs/api/authentication>

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::value::{Error as FormError, MapDeserializer};
use serde_json::json;

use super::{Role, TOKEN_SECONDS, Tokens};
use crate::access::Sender;

/// The supported grant types.
pub(super) const GRANT_TYPES: [&str; 2] = ["password", "client_credentials"];
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

/// Issues a token to a user (`password`) or a program (`client_credentials`). Accepts any password
/// and any secret.
pub(super) async fn token(
    State(tokens): State<Tokens>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match issue(&tokens, &headers, body) {
        Ok(token) => {
            let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS });
            ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn issue(
    tokens: &Tokens,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, GrantError> {
    if Sender::of(headers) == Sender::Elsewhere {
        let reason =
            "The request comes from a page of another origin, and no website may have a token.";
        return Err(GrantError(
            StatusCode::FORBIDDEN,
            "access_denied",
            reason.to_owned(),
        ));
    }
    let body =
        body.map_err(|error| GrantError(error.status(), "invalid_request", too_long(&error)))?;
    let request = read(headers, &body)?;
    let known = GRANT_TYPES.join(" or ");
    let issued = match required("grant_type", &request.grant_type)? {
        "password" => {
            let user = role(required("username", &request.username)?);
            let user = user.map_err(|names| {
                GrantError(
                    StatusCode::FORBIDDEN,
                    "invalid_grant",
                    format!("The username must be {names}."),
                )
            })?;
            check_audience(tokens, &request.audience)?;
            tokens.issue(user)
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
            tokens.issue_to_client(client)
        }
        _ => {
            let description = format!("The grant_type must be {known}.");
            return Err(GrantError(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                description,
            ));
        }
    };
    issued.map_err(|cause| GrantError(StatusCode::INTERNAL_SERVER_ERROR, "server_error", cause))
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
