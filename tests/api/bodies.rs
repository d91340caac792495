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
async fn a_body_that_is_no_json_object_is_400() {
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
async fn json_is_taken_under_its_own_name_or_under_none() {
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
async fn any_other_type_or_encoding_is_415() {
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
async fn a_body_over_64_kib_is_413_and_one_of_64_kib_is_read() {
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
async fn size_is_judged_before_type_type_before_syntax_and_syntax_before_rules() {
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
async fn a_body_where_none_is_needed_is_not_looked_at() {
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
async fn every_age_that_is_a_whole_number_is_taken_and_no_other() {
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
async fn a_bad_patch_body_to_an_actor_that_exists_is_judged_as_on_post() {
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
