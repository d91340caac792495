//! The local gateway behaves as API Gateway does.

use local::Role::{Assistant, Director};
use reqwest::header::HeaderMap;
use tokio::io::AsyncWriteExt;

use crate::support::{Api, raw, send};

#[tokio::test]
async fn the_gateway_handles_preflights_and_other_options_requests_return_405() {
    let api = Api::start().await;
    let preflight = api
        .request("OPTIONS", "/actors")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        response.headers()["access-control-allow-headers"],
        "authorization,content-type,idempotency-key,if-match,prefer"
    );
    send(
        api.request("OPTIONS", "/actors")
            .header("origin", "https://app.example"),
    )
    .await
    .expect_error(405, "method not allowed");
}

#[tokio::test]
async fn a_response_to_another_origin_has_a_cors_header() {
    let api = Api::start().await;
    let response = send(
        api.request_as(Assistant, "GET", "/actors")
            .header("origin", "https://app.example"),
    )
    .await;
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        api.get(Assistant, "/actors")
            .await
            .header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn the_gateway_rejects_bodies_over_10_mb_and_headers_over_10_kb() {
    let api = Api::start().await;
    let limit = 10 * 1024 * 1024;
    let at_limit = api
        .request_as(Director, "POST", "/actors")
        .body(vec![b'x'; limit]);
    send(at_limit).await.expect_error(413, "payload too large");
    let over = api
        .request_as(Director, "POST", "/actors")
        .body(vec![b'x'; limit + 1])
        .send()
        .await
        .unwrap();
    assert_eq!(
        (over.status().as_u16(), over.text().await.unwrap().as_str()),
        (413, r#"{"message":"Request Entity Too Large"}"#)
    );
    let long = api
        .request("GET", "/actors")
        .header("x-long", "x".repeat(11_000))
        .send()
        .await
        .unwrap();
    assert_eq!(long.status(), 431);
}

#[tokio::test]
async fn unusual_http_requests_get_responses_in_the_documented_shape() {
    let api = Api::start().await;
    let requests: [(&[u8], u16); 8] = [
        (b"GET /actors HTTP/1.1\r\nConnection: close\r\n\r\n", 401),
        (b"GET /actors?a='b'&c={d}|e HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 401),
        (b"GET /actors?\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 401),
        (b"GET /actors HTTP/1.1\r\nHost: localhost\r\nX-Name: \xff\xfe\r\nConnection: close\r\n\r\n", 401),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET http://localhost/actors HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 401),
        (b"BREW /actors HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
        (b"GET /actors HTTP/1.0\r\n\r\n", 401),
    ];
    for (request, status) in requests {
        let response = raw::send(&api, request).await;
        response.check_shape();
        assert_eq!(
            response.status,
            status,
            "{}",
            String::from_utf8_lossy(request)
        );
    }
}

#[tokio::test]
async fn a_client_disconnect_during_a_request_affects_no_other_client() {
    let api = Api::start().await;
    let mut stream = raw::connect(&api).await;
    stream
        .write_all(
            b"POST /actors HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"name\"",
        )
        .await
        .unwrap();
    drop(stream);
    api.get(Assistant, "/actors").await.expect(200);
}

#[tokio::test]
async fn two_content_types_in_one_request_return_415() {
    let api = Api::start().await;
    let mut headers = HeaderMap::new();
    headers.append("content-type", "application/json".parse().unwrap());
    headers.append("content-type", "text/plain".parse().unwrap());
    // Joined by a comma, the two values are no media type, though the first alone would be one.
    let response = send(
        api.request_as(Director, "POST", "/actors")
            .headers(headers)
            .body("{}"),
    )
    .await;
    response.expect_error(415, "unsupported media type");
}
