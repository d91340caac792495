//! Kills the real bootstrap while it sweeps the credits of a large cast: readers see none of the
//! credits that are left, and the next DELETE sweeps them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use local::{Options, Stack};
use serde_json::{Value, json};
use testkit::request;

const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_delete_movies");
const ACTORS: u64 = 300;
/// How many sweeps the test interrupts.
const KILLS: usize = 3;

/// Adds a movie whose cast is all the actors.
async fn add_movie(stack: &Stack) -> u64 {
    let (_, body) = request(stack, "POST", "/movies", &json!({"title": "Everybody"})).await;
    let movie = body["movies"][0]["id"].as_u64().unwrap();
    for end in (30..=ACTORS).step_by(30) {
        let cast: Value = (1..=end)
            .map(|actor| json!({"actor_id": actor, "character": "Somebody"}))
            .collect();
        let (status, body) = request(
            stack,
            "PATCH",
            &format!("/movies/{movie}"),
            &json!({ "cast": cast }),
        )
        .await;
        assert_eq!(status, 200, "{body}");
    }
    movie
}

/// The number of the movie's credits in the table.
async fn stored(stack: &Stack, movie: u64) -> u64 {
    let query = stack
        .client()
        .query()
        .table_name(local::CREDITS_TABLE)
        .key_condition_expression("#owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", AttributeValue::S(format!("movie#{movie}")))
        .consistent_read(true)
        .select(Select::Count);
    query.send().await.unwrap().count().try_into().unwrap()
}

/// Deletes the movie and kills the function during the sweep. Returns how many credits are left.
async fn kill_while_sweeping(stack: &Stack, movie: u64) -> u64 {
    let mut environment = testkit::start(stack, BOOTSTRAP).await;
    let response = environment.respond_to(&event(stack, movie, "killed"));
    while stored(stack, movie).await == ACTORS {}
    environment.kill();
    drop(response);
    stored(stack, movie).await
}

fn event(stack: &Stack, movie: u64, attempt: &str) -> Value {
    let sample = include_str!("../../../events/delete_movies/deleted.json");
    let mut event = testkit::event(stack, sample, &format!("{movie}-{attempt}"));
    event["rawPath"] = json!(format!("/movies/{movie}"));
    event["requestContext"]["http"]["path"] = event["rawPath"].clone();
    event["pathParameters"]["movie_id"] = json!(movie.to_string());
    event
}

async fn check_unseen(stack: &Stack, movie: u64) {
    let get = async |path: String| request(stack, "GET", &path, &Value::Null).await;
    assert_eq!(get(format!("/movies/{movie}?include=cast")).await.0, 404);
    assert_eq!(
        get(format!("/actors?movie_id={movie}")).await.1["actors"],
        json!([])
    );
    let mut path = Some("/actors?include=credits".to_owned());
    let mut actors = 0;
    while let Some(page) = path {
        let (_, body) = get(page).await;
        for actor in body["actors"].as_array().unwrap() {
            assert_eq!(actor["credits"], json!([]), "{actor}");
            actors += 1;
        }
        path = body["next"].as_str().map(str::to_owned);
    }
    assert_eq!(actors, ACTORS);
    for actor in (1..=ACTORS).step_by(10) {
        assert_eq!(
            get(format!("/movies?actor_id={actor}")).await.1["movies"],
            json!([]),
            "actor {actor}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credits_left_by_a_kill_are_hidden_and_removed_by_the_next_deletion() {
    let stack = Stack::start(Options::in_memory()).await.unwrap();
    for _ in 1..=ACTORS {
        let actor = json!({"name": "Ida", "age": 34, "gender": "f"});
        assert_eq!(request(&stack, "POST", "/actors", &actor).await.0, 200);
    }
    let mut cut_short = 0;
    // A sweep may finish before the kill.
    for _ in 0..4 * KILLS {
        let movie = add_movie(&stack).await;
        let left = kill_while_sweeping(&stack, movie).await;
        if left == 0 {
            continue;
        }
        cut_short += 1;
        check_unseen(&stack, movie).await;
        let environment = testkit::start(&stack, BOOTSTRAP).await;
        let again = environment.respond_to(&event(&stack, movie, "again"));
        let again = again.await.unwrap();
        assert_eq!(again["statusCode"], 404, "{again}");
        assert_eq!(stored(&stack, movie).await, 0);
        if cut_short == KILLS {
            break;
        }
    }
    assert_eq!(cut_short, KILLS, "too few sweeps were cut short");
    let all = stack
        .client()
        .scan()
        .table_name(local::CREDITS_TABLE)
        .send()
        .await
        .unwrap();
    assert_eq!(all.count(), 0, "neither half of any credit is left");
}
