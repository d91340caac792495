//! Web pages that may not call the API.

use axum::http::HeaderValue;
use local::Stack;

use crate::support::*;

const ORIGIN: &str = "https://app.example";

/// Checks the finding about an API whose response has this header instead; without a value, it does
/// not have the header.
async fn check_changed(
    stack: &Stack,
    header: &'static str,
    value: Option<&'static str>,
    expected: &[&str],
) {
    let server = Server::before(stack, move |_, mut response| {
        match value {
            Some(value) => drop(
                response
                    .headers_mut()
                    .insert(header, HeaderValue::from_static(value)),
            ),
            None => drop(response.headers_mut().remove(header)),
        }
        response
    })
    .await;
    let diagnosis = doctor(&server.url, "", &["--origin", ORIGIN]).await;
    assert_eq!(diagnosis.names(), expected, "{header} {value:?}");
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_a_finding() {
    let stack = stack().await;
    let header = "access-control-allow-origin";
    for value in [
        None,
        Some("https://localhost"),
        Some("https://app.example/"),
        Some("null"),
    ] {
        check_changed(&stack, header, value, &["cors-origin"]).await;
    }
    check_changed(&stack, header, Some(ORIGIN), &[]).await;
    check_changed(&stack, header, Some("*"), &[]).await;
}

#[tokio::test]
async fn methods_and_headers_that_a_page_may_not_use_are_named() {
    let stack = stack().await;
    let methods = "access-control-allow-methods";
    for value in [None, Some("GET, POST, PATCH")] {
        check_changed(&stack, methods, value, &["cors-methods"]).await;
    }
    check_changed(&stack, methods, Some("*"), &[]).await;
    let headers = "access-control-allow-headers";
    // Authorization must be named.
    for value in [None, Some("authorization, content-type"), Some("*")] {
        check_changed(&stack, headers, value, &["cors-headers"]).await;
    }
    check_changed(&stack, headers, Some("*, Authorization"), &[]).await;
    let exposed = "access-control-expose-headers";
    for value in [None, Some("etag, link")] {
        check_changed(&stack, exposed, value, &["cors-exposed"]).await;
    }
}

#[tokio::test]
async fn a_preflight_that_reaches_a_function_is_a_finding() {
    let stack = stack().await;
    let server = Server::before(&stack, |parts, mut response| {
        if parts.method == "OPTIONS" {
            *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
        }
        response
    })
    .await;
    check(&server.url, "", &["--origin", ORIGIN], &["cors-preflight"]).await;
}
