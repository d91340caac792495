use local::Role::Director;
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, with_json};

const GOOD: &str = r#"{"name": "Ida", "age": 34, "gender": "f"}"#;

async fn post(api: &Api, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> ApiResponse {
    let request = headers.iter().fold(
        api.request_as(Director, "POST", "/actors"),
        |request, (name, value)| request.header(*name, *value),
    );
    send(request.body(body)).await
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_returns_400() {
    let api = Api::start().await;
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b"\"{}\"",
        b"{",
        b"{}{}",
        b"{'name': 1}",
        b"\xff\xfe{}",
        b"{\"name\": \"\xff\"}",
        b"name=Ida&age=34",
    ];
    for body in bodies {
        post(&api, &[("content-type", "application/json")], body)
            .await
            .expect_error(400, "bad request");
        post(&api, &[], body).await.expect_error(400, "bad request");
    }
}

#[tokio::test]
async fn a_json_body_is_accepted_with_a_json_content_type_or_none() {
    let api = Api::start().await;
    for content_type in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;profile=\"x\"",
    ] {
        post(&api, &[("content-type", content_type)], GOOD)
            .await
            .expect(200);
    }
    post(&api, &[], GOOD).await.expect(200);
    post(
        &api,
        &[
            ("content-type", "application/json"),
            ("content-encoding", "identity"),
        ],
        GOOD,
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn any_other_content_type_or_encoding_returns_415() {
    let api = Api::start().await;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "multipart/form-data; boundary=x",
    ] {
        post(&api, &[("content-type", content_type)], GOOD)
            .await
            .expect_error(415, "unsupported media type");
    }
    for encoding in ["gzip", "br", "identity, gzip"] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", encoding),
        ];
        post(&api, &headers, GOOD)
            .await
            .expect_error(415, "unsupported media type");
    }
    let twice = [
        ("content-type", "application/json"),
        ("content-type", "application/json"),
    ];
    post(&api, &twice, GOOD)
        .await
        .expect_error(415, "unsupported media type");
}

#[tokio::test]
async fn a_body_of_64_kib_is_accepted_and_a_larger_one_returns_413() {
    let api = Api::start().await;
    let padded = |length: usize| format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
    post(
        &api,
        &[("content-type", "application/json")],
        padded(64 * 1024),
    )
    .await
    .expect(200);
    post(
        &api,
        &[("content-type", "application/json")],
        padded(64 * 1024 + 1),
    )
    .await
    .expect_error(413, "payload too large");
    // Without a content type the gateway sends the body as base64; the limit applies to the decoded
    // length.
    post(&api, &[], padded(64 * 1024)).await.expect(200);
    post(&api, &[], padded(64 * 1024 + 1))
        .await
        .expect_error(413, "payload too large");
}

#[tokio::test]
async fn a_body_is_checked_for_size_then_type_then_syntax_then_fields() {
    let api = Api::start().await;
    let huge = "x".repeat(64 * 1024 + 1);
    post(&api, &[("content-type", "text/plain")], huge)
        .await
        .expect_error(413, "payload too large");
    post(&api, &[("content-type", "text/plain")], "{")
        .await
        .expect_error(415, "unsupported media type");
    post(&api, &[("content-type", "application/json")], "{")
        .await
        .expect_error(400, "bad request");
    assert_eq!(
        post(&api, &[("content-type", "application/json")], "{}")
            .await
            .field_errors(),
        ["name", "age", "gender"]
    );
}

#[tokio::test]
async fn get_and_delete_ignore_the_body() {
    let api = Api::start().await;
    let id = api.add_actor("Ida").await;
    let listed = api
        .request_as(Director, "GET", "/actors")
        .header("content-type", "text/plain")
        .body("{");
    send(listed).await.expect(200);
    let deleted = api
        .request_as(Director, "DELETE", &format!("/actors/{id}"))
        .header("content-type", "text/plain")
        .body("{");
    send(deleted).await.expect(200);
}

#[tokio::test]
async fn only_whole_numbers_from_0_to_150_are_accepted_as_ages() {
    let api = Api::start().await;
    let actor = |age: &str| format!(r#"{{"name": "Ida", "age": {age}, "gender": "f"}}"#);
    for (age, years) in [
        ("24", 24),
        ("24.0", 24),
        ("\"24\"", 24),
        ("0", 0),
        ("150", 150),
        ("2.4e1", 24),
        ("\"000\"", 0),
    ] {
        let body = post(&api, &[("content-type", "application/json")], actor(age))
            .await
            .expect(200);
        assert_eq!(body["actors"][0]["age"], years, "{age}");
    }
    for age in [
        "151", "-1", "24.5", "\"24.0\"", "\"\"", "\" 24\"", "true", "[]", "{}", "1e999", "\"x\"",
    ] {
        let response = post(&api, &[("content-type", "application/json")], actor(age)).await;
        assert_eq!(response.field_errors(), ["age"], "{age}");
    }
}

#[tokio::test]
async fn a_patch_body_is_checked_like_a_post_body() {
    let api = Api::start().await;
    let path = format!("/actors/{}", api.add_actor("Ida").await);
    let patch = || api.request_as(Director, "PATCH", &path);
    send(patch()).await.expect_error(400, "bad request");
    send(patch().header("content-type", "text/plain").body("{}"))
        .await
        .expect_error(415, "unsupported media type");
    send(patch().body("x".repeat(65_537)))
        .await
        .expect_error(413, "payload too large");
    assert_eq!(
        send(with_json(patch(), &json!({"age": "old"})))
            .await
            .field_errors(),
        ["age"]
    );
    let deep: Value =
        serde_json::from_str(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap();
    send(with_json(patch(), &json!({"other": deep})))
        .await
        .expect(200);
}
