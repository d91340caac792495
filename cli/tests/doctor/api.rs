//! APIs that are away, elsewhere, something else, or at another time.

use std::time::Duration;

use axum::http::HeaderValue;
use casting::doctor::{Settings, examine};
use local::Role;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_host_without_an_address_is_a_dns_finding() {
    // A label of more than 63 characters is no name that any DNS server is asked for.
    let api = format!("https://{}.example", "a".repeat(64));
    let diagnosis = doctor(&api, "", &[]).await;
    assert_eq!(diagnosis.names(), ["api-dns"]);
    for check in ["clock", "cors", "endpoints"] {
        assert_eq!(diagnosis.status(check), "skipped");
    }
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_is_a_refused_connection() {
    let (_socket, closed) = closed_port();
    check(&closed, "", &[], &["api-refused"]).await;
}

#[tokio::test]
async fn a_server_that_does_not_respond_is_a_timeout() {
    let (_listener, api) = silent().await;
    let diagnosis = doctor(&api, "", &["--timeout", "1"]).await;
    assert_eq!(diagnosis.names(), ["api-timeout"]);
    let seen = diagnosis.finding("api-timeout")["seen"].to_string();
    assert!(seen.contains("within 1 s"), "{seen}");
}

#[tokio::test]
async fn a_server_that_speaks_no_http_is_a_protocol_finding() {
    check(&mail_server().await, "", &[], &["api-protocol"]).await;
}

#[tokio::test]
async fn an_address_without_a_route_is_unreachable() {
    // No TCP connection leads to the broadcast address.
    check("https://255.255.255.255", "", &[], &["api-unreachable"]).await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_tls_finding() {
    let api = tls_server().await;
    let diagnosis = doctor(&api, "", &[]).await;
    assert_eq!(diagnosis.names(), ["api-tls"]);
    let seen = diagnosis.finding("api-tls")["seen"].to_string();
    assert!(
        seen.contains("trusts no issuer of the certificate"),
        "{seen}"
    );
}

#[tokio::test]
async fn https_to_a_server_without_tls_is_a_tls_finding() {
    let stack = stack().await;
    let api = stack.api.replace("http:", "https:");
    let diagnosis = doctor(&api, "", &[]).await;
    assert_eq!(diagnosis.names(), ["api-tls"]);
    let finding = diagnosis.finding("api-tls");
    assert!(
        finding["seen"].to_string().contains("does not speak TLS"),
        "{finding}"
    );
    assert!(
        finding["remedy"].to_string().contains("http://"),
        "{finding}"
    );
}

#[tokio::test]
async fn a_redirect_is_named_with_its_target_and_not_followed() {
    let target = "https://api.example/x";
    let server = Server::with(302, &[("location", &format!("{target}?token=secret"))], "").await;
    let diagnosis = doctor(&server.url, "", &[]).await;
    assert_eq!(diagnosis.names(), ["api-redirect"]);
    let seen = diagnosis.finding("api-redirect")["seen"].to_string();
    assert!(seen.contains(target) && !seen.contains("secret"), "{seen}");
}

#[tokio::test]
async fn a_path_that_is_too_long_is_named_with_the_right_url() {
    let stack = stack().await;
    let token = token(&stack, Role::Producer);
    for path in ["/actors", "/movies/", "/actors/1", "/staging/v1"] {
        let diagnosis = doctor(&format!("{}{path}", stack.api), &token, &[]).await;
        assert_eq!(diagnosis.names(), ["api-wrong-path"], "{path}");
        let remedy = &diagnosis.finding("api-wrong-path")["remedy"];
        assert_eq!(remedy, &format!("Use --api {}", stack.api), "{path}");
        assert_eq!(diagnosis.status("endpoints"), "skipped");
    }
}

#[tokio::test]
async fn a_gateway_without_the_path_is_a_wrong_path() {
    for (status, message) in [
        (404, "Not Found"),
        (403, "Forbidden"),
        (403, "Missing Authentication Token"),
    ] {
        let server = Server::start(move |_, _| async move { gateway(status, message) }).await;
        check(&server.url, "", &[], &["api-wrong-path"]).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_this_api_is_foreign() {
    let stack = stack().await;
    // The identity service of a real stack, on the wrong port.
    let identity = stack.identity.clone().unwrap();
    check(&identity, "", &[], &["api-foreign"]).await;
    let another = json!({"message": "Unauthorized"}).to_string();
    let similar = json!({"success": false, "error": 401, "message": "sign in"}).to_string();
    for (status, body) in [
        (200, "<html>"),
        (401, another.as_str()),
        (401, similar.as_str()),
        (401, ""),
        (404, "{}"),
        (200, "[]"),
    ] {
        let server = Server::with(status, &[], body).await;
        check(&server.url, "", &[], &["api-foreign"]).await;
    }
}

#[tokio::test]
async fn errors_of_the_gateway_are_told_apart() {
    let cases = [
        (500, "Internal Server Error", "api-error"),
        (503, "Service Unavailable", "api-error"),
        (429, "Too Many Requests", "api-throttled"),
        (421, "The Host header names another host", "api-host"),
    ];
    for (status, message, name) in cases {
        let server = Server::start(move |_, _| async move { gateway(status, message) }).await;
        check(&server.url, "", &[], &[name]).await;
    }
}

#[tokio::test]
async fn an_endless_response_is_foreign() {
    let server = Server::with(401, &[], &" ".repeat((1 << 20) + 1)).await;
    let diagnosis = doctor(&server.url, "", &[]).await;
    assert_eq!(diagnosis.names(), ["api-foreign"]);
    let seen = diagnosis.finding("api-foreign")["seen"].to_string();
    assert!(seen.contains("more than 1 MiB"), "{seen}");
}

#[tokio::test]
async fn a_clock_that_differs_by_more_than_a_token_may_is_a_finding() {
    let stack = stack().await;
    let token = token(&stack, Role::Producer);
    let at = async |seconds: i64| {
        let server = Server::before(&stack, move |_, mut response| {
            let date = chrono::DateTime::from_timestamp(from_now(seconds), 0).unwrap();
            let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            response
                .headers_mut()
                .insert("date", HeaderValue::try_from(date).unwrap());
            response
        });
        doctor(&server.await.url, &token, &[]).await
    };
    let diagnosis = at(7230).await;
    assert_eq!(diagnosis.names(), ["clock-skew"]);
    let seen = diagnosis.finding("clock-skew")["seen"].to_string();
    assert!(seen.contains("2 hours behind the API's"), "{seen}");
    // The token is as old as the API's clock says.
    let diagnosis = at(-7230).await;
    assert_eq!(diagnosis.names(), ["clock-skew", "token-not-yet-valid"]);
    let seen = diagnosis.finding("clock-skew")["seen"].to_string();
    assert!(seen.contains("2 hours ahead of the API's"), "{seen}");
    assert_eq!(at(20).await.names(), [""; 0]);
}

#[tokio::test]
async fn a_distant_api_without_tls_is_a_finding() {
    let stack = stack().await;
    let settings = Settings {
        api: casting::api_url(&stack.api).unwrap(),
        is_here: false,
        token: Ok(token(&stack, Role::Producer)),
        issuer: None,
        audience: None,
        origin: None,
        timeout: Duration::from_secs(10),
    };
    let report = examine(&settings).await.unwrap();
    let names: Vec<_> = report.findings().map(|finding| finding.name).collect();
    assert_eq!(names, ["api-plain-http"]);
}
