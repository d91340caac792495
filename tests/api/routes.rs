use local::Role::Producer;
use serde_json::json;

use crate::support::{Api, send};

#[tokio::test]
async fn an_unknown_path_returns_404_before_authentication() {
    let api = Api::start().await;
    for path in [
        "/",
        "/actor",
        "/actors/",
        "/actors/1/",
        "/actors/1/movies",
        "/Actors",
        "//actors",
        "/actors%2F1%2F2",
        "/%61ctors%2f",
        "/directors",
        "/.env",
        "/actors;x",
        "/%00",
    ] {
        for method in ["GET", "POST", "DELETE", "PUT"] {
            send(api.request(method, path))
                .await
                .expect_error(404, "resource not found");
        }
    }
    send(api.request_as(Producer, "GET", "/elsewhere"))
        .await
        .expect_error(404, "resource not found");
}

#[tokio::test]
async fn an_unsupported_method_returns_405_and_allow_before_authentication() {
    let api = Api::start().await;
    let table = [
        (
            "/actors",
            "GET, POST",
            [
                "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND",
            ],
        ),
        (
            "/movies",
            "GET, POST",
            ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get"],
        ),
        (
            "/actors/1",
            "DELETE, GET, PATCH",
            ["PUT", "get", "POST", "HEAD", "OPTIONS", "TRACE", "LINK"],
        ),
        (
            "/movies/x",
            "DELETE, GET, PATCH",
            ["PUT", "Get", "POST", "HEAD", "OPTIONS", "TRACE", "patch"],
        ),
    ];
    for (path, allow, methods) in table {
        for method in methods {
            let response = send(api.request(method, path)).await;
            assert_eq!(
                (response.status, response.header("allow")),
                (405, Some(allow)),
                "{method} {path}"
            );
            if method != "HEAD" {
                response.expect_error(405, "method not allowed");
            }
        }
    }
}

#[tokio::test]
async fn checks_run_in_the_documented_order() {
    let api = Api::start().await;
    let nobody = |method: &str, path: &str| api.request_as(local::Role::Nobody, method, path);
    // The order of checks: route, token, permission, id, body.
    send(
        api.request("PUT", "/actors")
            .header("authorization", "Bearer x"),
    )
    .await
    .expect_error(405, "method not allowed");
    send(api.request("PATCH", "/actors/01").body("{"))
        .await
        .expect_error(401, "Authorization header is expected.");
    send(nobody("PATCH", "/actors/01").body("{"))
        .await
        .expect_error(403, "Permission not found: patch:actors");
    send(
        nobody("POST", "/movies")
            .header("content-type", "text/plain")
            .body("x".repeat(70_000)),
    )
    .await
    .expect_error(403, "Permission not found: post:movies");
    send(api.request_as(Producer, "PATCH", "/actors/01").body("{"))
        .await
        .expect_error(404, "resource not found");
    send(
        api.request_as(Producer, "PATCH", "/actors/1")
            .header("content-type", "text/plain")
            .body("{"),
    )
    .await
    .expect_error(404, "resource not found");
    assert_eq!(
        api.post(Producer, "/movies", &json!({}))
            .await
            .field_errors(),
        ["title"]
    );
}

#[tokio::test]
async fn an_encoded_slash_is_not_a_path_separator() {
    let api = Api::start().await;
    let id = api.add_actor("Ida").await;
    for method in ["DELETE", "GET", "PATCH"] {
        let request = api
            .request_as(Producer, method, &format!("/actors%2F{id}"))
            .body("{}");
        send(request).await.expect_error(404, "resource not found");
    }
    assert_eq!(
        api.get(Producer, "/actors").await.expect(200)["actors"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
