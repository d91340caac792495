//! Kills the real bootstrap at any moment of a request: each movie is stored once with its whole
//! cast, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local::{Options, Stack};
use serde_json::{Value, json};
use testkit::Posts;

const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_post_movies");
const ACTORS: u64 = 12;

/// The cast of a round's movie: seven actors, which change from round to round, and their
/// characters.
fn cast(round: u64) -> BTreeMap<u64, String> {
    (0..7)
        .map(|place| {
            (
                (round + place) % ACTORS + 1,
                format!("Character {round}-{place}"),
            )
        })
        .collect()
}

fn event(stack: &Stack, round: u64, attempt: u64) -> Value {
    let sample = include_str!("../../../events/post_movies/created_with_cast.json");
    let mut event = testkit::event(stack, sample, &format!("{round}-{attempt}"));
    let cast: Value = cast(round)
        .iter()
        .map(|(actor, character)| json!({"actor_id": actor, "character": character}))
        .collect();
    event["headers"]["idempotency-key"] = json!(format!("round {round}"));
    event["body"] = json!(json!({"title": format!("Round {round}"), "cast": cast}).to_string());
    event
}

fn created(response: &Value) -> Option<u64> {
    let body: Value = serde_json::from_str(response["body"].as_str()?).ok()?;
    body["movies"][0]["id"].as_u64()
}

/// The table of credits: owner, id of the counterpart, and character of each.
async fn stored_credits(stack: &Stack) -> BTreeSet<(String, u64, String)> {
    let mut credits = BTreeSet::new();
    let mut pages = stack
        .client()
        .scan()
        .table_name(local::CREDITS_TABLE)
        .into_paginator()
        .items()
        .send();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item[name].as_s().unwrap().clone();
        credits.insert((
            text("owner"),
            item["counterpart"].as_n().unwrap().parse().unwrap(),
            text("character"),
        ));
    }
    credits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_keyed_posts_with_kills_create_each_movie_and_cast_once() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    let actor = json!({"name": "Ida", "age": 34, "gender": "f"});
    for _ in 0..ACTORS {
        assert_eq!(
            testkit::request(&stack, "POST", "/actors", &actor).await.0,
            200
        );
    }
    let posts = Posts {
        bootstrap: BOOTSTRAP,
        rounds: 100,
        killed_after: |round| Duration::from_millis(round * 7 % 30),
        second_kill: 3,
        event: |round, attempt| event(&stack, round, attempt),
        created,
    };
    let acknowledged = posts.send(&stack).await;
    let (_, listed) = testkit::request(&stack, "GET", "/movies", &Value::Null).await;
    let stored = listed["movies"].as_array().unwrap().iter();
    let stored: BTreeMap<_, _> = stored
        .map(|row| {
            (
                row["id"].as_u64().unwrap(),
                row["title"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let titles = acknowledged
        .iter()
        .map(|(id, round)| (*id, format!("Round {round}")))
        .collect();
    assert_eq!(stored, titles, "0 duplicates, 0 lost");

    let halves = acknowledged.iter().flat_map(|(movie, round)| {
        cast(*round)
            .into_iter()
            .flat_map(move |(actor, character)| {
                [
                    (format!("movie#{movie}"), actor, character.clone()),
                    (format!("actor#{actor}"), *movie, character),
                ]
            })
    });
    assert_eq!(
        stored_credits(&stack).await,
        halves.collect(),
        "every cast is whole, seen from both sides, and nothing else"
    );
}
