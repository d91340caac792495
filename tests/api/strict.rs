//! `Prefer: handling=strict`: no unknown name is ignored.

use local::Role::{Assistant, Director, Producer};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, with_json};

fn strictly(request: RequestBuilder) -> RequestBuilder {
    request.header("prefer", "handling=strict")
}

async fn get(api: &Api, path: &str) -> ApiResponse {
    send(strictly(api.request_as(Assistant, "GET", path))).await
}

async fn write(api: &Api, method: &str, path: &str, body: &Value) -> ApiResponse {
    send(strictly(with_json(
        api.request_as(Producer, method, path),
        body,
    )))
    .await
}

/// The fields of a 422, each with the rule that it breaks.
#[track_caller]
fn details(response: &ApiResponse) -> Vec<(&str, &str)> {
    response.expect_error(422, "unprocessable");
    let details = response.body["details"].as_array().unwrap().iter();
    details
        .map(|detail| {
            (
                detail["field"].as_str().unwrap(),
                detail["message"].as_str().unwrap(),
            )
        })
        .collect()
}

/// A request that succeeds.
struct Operation {
    method: String,
    path: String,
    body: Option<Value>,
}

/// Every operation that a route leads to, each on its own row.
async fn operations(api: &Api) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (key, _) in local::route_keys() {
        let Some((method, path)) = key.split_once(' ') else {
            continue;
        };
        let (id, body) = if path.starts_with("/actors") {
            (
                api.add_actor("Ida").await,
                json!({"name": "Ida", "age": 34, "gender": "female"}),
            )
        } else {
            (
                api.add_movie("An Example").await,
                json!({"title": "An Example"}),
            )
        };
        let path = path
            .replace("{actor_id}", &id.to_string())
            .replace("{movie_id}", &id.to_string());
        let body = ["POST", "PATCH"].contains(&method).then_some(body);
        operations.push(Operation {
            method: method.to_owned(),
            path,
            body,
        });
    }
    operations
}

impl Operation {
    /// Sends the request with this query.
    async fn send(&self, api: &Api, prefer: Option<&str>, query: &str) -> ApiResponse {
        let mut request = api.request_as(Producer, &self.method, &format!("{}{query}", self.path));
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        send(if let Some(body) = &self.body {
            with_json(request, body)
        } else {
            request
        })
        .await
    }
}

async fn rows(api: &Api) -> [Value; 2] {
    [
        api.get(Assistant, "/actors").await.expect(200),
        api.get(Assistant, "/movies").await.expect(200),
    ]
}

#[tokio::test]
async fn every_operation_rejects_unknown_query_parameters_and_does_nothing() {
    let api = Api::start().await;
    let operations = operations(&api).await;
    assert_eq!(operations.len(), 10);
    let before = rows(&api).await;
    for operation in &operations {
        let response = operation
            .send(&api, Some("handling=strict"), "?page=2&Limit=1&page=3")
            .await;
        let expected = ["Limit", "page"].map(|name| (name, "is an unknown query parameter"));
        assert_eq!(
            details(&response),
            expected,
            "{} {}",
            operation.method,
            operation.path
        );
    }
    assert_eq!(rows(&api).await, before);
    for prefer in [None, Some("handling=lenient")] {
        for operation in operations
            .iter()
            .filter(|operation| operation.method != "DELETE")
        {
            let response = operation.send(&api, prefer, "?page=2").await;
            let status_and_preference = (response.status, response.header("preference-applied"));
            assert_eq!(
                status_and_preference,
                (200, None),
                "{} {}",
                operation.method,
                operation.path
            );
        }
    }
}

#[tokio::test]
async fn every_operation_reports_strict_handling() {
    let api = Api::start().await;
    for operation in operations(&api).await {
        let response = operation.send(&api, Some("handling=strict"), "").await;
        let status_and_preference = (response.status, response.header("preference-applied"));
        assert_eq!(
            status_and_preference,
            (200, Some("handling=strict")),
            "{} {}",
            operation.method,
            operation.path
        );
    }
}

#[tokio::test]
async fn lists_accept_their_own_parameters_and_single_rows_only_include() {
    let api = Api::start().await;
    let (actor, movie) = (
        api.add_actor("Ida").await,
        api.add_movie("An Example").await,
    );
    for known in [
        "/actors?name=i&gender=female&min_age=1&max_age=99&movie_id=1&sort=-age&limit=3&include=credits".to_owned(),
        "/movies?title=e&released_from=1999-01-01&released_to=2030-01-01&actor_id=1&sort=title&include=cast".to_owned(),
        "/actors?after=1".to_owned(),
        format!("/actors/{actor}?include=credits"),
        format!("/movies/{movie}?include=cast"),
    ] {
        get(&api, &known).await.expect(200);
    }
    for (path, unknown) in [
        (format!("/actors/{actor}?limit=1&include=credits"), "limit"),
        (format!("/movies/{movie}?sort=title"), "sort"),
        ("/movies?name=ida".to_owned(), "name"),
        ("/actors?title=example".to_owned(), "title"),
        ("/actors?Name=ida".to_owned(), "Name"),
        ("/actors?=1".to_owned(), ""),
        ("/actors?a%20%22%07b".to_owned(), "a \"\u{7}b"),
    ] {
        assert_eq!(get(&api, &path).await.field_errors(), [unknown], "{path}");
    }
    let both = get(&api, "/actors?limit=0&page=2&sort=up").await;
    assert_eq!(both.field_errors(), ["sort", "limit", "page"]);
}

#[tokio::test]
async fn next_works_in_strict_mode() {
    let api = Api::start().await;
    for _ in 0..3 {
        api.add_actor("Ida").await;
    }
    for first in [
        "/actors?limit=2",
        "/actors?limit=2&name=ida&sort=-name&include=credits",
    ] {
        let next = get(&api, first).await.expect(200)["next"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            get(&api, &next).await.expect(200)["actors"]
                .as_array()
                .unwrap()
                .len(),
            1,
            "{next}"
        );
    }
}

#[tokio::test]
async fn unknown_fields_are_reported_together_with_all_other_errors() {
    let api = Api::start().await;
    let body = r#"{"titel": "An Example", "title": "", "releaseDate": "2020-05-14",
                   "cast": [{"billling": 1, "actor_id": 1}, {"id": 7, "actor_id": 0}]}"#;
    let response =
        send(strictly(api.request_as(Producer, "POST", "/movies?dryrun")).body(body)).await;
    let expected = [
        (
            "title",
            "must be a text of 1 to 200 characters without control characters",
        ),
        ("cast[0].billling", "is an unknown field"),
        (
            "cast[1].actor_id",
            "must be the id of an actor, a whole number from 1",
        ),
        ("cast[1].id", "is an unknown field"),
        ("titel", "is an unknown field"),
        ("releaseDate", "is an unknown field"),
        ("dryrun", "is an unknown query parameter"),
    ];
    assert_eq!(details(&response), expected);
    assert_eq!(
        api.get(Assistant, "/movies").await.expect(200)["movies"],
        json!([])
    );
}

#[tokio::test]
async fn unknown_fields_are_reported_in_body_order() {
    let api = Api::start().await;
    let body = r#"{"zone": 1, "name": "Ida", "age": 34, "area": {}, "gender": "f", "zone": null}"#;
    let request = strictly(api.request_as(Director, "POST", "/actors"));
    assert_eq!(
        send(request.body(body)).await.field_errors(),
        ["zone", "area"]
    );
}

#[tokio::test]
async fn strict_mode_rejects_an_id_in_a_body_as_chosen_by_the_server() {
    let api = Api::start().await;
    let (actor, movie) = (
        api.add_actor("Ida").await,
        api.add_movie("An Example").await,
    );
    let expected = [("id", "is chosen by the server and must be left out")];
    for (method, path, mut body) in [
        (
            "POST",
            "/actors".to_owned(),
            json!({"name": "Ida", "age": 34, "gender": "female"}),
        ),
        ("PATCH", format!("/actors/{actor}"), json!({"age": 35})),
        ("POST", "/movies".to_owned(), json!({"title": "An Example"})),
        ("PATCH", format!("/movies/{movie}"), json!({})),
    ] {
        for id in [json!(1), Value::Null] {
            body["id"] = id;
            assert_eq!(
                details(&write(&api, method, &path, &body).await),
                expected,
                "{method} {path}"
            );
        }
        send(with_json(api.request_as(Producer, method, &path), &body))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn a_duplicate_field_is_rejected_in_strict_mode() {
    let api = Api::start().await;
    let actor = r#"{"name": "Ida", "n\u0061me": "Max", "age": 34, "gender": "female"}"#;
    let movie = r#"{"title": "M", "cast": [{"actor_id": 1, "actor_id": 2, "billing": null, "billing": null}]}"#;
    api.add_actor("Ida").await;
    api.add_actor("Ida").await;
    for (path, body, fields) in [
        ("/actors", actor, &["name"][..]),
        ("/movies", movie, &["cast[0].actor_id", "cast[0].billing"]),
        (
            "/movies",
            r#"{"title": "M", "cast": [], "cast": []}"#,
            &["cast"],
        ),
    ] {
        let response = send(strictly(api.request_as(Producer, "POST", path)).body(body)).await;
        assert_eq!(response.field_errors(), fields, "{body}");
        assert!(
            details(&response)
                .iter()
                .all(|(_, message)| *message == "is given twice"),
            "{response:?}"
        );
        send(api.request_as(Producer, "POST", path).body(body))
            .await
            .expect(200);
    }
    assert_eq!(
        api.get(Assistant, "/actors/3").await.expect(200)["actors"][0]["name"],
        "Max"
    );
}

#[tokio::test]
async fn a_patch_of_only_unknown_fields_is_rejected_and_an_empty_patch_accepted() {
    let api = Api::start().await;
    let path = format!("/actors/{}", api.add_actor("Ida").await);
    assert_eq!(
        write(&api, "PATCH", &path, &json!({"Age": 35}))
            .await
            .field_errors(),
        ["Age"]
    );
    let unchanged = write(&api, "PATCH", &path, &json!({})).await;
    assert_eq!(
        (
            unchanged.header("etag"),
            unchanged.header("preference-applied")
        ),
        (Some("\"1\""), Some("handling=strict"))
    );
    write(&api, "PATCH", "/actors/99", &json!({"Age": 35}))
        .await
        .expect_error(404, "resource not found");
}

#[tokio::test]
async fn unknown_names_are_checked_after_the_id_and_before_the_version() {
    let api = Api::start().await;
    let path = format!("/actors/{}?page=2", api.add_actor("Ida").await);
    let delete =
        |path: &str| strictly(api.request_as(Director, "DELETE", path)).header("if-match", "\"9\"");
    send(delete("/actors/01?page=2"))
        .await
        .expect_error(404, "resource not found");
    for path in [path.as_str(), "/actors/99?page=2"] {
        assert_eq!(send(delete(path)).await.field_errors(), ["page"]);
        assert_eq!(get(&api, path).await.field_errors(), ["page"]);
    }
    send(delete(path.trim_end_matches("?page=2")))
        .await
        .expect_error(412, "precondition failed");
    let keyed =
        strictly(api.request_as(Director, "POST", "/actors?page=2")).header("idempotency-key", "");
    let good = json!({"name": "Ida", "age": 34, "gender": "female"});
    assert_eq!(send(with_json(keyed, &good)).await.field_errors(), ["page"]);
    send(strictly(api.request_as(
        Assistant,
        "POST",
        "/actors?page=2",
    )))
    .await
    .expect_error(403, "Permission not found: post:actors");
    let large =
        strictly(api.request_as(Director, "POST", "/actors?page=2")).body("x".repeat(65_537));
    send(large).await.expect_error(413, "payload too large");
}

#[tokio::test]
async fn a_replay_reports_its_own_handling() {
    let api = Api::start().await;
    let body = json!({"name": "Ida", "age": 34, "gender": "female", "page": 2});
    let post = |prefer: &'static str, body: &Value| {
        let request = api
            .request_as(Director, "POST", "/actors")
            .header("idempotency-key", "k");
        send(with_json(request.header("prefer", prefer), body))
    };
    // A request that gets an error uses no key.
    assert_eq!(
        post("handling=strict", &body).await.field_errors(),
        ["page"]
    );
    let good = json!({"name": "Ida", "age": 34, "gender": "female"});
    for (prefer, replayed, applied) in [
        ("handling=strict", None, Some("handling=strict")),
        ("handling=strict", Some("true"), Some("handling=strict")),
        ("handling=lenient", Some("true"), None),
    ] {
        let response = post(prefer, &good).await;
        assert_eq!(
            (response.status, response.header("idempotency-replayed")),
            (200, replayed),
            "{prefer}"
        );
        assert_eq!(response.header("preference-applied"), applied, "{prefer}");
    }
}

#[tokio::test]
async fn the_first_handling_preference_wins() {
    let api = Api::start().await;
    for (values, applied) in [
        (
            &["respond-async, Handling=\"strict\"; x=y"][..],
            Some("handling=strict"),
        ),
        (
            &["return=minimal", "handling=strict"],
            Some("handling=strict"),
        ),
        (
            &["handling=strict, handling=lenient"],
            Some("handling=strict"),
        ),
        (&["handling=lenient", "handling=strict"], None),
        (&["x=\", handling=strict, \""], None),
        (&["handling=other"], None),
    ] {
        let request = api.request_as(Assistant, "GET", "/actors");
        let request = values
            .iter()
            .fold(request, |request, value| request.header("prefer", *value));
        let response = send(request).await;
        assert_eq!(
            (response.status, response.header("preference-applied")),
            (200, applied),
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn at_most_twenty_unknown_names_are_returned_cut_to_100_characters() {
    let api = Api::start().await;
    let mut body = json!({"name": "", "age": 34, "gender": "female"});
    let mut query = String::new();
    for number in 0..15 {
        body[format!("{number:02}{}", "é".repeat(200))] = json!(1);
        query += &format!("&{number:02}-{}", "q".repeat(200));
    }
    let response = write(&api, "POST", &format!("/actors?{query}"), &body).await;
    let named = response.field_errors();
    assert_eq!((named.len(), named[0]), (21, "name"));
    let mut unknown = named[1..].to_vec();
    unknown.sort_unstable();
    let field = |number| format!("{number:02}{}", "é".repeat(98));
    let parameter = |number| format!("{number:02}-{}", "q".repeat(97));
    let mut expected: Vec<_> = (0..15).map(field).chain((0..5).map(parameter)).collect();
    expected.sort_unstable();
    assert_eq!(unknown, expected);
    let entries: Vec<_> = (1..=30)
        .map(|actor| json!({"actor_id": actor, "x".repeat(150): 1}))
        .collect();
    let response = write(
        &api,
        "POST",
        "/movies",
        &json!({"title": "M", "cast": entries}),
    )
    .await;
    let expected: Vec<_> = (0..20)
        .map(|index| format!("cast[{index}].{}", "x".repeat(100)))
        .collect();
    assert_eq!(response.field_errors(), expected);
}
