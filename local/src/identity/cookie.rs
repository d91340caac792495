//! The cookie of a session (RFC 6265).
//!
//! Scripts cannot read it, and the browser sends it with no request of another site but a visit.
//! Cookies do not distinguish ports, so that other services on this host receive it too.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

const NAME: &str = "casting_agency_session";

/// The cookie's value in a request.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// The value of `Set-Cookie` that keeps the cookie until the browser closes.
pub(super) fn set(value: &str) -> String {
    format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Lax")
}

/// The value of `Set-Cookie` that removes it.
pub(super) fn clear() -> String {
    format!("{}; Max-Age=0", set(""))
}
