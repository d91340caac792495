//! Lets the pages of registered clients read responses (Fetch standard, section 3.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Service;

/// Responds to preflights, and allows a registered origin to read the response. No credentials are
/// allowed: cookies play no part here.
pub(super) async fn allow_clients(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let is_client = service.clients.has_origin(request.headers());
    let origin = request.headers().get(ORIGIN).filter(|_| is_client).cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = match (is_preflight, is_client) {
        (true, true) => preflight(),
        (true, false) => StatusCode::FORBIDDEN.into_response(),
        (false, _) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET,POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "accept,content-type"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
