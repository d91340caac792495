//! Deployments that accept a token, and whose endpoints do not do what it grants.

use axum::http::request::Parts;
use axum::http::{Method, Response};
use local::{Options, Role, Stack};
use serde_json::json;

use crate::support::*;

fn is(parts: &Parts, method: Method, path: &str) -> bool {
    parts.method == method && parts.uri.path() == path
}

#[tokio::test]
async fn an_endpoint_that_forbids_what_the_token_grants_is_named() {
    let stack = stack().await;
    let body =
        json!({"success": false, "error": 403, "message": "Permission not found: post:movies"});
    let server = Server::before(&stack, move |parts, response| {
        match is(parts, Method::POST, "/movies") {
            true => Response::builder()
                .status(403)
                .body(body.to_string().into())
                .unwrap(),
            false => response,
        }
    });
    let server = server.await;
    let diagnosis = doctor(&server.url, &token(&stack, Role::Producer), &[]).await;
    assert_eq!(diagnosis.names(), ["endpoint-forbidden"]);
    let seen = diagnosis.finding("endpoint-forbidden")["seen"].to_string();
    assert!(seen.contains(": POST /movies (403)."), "{seen}");
}

#[tokio::test]
async fn an_endpoint_that_allows_what_the_token_does_not_grant_is_named() {
    let stack = stack().await;
    let producer = token(&stack, Role::Producer);
    // In front of the stack, a token of an assistant becomes one of a producer.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let api = stack.api.clone();
    let server = Server::start(move |parts, _| {
        let (client, producer) = (client.clone(), producer.clone());
        let url = format!("{api}{}", parts.uri);
        async move {
            let mut request = client.request(parts.method, url);
            if parts.headers.contains_key("authorization") {
                request = request.bearer_auth(producer);
            }
            let forwarded = request.send().await.unwrap();
            let response = Response::builder().status(forwarded.status());
            let body = forwarded.bytes().await.unwrap();
            response
                .header("preference-applied", "handling=strict")
                .body(body.into())
                .unwrap()
        }
    })
    .await;
    let diagnosis = doctor(&server.url, &token(&stack, Role::Assistant), &[]).await;
    assert_eq!(diagnosis.names(), ["endpoint-open"]);
    let seen = diagnosis.finding("endpoint-open")["seen"].to_string();
    assert!(seen.contains("DELETE /movies/{movie_id} (404)"), "{seen}");
    assert!(!seen.contains("GET"), "{seen}");
}

#[tokio::test]
async fn a_route_that_is_missing_is_named() {
    let stack = stack().await;
    let server = Server::before(&stack, |parts, response| {
        match is(parts, Method::PATCH, "/actors/0") {
            true => gateway(404, "Not Found"),
            false => response,
        }
    })
    .await;
    let diagnosis = doctor(&server.url, &token(&stack, Role::Producer), &[]).await;
    assert_eq!(diagnosis.names(), ["endpoint-unexpected"]);
    let seen = diagnosis.finding("endpoint-unexpected")["seen"].to_string();
    assert!(seen.contains("PATCH /actors/{actor_id} (404)"), "{seen}");
}

#[tokio::test]
async fn after_an_endpoint_without_a_response_no_other_is_called() {
    let stack = stack().await;
    let api = stack.api.clone();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let server = Server::start(move |parts, _| {
        let (client, url) = (client.clone(), format!("{api}{}", parts.uri));
        async move {
            if parts.method == Method::POST {
                std::future::pending::<()>().await;
            }
            let request = client.request(parts.method, url);
            let forwarded = request.headers(without_host(parts.headers)).send().await;
            passed(forwarded.unwrap()).await
        }
    })
    .await;
    let token = token(&stack, Role::Producer);
    let diagnosis = doctor(&server.url, &token, &["--timeout", "3"]).await;
    assert_eq!(diagnosis.names(), ["endpoint-unexpected"]);
    let seen = diagnosis.finding("endpoint-unexpected")["seen"].to_string();
    assert!(seen.contains("POST /actors (no response)"), "{seen}");
    let endpoints = diagnosis.report["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 2);
    assert_eq!(endpoints[1]["status"], json!(null));
}

#[tokio::test]
async fn a_function_that_fails_is_named() {
    let stack = stack().await;
    let server = Server::before(&stack, |parts, response| {
        match is(parts, Method::POST, "/actors") {
            true => gateway(500, "Internal Server Error"),
            false => response,
        }
    })
    .await;
    let diagnosis = doctor(&server.url, &token(&stack, Role::Producer), &[]).await;
    assert_eq!(diagnosis.names(), ["endpoint-failed"]);
    let seen = diagnosis.finding("endpoint-failed")["seen"].to_string();
    assert!(seen.contains("POST /actors (500)"), "{seen}");
}

#[tokio::test]
async fn a_gateway_that_throttles_is_named() {
    let stack = stack().await;
    let server = Server::before(&stack, |parts, response| {
        match parts.headers.contains_key("authorization") {
            true => gateway(429, "Too Many Requests"),
            false => response,
        }
    })
    .await;
    let token = token(&stack, Role::Producer);
    check(&server.url, &token, &[], &["api-throttled"]).await;
}

#[tokio::test]
async fn an_api_that_cannot_fetch_the_keys_of_its_issuer_is_named() {
    let (_socket, closed) = closed_port();
    let options = Options {
        issuer: Some(closed.parse().unwrap()),
        ..options()
    };
    let broken = Stack::start(options).await.unwrap();
    let stack = stack().await;
    let token = changed_token(&stack, json!({}), json!({"iss": format!("{closed}/")}));
    let diagnosis = doctor(&broken.api, &token, &[]).await;
    assert_eq!(diagnosis.names(), ["issuer-refused", "api-keys"]);
    assert_eq!(diagnosis.status("token"), "ok");
}

#[tokio::test]
async fn an_api_that_cannot_reach_its_database_is_named() {
    let (_socket, closed) = closed_port();
    let options = Options {
        dynamodb: Some(closed),
        ..options()
    };
    let stack = Stack::start(options).await.unwrap();
    let diagnosis = doctor(&stack.api, &token(&stack, Role::Producer), &[]).await;
    assert_eq!(diagnosis.names(), ["api-database"]);
    let seen = diagnosis.finding("api-database")["seen"].to_string();
    assert!(
        seen.contains("GET /actors") && !seen.contains("DELETE"),
        "{seen}"
    );
}

#[tokio::test]
async fn an_api_that_is_older_than_the_command_is_named() {
    let stack = stack().await;
    let server = Server::before(&stack, |_, mut response| {
        response.headers_mut().remove("preference-applied");
        response
    })
    .await;
    let token = token(&stack, Role::Producer);
    check(&server.url, &token, &[], &["version-older"]).await;
}
