//! Stands in for API Gateway: an HTTP API with the routes of `template.yaml`.
//!
//! A request becomes the event that API Gateway would send, the endpoint's own Lambda service
//! handles it, and its response becomes HTTP again.

mod event;
mod functions;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_TYPE, ORIGIN,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

pub(crate) use functions::Functions;
pub use functions::route_keys;

/// The largest body that API Gateway accepts: 10 MB.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The most bytes that request line and headers may have together (same source).
const MAX_HEAD_BYTES: usize = 10_240;

/// The gateway in front of the eight functions.
pub(crate) fn router(functions: Arc<Functions>) -> Router {
    // The gateway matches routes itself, so that the template's rules apply and not axum's.
    Router::new().fallback(respond).with_state(functions)
}

async fn respond(
    State(functions): State<Arc<Functions>>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if is_preflight(&parts) {
        return preflight();
    }
    let mut response = match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        _ if head_bytes(&parts) > MAX_HEAD_BYTES => gateway_error(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request Header Fields Too Large",
        ),
        Ok(body) => invoke(&functions, &parts, &body).await,
        Err(error) if error.to_string().contains("length limit") => {
            gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
        }
        Err(_) => gateway_error(StatusCode::BAD_REQUEST, "Bad Request"),
    };
    if parts.headers.contains_key(ORIGIN) {
        allow_any_origin(response.headers_mut());
    }
    response
}

async fn invoke(functions: &Functions, parts: &Parts, body: &Bytes) -> Response<Body> {
    let route = functions.route(&parts.method, parts.uri.path());
    let event = event::event(parts, &route, body);
    let invoked = route.function.invoke(event.to_string()).await;
    let response = invoked.and_then(|response| event::response(&response));
    response.unwrap_or_else(|error| {
        tracing::error!(error, "the function failed");
        gateway_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// An error of API Gateway itself, which has another shape than the API's.
fn gateway_error(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(
        serde_json::json!({ "message": message }).to_string(),
    ));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn head_bytes(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len();
    line + parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum::<usize>()
}

/// The gateway responds to CORS preflights itself (Fetch standard, section 3.3); no function sees
/// them.
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow_any_origin(headers);
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET,POST,PATCH,DELETE"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization,content-type,idempotency-key,if-match,prefer"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Any page may call the local API: it uses no cookies, and a page has only the tokens that it was
/// given.
fn allow_any_origin(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "etag,idempotency-replayed,link,preference-applied,retry-after,www-authenticate,\
             x-amzn-remapped-www-authenticate,x-correlation-id",
        ),
    );
}
