use local::Role::{self, Assistant, Director, Nobody, Producer};
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, with_json};

/// Sends a request that succeeds for any role with the permission.
async fn call(api: &Api, role: Role, method: &str, template: &str) -> ApiResponse {
    let body: Value = match template {
        "/actors" => json!({"name": "Ida", "age": 34, "gender": "f"}),
        "/movies" => json!({"title": "An Example"}),
        _ => json!({}),
    };
    let id = if template.contains("movie") {
        api.add_movie("An Example").await
    } else {
        api.add_actor("Ida").await
    };
    let path = template.split('{').next().unwrap().to_owned()
        + if template.contains('{') { "ID" } else { "" };
    let request = api.request_as(role, method, &path.replace("ID", &id.to_string()));
    send(if matches!(method, "POST" | "PATCH") {
        with_json(request, &body)
    } else {
        request
    })
    .await
}

#[tokio::test]
async fn the_permission_matrix_matches_the_committed_file() {
    let api = Api::start().await;
    let committed = include_str!("../permissions.txt");
    let mut actual: String = committed
        .lines()
        .take_while(|line| !line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect();
    actual += &format!("{:26}{}\n", "", "assistant  director  producer  nobody");
    let endpoints: Vec<_> = local::route_keys()
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| key != "$default")
        .collect();
    assert_eq!(endpoints.len(), 10);
    for endpoint in endpoints {
        let (method, template) = endpoint.split_once(' ').unwrap();
        let mut line = format!("{endpoint:26}");
        for (role, width) in [(Assistant, 11), (Director, 10), (Producer, 10), (Nobody, 0)] {
            let response = call(&api, role, method, template).await;
            let may = match response.status {
                200 => "yes",
                403 => "no",
                other => panic!("{endpoint} as {role:?}: {other}"),
            };
            line += &format!("{may:width$}");
        }
        actual += &format!("{line}\n");
    }
    actual += &format!("\n{:43}takes\n", "");
    for (request, method, path, body) in REQUESTS {
        actual += &format!(
            "{request:43}{}\n",
            required_permissions(&api, method, path, body)
                .await
                .join(" ")
        );
    }
    assert_eq!(actual, committed, "tests/permissions.txt has drifted");
}

/// Requests that show or probe rows of the other resource: their name in the matrix, and how to
/// send them.
const REQUESTS: [(&str, &str, &str, &str); 8] = [
    (
        "GET /actors?include=credits",
        "GET",
        "/actors?include=credits&limit=1",
        "",
    ),
    ("GET /actors?movie_id=1", "GET", "/actors?movie_id=1", ""),
    (
        "GET /actors/{actor_id}?include=credits",
        "GET",
        "/actors/1?include=credits",
        "",
    ),
    (
        "GET /movies?include=cast",
        "GET",
        "/movies?include=cast&limit=1",
        "",
    ),
    ("GET /movies?actor_id=1", "GET", "/movies?actor_id=1", ""),
    (
        "GET /movies/{movie_id}?include=cast",
        "GET",
        "/movies/1?include=cast",
        "",
    ),
    (
        "POST /movies with a cast",
        "POST",
        "/movies",
        r#"{"title": "M", "cast": [{"actor_id": 1}]}"#,
    ),
    (
        "PATCH /movies/{movie_id} with a cast",
        "PATCH",
        "/movies/1",
        r#"{"cast": [{"actor_id": 1}]}"#,
    ),
];

const ALL: [&str; 8] = [
    "get:actors",
    "post:actors",
    "patch:actors",
    "delete:actors",
    "get:movies",
    "post:movies",
    "patch:movies",
    "delete:movies",
];

async fn send_granted(
    api: &Api,
    permissions: &[&str],
    method: &str,
    path: &str,
    body: &str,
) -> ApiResponse {
    let request = api.request_granted(permissions, method, path);
    send(if body.is_empty() {
        request
    } else {
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
    })
    .await
}

/// The permissions that a request needs: those without which it gets 403, and with which alone it
/// does not.
async fn required_permissions(
    api: &Api,
    method: &str,
    path: &str,
    body: &str,
) -> Vec<&'static str> {
    let mut required_permissions = Vec::new();
    for one in ALL {
        let others: Vec<_> = ALL.into_iter().filter(|other| *other != one).collect();
        let response = send_granted(api, &others, method, path, body).await;
        if response.status == 403 {
            response.expect_error(403, &format!("Permission not found: {one}"));
            required_permissions.push(one);
        }
    }
    send_granted(api, &required_permissions, method, path, body)
        .await
        .expect(200);
    required_permissions
}

#[tokio::test]
async fn a_request_naming_the_other_resource_needs_its_permission_even_if_invalid() {
    let api = Api::start().await;
    api.add_actor("Ida").await;
    api.add_movie("M").await;
    for (method, path, body, missing) in [
        ("GET", "/actors?include=nonsense&limit=0", "", "get:movies"),
        ("GET", "/actors?movie_id=x", "", "get:movies"),
        ("GET", "/actors/1?include=cast", "", "get:movies"),
        ("GET", "/actors/99?include=credits", "", "get:movies"),
        ("GET", "/movies?actor_id=1&actor_id=2", "", "get:actors"),
        ("GET", "/movies/99?include=cast", "", "get:actors"),
        ("POST", "/movies", r#"{"cast": 7}"#, "get:actors"),
        (
            "POST",
            "/movies",
            r#"{"title": "M", "cast": []}"#,
            "get:actors",
        ),
        (
            "PATCH",
            "/movies/1",
            r#"{"title": "", "cast": [{"actor_id": 99}]}"#,
            "get:actors",
        ),
        // The response does not tell whether the movie exists, either.
        ("PATCH", "/movies/99", r#"{"cast": []}"#, "get:actors"),
    ] {
        let others: Vec<_> = ALL
            .into_iter()
            .filter(|permission| *permission != missing)
            .collect();
        let response = send_granted(&api, &others, method, path, body).await;
        response.expect_error(403, &format!("Permission not found: {missing}"));
    }
}

#[tokio::test]
async fn a_request_not_naming_the_other_resource_needs_no_further_permission() {
    let api = Api::start().await;
    api.add_actor("Ida").await;
    api.add_movie("M").await;
    for (permission, method, path, body) in [
        (
            "get:actors",
            "GET",
            "/actors?movie=1&cast=1&actor_id=1&name=i",
            "",
        ),
        ("get:movies", "GET", "/movies?movie_id=1&credits=1", ""),
        (
            "post:movies",
            "POST",
            "/movies",
            r#"{"title": "M", "cast": null}"#,
        ),
        // Of a repeated name, the last value counts.
        (
            "post:movies",
            "POST",
            "/movies",
            r#"{"title": "M", "cast": [{"actor_id": 1}], "cast": null}"#,
        ),
        ("patch:movies", "PATCH", "/movies/1", r#"{"title": "M"}"#),
        // An actor has no cast: the member is unknown.
        (
            "post:actors",
            "POST",
            "/actors",
            r#"{"name": "Ida", "age": 34, "gender": "f", "cast": [{"actor_id": 1}]}"#,
        ),
        ("patch:actors", "PATCH", "/actors/1", r#"{"cast": []}"#),
        ("delete:movies", "DELETE", "/movies/1", ""),
        ("delete:actors", "DELETE", "/actors/1", ""),
    ] {
        send_granted(&api, &[permission], method, path, body)
            .await
            .expect(200);
    }
}

async fn assert_may(role: Role, method: &str, template: &str) {
    call(&Api::start().await, role, method, template)
        .await
        .expect(200);
}

async fn assert_may_not(role: Role, method: &str, template: &str, permission: &str) {
    let response = call(&Api::start().await, role, method, template).await;
    response.expect_error(403, &format!("Permission not found: {permission}"));
    assert_eq!(response.body["code"], "insufficient_permission");
}

#[tokio::test]
async fn an_assistant_may_see_actors_and_movies() {
    assert_may(Assistant, "GET", "/actors").await;
    assert_may(Assistant, "GET", "/movies").await;
}

#[tokio::test]
async fn an_assistant_may_not_add_an_actor() {
    assert_may_not(Assistant, "POST", "/actors", "post:actors").await;
}

#[tokio::test]
async fn an_assistant_may_not_delete_a_movie() {
    assert_may_not(Assistant, "DELETE", "/movies/{movie_id}", "delete:movies").await;
}

#[tokio::test]
async fn a_director_may_add_and_delete_an_actor() {
    assert_may(Director, "POST", "/actors").await;
    assert_may(Director, "DELETE", "/actors/{actor_id}").await;
}

#[tokio::test]
async fn a_director_may_change_a_movie() {
    assert_may(Director, "PATCH", "/movies/{movie_id}").await;
}

#[tokio::test]
async fn a_director_may_neither_add_nor_delete_a_movie() {
    assert_may_not(Director, "POST", "/movies", "post:movies").await;
    assert_may_not(Director, "DELETE", "/movies/{movie_id}", "delete:movies").await;
}

#[tokio::test]
async fn a_producer_may_add_a_movie() {
    assert_may(Producer, "POST", "/movies").await;
}

#[tokio::test]
async fn a_producer_may_delete_a_movie() {
    assert_may(Producer, "DELETE", "/movies/{movie_id}").await;
}

#[tokio::test]
async fn a_token_without_permissions_may_see_nothing() {
    assert_may_not(Nobody, "GET", "/actors", "get:actors").await;
    assert_may_not(Nobody, "GET", "/movies", "get:movies").await;
}
