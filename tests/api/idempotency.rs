//! `Idempotency-Key`: however often a POST is sent, there is one row.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::Role::{self, Director, Producer};
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, with_json};

async fn post(api: &Api, role: Role, path: &str, key: &str, body: &Value) -> ApiResponse {
    send(with_json(
        api.request_as(role, "POST", path)
            .header("idempotency-key", key),
        body,
    ))
    .await
}

fn ida() -> Value {
    json!({"name": "Ida", "age": 34, "gender": "f"})
}

async fn count(api: &Api, path: &str) -> usize {
    let body = api.get(Producer, path).await.expect(200);
    body[path.trim_start_matches('/')].as_array().unwrap().len()
}

#[tokio::test]
async fn a_replay_returns_the_first_response_and_creates_no_row() {
    let api = Api::start().await;
    let first = post(&api, Director, "/actors", "k", &ida()).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    api.patch(Director, "/actors/1", &json!({"age": 99}))
        .await
        .expect(200);
    for _ in 0..3 {
        let again = post(&api, Director, "/actors", "k", &ida()).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(
            (again.status, &again.body, again.header("etag")),
            (200, &first.body, first.header("etag"))
        );
    }
    api.delete(Director, "/actors/1").await.expect(200);
    assert_eq!(
        post(&api, Director, "/actors", "k", &ida()).await.body,
        first.body
    );
    assert_eq!(count(&api, "/actors").await, 0);
    assert_eq!(api.add_actor("Next").await, 2, "a replay takes no id");
}

#[tokio::test]
async fn a_replay_of_a_movie_without_a_date_returns_the_first_date() {
    let api = Api::start().await;
    let first = post(&api, Producer, "/movies", "k", &json!({"title": "Now"})).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(
        post(&api, Producer, "/movies", "k", &json!({"title": "Now"}))
            .await
            .body,
        first.body
    );
}

#[tokio::test]
async fn an_idempotency_key_with_another_body_returns_422_and_creates_nothing() {
    let api = Api::start().await;
    post(&api, Director, "/actors", "k", &ida())
        .await
        .expect(200);
    let other = post(
        &api,
        Director,
        "/actors",
        "k",
        &json!({"name": "Ida", "age": 35, "gender": "f"}),
    )
    .await;
    assert_eq!(other.field_errors(), ["Idempotency-Key"]);
    assert_eq!(count(&api, "/actors").await, 1);
}

#[tokio::test]
async fn idempotency_keys_are_scoped_to_subject_and_route() {
    let api = Api::start().await;
    post(&api, Director, "/actors", "k", &ida())
        .await
        .expect(200);
    for (role, path, body) in [
        (Producer, "/actors", ida()),
        (Producer, "/movies", json!({"title": "M"})),
        (Director, "/actors", ida()),
    ] {
        let response = post(
            &api,
            role,
            path,
            if role == Director { "K" } else { "k" },
            &body,
        )
        .await;
        assert_eq!(response.header("idempotency-replayed"), None, "{path}");
        response.expect(200);
    }
    assert_eq!(
        (count(&api, "/actors").await, count(&api, "/movies").await),
        (3, 1)
    );
}

#[tokio::test]
async fn an_invalid_key_returns_422_and_a_rejected_request_uses_no_key() {
    let api = Api::start().await;
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        assert_eq!(
            post(&api, Director, "/actors", key, &ida())
                .await
                .field_errors(),
            ["Idempotency-Key"]
        );
    }
    post(&api, Director, "/actors", &long[1..], &ida())
        .await
        .expect(200);
    assert_eq!(
        post(&api, Director, "/actors", "k", &json!({"name": ""}))
            .await
            .field_errors(),
        ["name", "age", "gender"]
    );
    post(&api, Director, "/movies", "k", &json!({"title": "M"}))
        .await
        .expect_error(403, "Permission not found: post:movies");
    post(&api, Director, "/actors", "k", &ida())
        .await
        .expect(200);
    assert_eq!(count(&api, "/actors").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_with_one_key_create_one_row() {
    let api = Api::start().await;
    for round in 1..=5 {
        let key = format!("key {round}");
        let body = ida();
        let responses =
            join_all((0..24).map(|_| post(&api, Director, "/actors", &key, &body))).await;
        let mut rows = Vec::new();
        for response in responses {
            match response.status {
                200 => rows.push(response.body["actors"][0].clone()),
                409 => assert!(response.header("retry-after").is_some()),
                _ => panic!("{response:?}"),
            }
        }
        rows.dedup();
        assert_eq!(rows.len(), 1);
        assert_eq!(count(&api, "/actors").await, round);
    }
}

#[tokio::test]
async fn an_expired_key_is_ignored_before_dynamodb_deletes_its_record() {
    let api = Api::start().await;
    post(&api, Director, "/actors", "k", &ida())
        .await
        .expect(200);
    let client = api.stack.client();
    let scan = client
        .scan()
        .table_name(local::ACTORS_TABLE)
        .filter_expression("attribute_exists(expires_at)")
        .send()
        .await
        .unwrap();
    let mut record = scan.items()[0].clone();
    let expires: u64 = record["expires_at"].as_n().unwrap().parse().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    assert!((now + 86_390..=now + 86_400).contains(&expires));
    // Until it expires the record counts; afterwards it does not, even if DynamoDB has not deleted
    // it yet.
    for (at, replayed) in [(now + 5, Some("true")), (now, None)] {
        record.insert("expires_at".into(), AttributeValue::N(at.to_string()));
        client
            .put_item()
            .table_name(local::ACTORS_TABLE)
            .set_item(Some(record.clone()))
            .send()
            .await
            .unwrap();
        let response = post(&api, Director, "/actors", "k", &ida()).await;
        assert_eq!(response.header("idempotency-replayed"), replayed);
        response.expect(200);
    }
    assert_eq!(count(&api, "/actors").await, 2);
    let again = post(&api, Director, "/actors", "k", &ida()).await;
    assert_eq!(
        (
            again.header("idempotency-replayed"),
            &again.body["actors"][0]["id"]
        ),
        (Some("true"), &json!(2))
    );
}

#[tokio::test]
async fn keyed_actors_and_movies_with_the_same_ids_do_not_conflict() {
    let api = Api::start().await;
    for number in 1..=4 {
        let key = format!("k{number}");
        post(&api, Producer, "/movies", &key, &json!({"title": "M"}))
            .await
            .expect(200);
        assert_eq!(
            post(&api, Producer, "/actors", &key, &ida())
                .await
                .expect(200)["actors"][0]["id"],
            number
        );
    }
}

#[tokio::test]
async fn every_post_without_a_key_creates_a_row() {
    let api = Api::start().await;
    for id in 1..=3 {
        assert_eq!(
            api.post(Director, "/actors", &ida()).await.expect(200)["actors"][0]["id"],
            id
        );
    }
}
