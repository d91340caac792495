//! Serves the contract as a file, and a page to try it as each role: Swagger UI, from a crate that
//! embeds its files.
//!
//! Both are served by the identity service, so that the page can fetch tokens from its own origin.

mod assets;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::identity::{Role, Tokens, escaped};

/// The contract, with the URL of an API on the default port.
const CONTRACT: &str = include_str!("../../../docs/openapi.yaml");
/// That URL in the contract.
const SERVER: &str = "http://127.0.0.1:3000";
const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const PNG: &str = "image/png";
/// RFC 9512.
const YAML: &str = "application/yaml";

/// The contract and the page for the API at this URL.
pub(crate) fn router(api: &str, tokens: &Tokens) -> Router {
    let contract = CONTRACT.replacen(SERVER, api, 1);
    let (page, policy) = (page(tokens), policy(api));
    Router::new()
        .route("/openapi.yaml", get(|| async { typed(YAML, contract) }))
        .route(
            "/docs",
            get(|| async { ([(CONTENT_SECURITY_POLICY, policy)], typed(HTML, page)) }),
        )
        .route("/docs/page.js", get(|| async { typed(JAVASCRIPT, SCRIPT) }))
        .route("/docs/page.css", get(|| async { typed(CSS, STYLE) }))
        .route("/docs/{file}", get(asset))
}

/// A file of Swagger UI.
async fn asset(Path(file): Path<String>) -> Response {
    let kind = match file.as_str() {
        "swagger-ui-bundle.js" => JAVASCRIPT,
        "swagger-ui.css" => CSS,
        "favicon-32x32.png" => PNG,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match assets::file(&file) {
        Ok(contents) => typed(kind, contents).into_response(),
        Err(cause) => {
            tracing::error!(cause, "a file of the docs page cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Adds headers: the browser must not guess another type, and must revalidate each time, because a
/// new version of `local` may have other content.
fn typed<T>(kind: &'static str, body: T) -> ([(HeaderName, &'static str); 4], T) {
    let headers = [
        (CONTENT_TYPE, kind),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body)
}

/// The content security policy: the page runs only this service's scripts, and connects only to
/// this service and the API. Swagger UI's images are in its style sheet.
fn policy(api: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {api}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page, with a button for each role.
fn page(tokens: &Tokens) -> String {
    let buttons = Role::ALL.map(button).concat();
    PAGE.replacen("{audience}", &escaped(tokens.audience()), 1)
        .replacen("{roles}", &buttons, 1)
}

/// A button that signs in as the role; the page's script enables it.
fn button(role: Role) -> String {
    let (name, title) = (role.user_name(), role.title());
    format!(
        "<button type=\"button\" name=\"role\" value=\"{name}\" aria-pressed=\"false\" disabled>{title}</button>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_has_one_address_to_put_the_apis_in_the_place_of() {
        assert_eq!(CONTRACT.matches(SERVER).count(), 1);
    }

    #[test]
    fn the_page_has_a_place_for_each_of_its_parts() {
        for part in ["{audience}", "{roles}"] {
            assert_eq!(PAGE.matches(part).count(), 1, "{part}");
        }
    }
}
