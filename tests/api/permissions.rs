use local::Role::{self, Assistant, Director, Nobody, Producer};
use serde_json::{Value, json};

use crate::support::{Answer, Api, send, with_json};

/// Sends a request that would succeed for whoever may make it.
async fn call(api: &Api, role: Role, method: &str, template: &str) -> Answer {
    let body: Value = match template {
        "/actors" => json!({"name": "Ida", "age": 34, "gender": "f"}),
        "/movies" => json!({"title": "An Example"}),
        _ => json!({}),
    };
    let id = if template.contains("movie") { api.add_movie("An Example").await } else { api.add_actor("Ida").await };
    let path = template.split('{').next().unwrap().to_owned() + if template.contains('{') { "ID" } else { "" };
    let request = api.request_as(role, method, &path.replace("ID", &id.to_string()));
    send(if matches!(method, "POST" | "PATCH") { with_json(request, &body) } else { request }).await
}

#[tokio::test]
async fn the_matrix_of_endpoint_and_role_is_as_committed() {
    let api = Api::start().await;
    let committed = include_str!("../permissions.txt");
    let mut actual: String =
        committed.lines().take_while(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")).collect();
    actual += &format!("{:26}{}\n", "", "assistant  director  producer  nobody");
    let endpoints: Vec<_> = local::route_keys()
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| !key.starts_with("ANY ") && key != "$default")
        .collect();
    assert_eq!(endpoints.len(), 10);
    for endpoint in endpoints {
        let (method, template) = endpoint.split_once(' ').unwrap();
        let mut line = format!("{endpoint:26}");
        for (role, width) in [(Assistant, 11), (Director, 10), (Producer, 10), (Nobody, 0)] {
            let answer = call(&api, role, method, template).await;
            let may = match answer.status {
                200 => "yes",
                403 => "no",
                other => panic!("{endpoint} as {role:?}: {other}"),
            };
            line += &format!("{may:width$}");
        }
        actual += &format!("{line}\n");
    }
    assert_eq!(actual, committed, "tests/permissions.txt has drifted");
}

async fn assert_may(role: Role, method: &str, template: &str) {
    call(&Api::start().await, role, method, template).await.expect(200);
}

async fn assert_may_not(role: Role, method: &str, template: &str, permission: &str) {
    let answer = call(&Api::start().await, role, method, template).await;
    answer.expect_error(403, &format!("Permission not found: {permission}"));
    assert_eq!(answer.body["code"], "insufficient_permission");
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
async fn nobody_may_see_anything_with_a_token_alone() {
    assert_may_not(Nobody, "GET", "/actors", "get:actors").await;
    assert_may_not(Nobody, "GET", "/movies", "get:movies").await;
}
