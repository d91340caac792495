//! The real bootstrap, killed at any moment of any request: nothing is lost that was acknowledged, and nothing is there twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/runtime.rs"]
mod runtime;

use std::time::Duration;

use local::{Options, Stack};
use serde_json::{Value, json};

use runtime::Environment;

const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_post_actors");
const ROUNDS: u64 = 200;

fn event(stack: &Stack, round: u64, attempt: u64) -> Value {
    let sample = include_str!("../../../events/post_actors/created.json");
    let mut event = runtime::event(stack, sample, &format!("{round}-{attempt}"));
    event["headers"]["idempotency-key"] = json!(format!("round {round}"));
    event["body"] = json!(format!(r#"{{"name": "Round {round}", "age": 34, "gender": "f"}}"#));
    event
}

fn created(answer: &Value) -> Option<u64> {
    let body: Value = serde_json::from_str(answer["body"].as_str()?).ok()?;
    body["actors"][0]["id"].as_u64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_keyed_posts_survive_kills_at_any_moment_once_each() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    let mut acknowledged = Vec::new();
    let mut killed = 0;
    let mut steady = Environment::start(&stack, BOOTSTRAP).await;
    for round in 1..=ROUNDS {
        // Two environments are sent the same request at the same time, and one of them is killed a little later each round.
        let mut doomed = Environment::start(&stack, BOOTSTRAP).await;
        let doomed_answer = doomed.invoke(event(&stack, round, 1));
        let steady_answer = steady.invoke(event(&stack, round, 2));
        tokio::time::sleep(Duration::from_millis(round % 40)).await;
        doomed.kill();
        let mut ids = Vec::new();
        match doomed_answer.await {
            Ok(answer) => ids.extend(created(&answer)),
            Err(_) => killed += 1,
        }
        // Every tenth round the other one is killed as well, and the client tries again.
        if round % 10 == 0 {
            steady.kill();
            steady = Environment::start(&stack, BOOTSTRAP).await;
        }
        ids.extend(steady_answer.await.ok().as_ref().and_then(created));
        for attempt in 3.. {
            let answer = steady.invoke(event(&stack, round, attempt)).await.unwrap();
            if let Some(id) = created(&answer) {
                ids.push(id);
                break;
            }
            assert!(
                [409, 503].contains(&answer["statusCode"].as_u64().unwrap()) && attempt < 20,
                "round {round}: {answer}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "round {round}: every answer names one row");
        acknowledged.push((ids[0], format!("Round {round}")));
    }
    let (_, listed) = runtime::request(&stack, "GET", "/actors", &Value::Null).await;
    let stored = listed["actors"].as_array().unwrap().iter();
    let stored: Vec<_> =
        stored.map(|row| (row["id"].as_u64().unwrap(), row["name"].as_str().unwrap().to_owned())).collect();
    acknowledged.sort_unstable();
    assert_eq!(stored, acknowledged, "0 duplicates, 0 lost");
    assert!(killed > 20, "only {killed} kills came before an answer");
}
