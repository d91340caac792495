use std::collections::BTreeSet;
use std::time::Duration;

use local::Role::{Director, Producer};
use serde_json::{Value, json};

use crate::support::proxy::{Fault, Proxy};
use crate::support::template::resources;
use crate::support::{Api, ApiResponse, logged, send, with_json};

/// The log's lines for one response.
fn lines_of(response: &ApiResponse) -> Vec<Value> {
    let id = response.header("x-correlation-id").unwrap();
    let log = logged();
    let lines = log.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    });
    lines.filter(|line| line["correlation_id"] == id).collect()
}

#[tokio::test]
async fn a_request_logs_one_line_with_its_route_status_and_duration() {
    let api = Api::start().await;
    let id = api.add_actor("Ida").await;
    let response = api
        .patch(Director, &format!("/actors/{id}"), &json!({"age": 35}))
        .await;
    let lines = lines_of(&response);
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(
        (&line["function"], &line["route"], &line["status"]),
        (
            &json!("patch_actors"),
            &json!("/actors/{actor_id}"),
            &json!(200)
        )
    );
    assert_eq!(
        (&line["level"], &line["method"]),
        (&json!("INFO"), &json!("PATCH"))
    );
    assert!(
        line["milliseconds"]
            .as_f64()
            .is_some_and(|milliseconds| milliseconds > 0.0)
    );
    assert!(
        line["subject"]
            .as_str()
            .is_some_and(|hash| hash.len() == 16 && !hash.contains("director"))
    );
}

/// Whether the template's filters for table errors count this line. They compare the cause with
/// texts that may end in `*`.
fn is_counted_as_table_error(line: &Value) -> bool {
    let filters = resources("AWS::Logs::MetricFilter").into_iter();
    let patterns: BTreeSet<_> = filters
        .filter(|(name, _)| name.ends_with("TableErrorsMetric"))
        .map(|(_, filter)| {
            filter["Properties"]["FilterPattern"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let [pattern] = &patterns.into_iter().collect::<Vec<_>>()[..] else {
        panic!("the filters differ");
    };
    let cause = line["cause"].as_str().unwrap();
    let terms = pattern
        .strip_prefix("{ ")
        .unwrap()
        .strip_suffix(" }")
        .unwrap();
    terms.split(" || ").any(|term| {
        let text = term
            .strip_prefix("($.cause = \"")
            .unwrap()
            .strip_suffix("\")")
            .unwrap();
        text.strip_suffix('*')
            .map_or(cause == text, |start| cause.starts_with(start))
    })
}

#[tokio::test]
async fn the_templates_filters_count_the_requests_that_fail_because_of_a_table() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let id = api.add_actor("Ida").await;
    // One actor with credits: the row is read, then the credits.
    let delay = Fault::Delay(Duration::from_millis(400));
    for (row, credits, cause) in [
        (
            Fault::Throttle,
            Fault::None,
            "store: GetItem unavailable: ThrottlingException",
        ),
        (
            Fault::None,
            Fault::ErrorBefore,
            "store: Query unavailable: InternalServerError",
        ),
        (delay, Fault::BlackHole, "the handler took too long"),
    ] {
        proxy.plan(move |call| if call == "GetItem" { row } else { credits });
        let lines = lines_of(
            &api.get(Producer, &format!("/actors/{id}?include=credits"))
                .await,
        );
        assert_eq!(lines[0]["cause"], cause);
        assert!(is_counted_as_table_error(&lines[0]), "{cause}");
    }
    proxy.plan(|_| Fault::None);
    for response in [
        api.get(Producer, "/actors").await,
        api.get(Producer, "/actors/999").await,
        api.post(Producer, "/actors", &json!({})).await,
        send(api.request("GET", "/actors")).await,
    ] {
        assert!(
            !is_counted_as_table_error(&lines_of(&response)[0]),
            "{response:?}"
        );
    }
}

#[tokio::test]
async fn the_log_names_the_cause_of_a_rejected_token() {
    let api = Api::start().await;
    for (value, cause) in [
        ("Basic dTpw", "invalid token: no bearer token"),
        (
            "Bearer x.y",
            "invalid token: not three segments of base64url",
        ),
    ] {
        let response = send(api.request("GET", "/actors").header("authorization", value)).await;
        assert_eq!(lines_of(&response)[0]["cause"], cause);
    }
    let response = send(api.request("GET", "/actors")).await;
    assert_eq!(lines_of(&response)[0]["cause"], "no authorization header");
}

#[tokio::test]
async fn nothing_secret_or_personal_is_logged() {
    let api = Api::start().await;
    let token = api.stack.tokens.as_ref().unwrap().issue(Producer).unwrap();
    let name = "Quentin Unlogged";
    let bodies = [
        json!({"name": name, "age": 77, "gender": "unlogged"}),
        json!({"name": name, "age": -77}),
        json!({"name": [name]}),
    ];
    for body in bodies {
        let request = api
            .request("POST", &format!("/actors?name={name}"))
            .header("authorization", format!("Bearer {token}"));
        send(
            request
                .header("x-name", name)
                .header("user-agent", name)
                .body(body.to_string()),
        )
        .await;
    }
    send(
        api.request("DELETE", &format!("/actors/{name}"))
            .header("authorization", format!("Bearer {token}")),
    )
    .await;
    send(api.request("DELETE", &format!("/{name}"))).await;
    send(api.request("GET", "/actors").header(
        "authorization",
        format!("Bearer {}x", &token[..token.len() - 9]),
    ))
    .await;
    cast_and_find(&api, name).await;
    let log = logged();
    for secret in [&token[..40], "Quentin", "unlogged", "local|producer"] {
        assert!(
            !log.to_lowercase().contains(&secret.to_lowercase()),
            "{secret}"
        );
    }
}

#[tokio::test]
async fn unknown_names_are_counted_in_the_log_but_not_logged() {
    let api = Api::start().await;
    let request = api
        .request_as(Producer, "POST", "/movies?unlogged=1&unlogged-too")
        .header("prefer", "handling=strict");
    let body = json!({"title": "", "unlogged": 1, "cast": [{"actor_id": 0, "unlogged": 1}]});
    let response = send(with_json(request, &body)).await;
    assert_eq!(response.field_errors().len(), 6);
    assert_eq!(
        lines_of(&response)[0]["cause"],
        "unprocessable: title, cast[0].actor_id, 4 unknown"
    );
    assert!(!logged().contains("unlogged"));
}

/// Casts an actor whom no log may name, finds actor and movie in every way, and sends invalid
/// requests.
async fn cast_and_find(api: &Api, name: &str) {
    let actor = json!({"name": name, "age": 77, "gender": "unlogged"});
    let actor = api.post(Producer, "/actors", &actor).await.expect(200)["actors"][0]["id"]
        .as_u64()
        .unwrap();
    let cast =
        |actor: u64| json!([{"actor_id": actor, "character": "Quentin's Character", "billing": 1}]);
    let movie =
        json!({"title": "Quentin's Movie", "release_date": "1942-11-26", "cast": cast(actor)});
    let keyed = api
        .request_as(Producer, "POST", "/movies")
        .header("idempotency-key", "Quentin's key");
    let movie = send(with_json(keyed, &movie)).await.expect(200)["movies"][0]["id"]
        .as_u64()
        .unwrap();
    let path = format!("/movies/{movie}");
    api.patch(
        Director,
        &path,
        &json!({"title": "Quentin's Second", "cast": cast(999)}),
    )
    .await
    .expect(422);
    let bad = json!({"cast": [{"actor_id": actor, "character": "Quentin\u{7}"}, "Quentin"]});
    api.patch(Director, &path, &bad).await.expect(422);
    for (status, query) in [
        (200, format!("{path}?include=cast")),
        (200, format!("/actors/{actor}?include=credits")),
        (
            200,
            "/actors?name=quentin&gender=unlogged&include=credits".to_owned(),
        ),
        (200, "/movies?title=quentin&include=cast".to_owned()),
        (200, format!("/movies?actor_id={actor}&title=Quentin")),
        (422, "/actors?name=quentin&name=quentin".to_owned()),
        (422, "/actors?gender=unlogged&cursor=Quentin".to_owned()),
        (422, "/movies?released_from=Quentin&sort=Quentin".to_owned()),
        (422, format!("{path}?include=Quentin")),
    ] {
        api.get(Director, &query).await.expect(status);
    }
    api.add_actor(name).await;
    let next = api
        .get(Director, "/actors?name=quentin&sort=name&limit=1")
        .await
        .expect(200)["next"]
        .clone();
    let cursor = next.as_str().unwrap();
    api.get(Director, cursor).await.expect(200);
    // A cursor contains the row's position in the list, which here is its name.
    let (_, cursor) = cursor.split_once("cursor=").unwrap();
    let place = &cursor[16..40];
    api.get(
        Director,
        &format!("/actors?name=quen&sort=name&cursor={cursor}"),
    )
    .await
    .expect(422);
    api.delete(Producer, &path).await.expect(200);
    api.delete(Producer, &format!("/actors/{actor}"))
        .await
        .expect(200);
    assert!(!logged().contains(place), "a cursor is logged");
}

#[tokio::test]
async fn a_client_cannot_inject_log_lines() {
    let api = Api::start().await;
    for path in ["/actors%0d%0a%1b[31m", "/actors/%0a%0d", "/%1b%5d0;x%07"] {
        let response = send(api.request("X-%0A", path)).await;
        assert_eq!(lines_of(&response).len(), 1);
    }
    assert!(!logged().contains('\u{1b}'));
}
