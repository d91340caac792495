//! Kills the real bootstrap at any moment of a request: no acknowledged row is lost, and none is
//! stored twice.

use std::time::Duration;

use local::{Options, Stack};
use serde_json::{Value, json};
use testkit::Posts;

const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_post_actors");

fn event(stack: &Stack, round: u64, attempt: u64) -> Value {
    let sample = include_str!("../../../events/post_actors/created.json");
    let mut event = testkit::event(stack, sample, &format!("{round}-{attempt}"));
    event["headers"]["idempotency-key"] = json!(format!("round {round}"));
    event["body"] = json!(format!(
        r#"{{"name": "Round {round}", "age": 34, "gender": "f"}}"#
    ));
    event
}

fn created(response: &Value) -> Option<u64> {
    let body: Value = serde_json::from_str(response["body"].as_str()?).ok()?;
    body["actors"][0]["id"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_keyed_posts_with_kills_create_each_row_once() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    let posts = Posts {
        bootstrap: BOOTSTRAP,
        rounds: 200,
        killed_after: |round| Duration::from_millis(round % 20),
        second_kill: 10,
        event: |round, attempt| event(&stack, round, attempt),
        created,
    };
    let acknowledged = posts.send(&stack).await;
    let (_, listed) = testkit::request(&stack, "GET", "/actors", &Value::Null).await;
    let stored = listed["actors"].as_array().unwrap().iter();
    let stored: Vec<_> = stored
        .map(|row| {
            (
                row["id"].as_u64().unwrap(),
                row["name"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let names: Vec<_> = acknowledged
        .into_iter()
        .map(|(id, round)| (id, format!("Round {round}")))
        .collect();
    assert_eq!(stored, names, "0 duplicates, 0 lost");
}
