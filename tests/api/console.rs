//! The console as the local stack serves it.

use local::Options;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use shared::config::Issuer;

use crate::support::{Api, client, options};

/// A file that the console has whatever it looks like.
const FILE: &str = "/vendor/preact.js";

async fn get(api: &Api, path: &str) -> Response {
    let url = format!("{}{path}", api.stack.console.as_ref().unwrap());
    client().get(url).send().await.unwrap()
}

#[tokio::test]
async fn the_configuration_is_that_of_the_running_stack() {
    let api = Api::start().await;
    let response = get(&api, "/config.json").await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let config: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let identity = api.stack.identity.clone().unwrap();
    assert_eq!(
        config,
        json!({
            "api": api.stack.api, "issuer": api.stack.issuer, "clientId": "console",
            "audience": "casting-agency",
            "demoCommand": format!(
                "cargo run -p local -- demo --port {} --identity-port {}",
                port(&api.stack.api),
                port(&identity)
            ),
        })
    );
}

#[tokio::test]
async fn a_file_is_served_with_its_type_and_only_if_the_client_has_another() {
    let api = Api::start().await;
    for (path, kind) in [
        (FILE, "text/javascript; charset=utf-8"),
        ("/vendor/preact.LICENSE", "text/plain; charset=utf-8"),
    ] {
        let response = get(&api, path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], kind, "{path}");
    }
    for path in [FILE, "/config.json"] {
        let tag = get(&api, path).await.headers()["etag"].clone();
        let tag = tag.to_str().unwrap();
        let url = format!("{}{path}", api.stack.console.as_ref().unwrap());
        for (known, status) in [
            (tag.to_owned(), 304),
            (format!("\"x\", W/{tag}"), 304),
            ("*".into(), 304),
            ("\"x\"".into(), 200),
            (tag.trim_matches('"').to_owned(), 200),
        ] {
            let request = client().get(&url).header("if-none-match", &known);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{path} {known}");
            assert_eq!(response.headers()["etag"], tag, "{path} {known}");
            let empty = response.bytes().await.unwrap().is_empty();
            assert_eq!(empty, status == 304, "{path} {known}");
        }
    }
}

#[tokio::test]
async fn the_address_itself_is_the_page() {
    let api = Api::start().await;
    let page = get(&api, "/").await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let other = get(&api, "/index.html").await;
    assert_eq!(
        (other.status().as_u16(), &other.headers()["location"]),
        (308, &"/".parse().unwrap())
    );
}

#[tokio::test]
async fn what_is_not_part_of_the_console_is_not_found() {
    let api = Api::start().await;
    for path in [
        "/nowhere",
        "/vendor",
        "/vendor/",
        "/vendor/README.md",
        "/vendor/..%2f..%2flocal/src/docs/page.js",
        "/%2e%2e%2flocal/src/docs/page.js",
        "/%2fetc%2fhosts",
        "/config",
    ] {
        assert_eq!(get(&api, path).await.status(), 404, "{path}");
    }
    let url = api.stack.console.clone().unwrap();
    let post = client().request(Method::POST, format!("{url}{FILE}"));
    assert_eq!(post.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn every_response_of_the_console_has_its_headers() {
    let api = Api::start().await;
    let issuer = api.stack.issuer.trim_end_matches('/');
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' {} {issuer}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        api.stack.api
    );
    for path in ["/", FILE, "/config.json", "/nowhere"] {
        let response = get(&api, path).await;
        for (name, value) in [
            ("content-security-policy", policy.as_str()),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-cache"),
            ("cross-origin-opener-policy", "same-origin-allow-popups"),
        ] {
            let values: Vec<_> = response.headers().get_all(name).iter().collect();
            assert_eq!(values, [value], "{path} {name}");
        }
        for name in ["access-control-allow-origin", "set-cookie"] {
            assert!(!response.headers().contains_key(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn another_issuer_has_a_console_only_with_its_client_id() {
    let issuer: Issuer = "tenant.example".parse().unwrap();
    assert!(Api::trusting(issuer.clone()).await.stack.console.is_none());
    let api = Api::with(Options {
        issuer: Some(issuer),
        console_client: Some("of-the-tenant".into()),
        ..options()
    })
    .await;
    let response = get(&api, "/config.json").await;
    let policy = response.headers()["content-security-policy"].clone();
    let connected = format!(
        "connect-src 'self' {} https://tenant.example;",
        api.stack.api
    );
    assert!(policy.to_str().unwrap().contains(&connected), "{policy:?}");
    let config: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(config["clientId"], "of-the-tenant");
    assert_eq!(config["issuer"], "https://tenant.example/");
    assert!(config.get("demoCommand").is_none(), "{config}");
}
