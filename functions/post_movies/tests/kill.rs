//! The real bootstrap, killed at any moment of any request: each movie is there once with its whole cast, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/runtime.rs"]
mod runtime;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local::{Options, Stack};
use serde_json::{Value, json};

use runtime::Environment;

const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_post_movies");
const ROUNDS: u64 = 100;
const ACTORS: u64 = 12;

/// The cast of a round's movie: seven actors, others from round to round, and what each of them plays.
fn cast(round: u64) -> BTreeMap<u64, String> {
    (0..7).map(|place| ((round + place) % ACTORS + 1, format!("Character {round}-{place}"))).collect()
}

fn event(stack: &Stack, round: u64, attempt: u64) -> Value {
    let sample = include_str!("../../../events/post_movies/created_with_cast.json");
    let mut event = runtime::event(stack, sample, &format!("{round}-{attempt}"));
    let cast: Value =
        cast(round).iter().map(|(actor, character)| json!({"actor_id": actor, "character": character})).collect();
    event["headers"]["idempotency-key"] = json!(format!("round {round}"));
    event["body"] = json!(json!({"title": format!("Round {round}"), "cast": cast}).to_string());
    event
}

fn created(answer: &Value) -> Option<u64> {
    let body: Value = serde_json::from_str(answer["body"].as_str()?).ok()?;
    body["movies"][0]["id"].as_u64()
}

/// What lies in the table of credits: by whose it is, the other's id, and the character.
async fn stored_credits(stack: &Stack) -> BTreeSet<(String, u64, String)> {
    let mut credits = BTreeSet::new();
    let mut pages = stack.client().scan().table_name(local::CREDITS_TABLE).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item[name].as_s().unwrap().clone();
        credits.insert((text("owner"), item["counterpart"].as_n().unwrap().parse().unwrap(), text("character")));
    }
    credits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_keyed_posts_with_casts_survive_kills_at_any_moment_whole_and_once_each() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    let actor = json!({"name": "Ida", "age": 34, "gender": "f"});
    for _ in 0..ACTORS {
        assert_eq!(runtime::request(&stack, "POST", "/actors", &actor).await.0, 200);
    }
    let mut acknowledged = BTreeMap::new();
    let mut killed = 0;
    let mut steady = Environment::start(&stack, BOOTSTRAP).await;
    for round in 1..=ROUNDS {
        // Two environments are sent the same request at the same time, and one of them is killed a little later each round.
        let mut doomed = Environment::start(&stack, BOOTSTRAP).await;
        let doomed_answer = doomed.invoke(event(&stack, round, 1));
        let steady_answer = steady.invoke(event(&stack, round, 2));
        tokio::time::sleep(Duration::from_millis(round * 7 % 60)).await;
        doomed.kill();
        let mut ids = BTreeSet::new();
        match doomed_answer.await {
            Ok(answer) => ids.extend(created(&answer)),
            Err(_) => killed += 1,
        }
        // Every third round the other one is killed as well, and the client tries again.
        if round % 3 == 0 {
            steady.kill();
            steady = Environment::start(&stack, BOOTSTRAP).await;
        }
        ids.extend(steady_answer.await.ok().as_ref().and_then(created));
        for attempt in 3.. {
            let answer = steady.invoke(event(&stack, round, attempt)).await.unwrap();
            if let Some(id) = created(&answer) {
                ids.insert(id);
                break;
            }
            let busy = [409, 503].contains(&answer["statusCode"].as_u64().unwrap());
            assert!(busy && attempt < 20, "round {round}: {answer}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ids.len(), 1, "round {round}: every answer names one row");
        acknowledged.insert(*ids.first().unwrap(), round);
    }
    let (_, listed) = runtime::request(&stack, "GET", "/movies", &Value::Null).await;
    let stored = listed["movies"].as_array().unwrap().iter();
    let stored: BTreeMap<_, _> =
        stored.map(|row| (row["id"].as_u64().unwrap(), row["title"].as_str().unwrap().to_owned())).collect();
    let titles = acknowledged.iter().map(|(id, round)| (*id, format!("Round {round}"))).collect();
    assert_eq!(stored, titles, "0 duplicates, 0 lost");

    let halves = acknowledged.iter().flat_map(|(movie, round)| {
        cast(*round).into_iter().flat_map(move |(actor, character)| {
            [(format!("movie#{movie}"), actor, character.clone()), (format!("actor#{actor}"), *movie, character)]
        })
    });
    assert_eq!(
        stored_credits(&stack).await,
        halves.collect(),
        "every cast is whole, seen from both sides, and nothing else"
    );
    assert!(killed > 20, "only {killed} kills came before an answer");
}
