//! What a request has read changes before it acts on it: staged, by holding one of its calls, and
//! by chance.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::Role::{Director, Producer};
use serde_json::{Value, json};

use crate::casting::{
    add_actors, cast, cast_of, credits, ids, listed, put_stale_credits, recast, stored,
};
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Api, ApiResponse, send, with_json};

/// Sends a request, and holds its next call of this name until `meanwhile` is done.
async fn held_at(
    proxy: &Proxy,
    call: &'static str,
    request: impl Future<Output = ApiResponse>,
    meanwhile: impl Future<Output = ()>,
) -> ApiResponse {
    let held = proxy.hold_next(call);
    let meanwhile = async {
        held.reached().await;
        meanwhile.await;
        held.release();
    };
    tokio::join!(request, meanwhile).0
}

async fn post_movie(api: &Api, cast: Value) {
    api.post(Producer, "/movies", &json!({"title": "M", "cast": cast}))
        .await
        .expect(200);
}

#[tokio::test]
async fn deleting_a_missing_movie_keeps_the_cast_of_one_created_concurrently() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actors = add_actors(&api, 2).await;
    let too_early = api.delete(Producer, "/movies/1");
    let response = held_at(
        &proxy,
        "Query",
        too_early,
        post_movie(&api, cast_of(actors.clone())),
    )
    .await;
    response.expect_error(404, "resource not found");
    assert_eq!(ids(&cast(&api, 1).await, "actor_id"), actors);
    assert_eq!(stored(&api).await, 4);
}

#[tokio::test]
async fn deleting_a_missing_actor_keeps_the_credits_of_one_created_concurrently() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let movie = api.add_movie("M").await;
    let too_early = api.delete(Producer, "/actors/1");
    let create = async {
        let actor = api.add_actor("Ida").await;
        recast(&api, movie, &cast_of([actor])).await.expect(200);
    };
    held_at(&proxy, "Query", too_early, create)
        .await
        .expect_error(404, "resource not found");
    assert_eq!(ids(&credits(&api, 1).await, "movie_id"), [movie]);
    assert_eq!(stored(&api).await, 2);
}

/// Four clients delete the next id of a resource as long as rows of it are created; none of them
/// finds a row.
async fn delete_ahead(api: &Api, resource: &str, next: &AtomicU64, done: &AtomicBool) {
    let client = async || {
        while !done.load(Ordering::Relaxed) {
            let path = format!("/{resource}/{}", next.load(Ordering::Relaxed));
            let response = send(
                api.request_as(Producer, "DELETE", &path)
                    .header("if-match", "\"0\""),
            )
            .await;
            assert!([404, 412].contains(&response.status), "{response:?}");
        }
    };
    join_all([client(), client(), client(), client()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_an_id_before_its_creation_never_loses_the_new_cast() {
    let api = Api::start().await;
    let actors = add_actors(&api, 3).await;
    let (next, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let create = async {
        for _ in 0..250 {
            join_all([
                post_movie(&api, cast_of(actors.clone())),
                post_movie(&api, cast_of(actors.clone())),
            ])
            .await;
            next.fetch_add(2, Ordering::Relaxed);
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(create, delete_ahead(&api, "movies", &next, &done));
    let body = api
        .get(Producer, "/movies?include=cast&limit=100")
        .await
        .expect(200);
    assert_eq!(body["movies"].as_array().unwrap().len(), 100);
    assert_eq!(stored(&api).await, 500 * 3 * 2, "0 of 500 casts are lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_an_actor_id_before_its_creation_never_loses_its_credits() {
    let api = Api::start().await;
    let movies = [api.add_movie("M").await, api.add_movie("N").await];
    let (next, done) = (AtomicU64::new(1), AtomicBool::new(false));
    let create = async {
        for actor in 1..=100 {
            assert_eq!(api.add_actor("Ida").await, actor);
            for movie in movies {
                recast(&api, movie, &cast_of(1..=actor)).await.expect(200);
            }
            next.store(actor + 1, Ordering::Relaxed);
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(create, delete_ahead(&api, "actors", &next, &done));
    assert_eq!(
        stored(&api).await,
        100 * 2 * 2,
        "0 of 100 actors lose a credit"
    );
}

#[tokio::test]
async fn the_next_deletion_completes_one_whose_response_was_lost() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actors = add_actors(&api, 2).await;
    post_movie(&api, cast_of(actors.clone())).await;
    proxy.fail("DeleteItem", [Fault::ResetAfter]);
    api.delete(Producer, "/movies/1")
        .await
        .expect_error(503, "service unavailable");
    // The movie is gone, and nobody sees its credits.
    assert!(credits(&api, actors[0]).await.is_empty());
    assert_eq!(stored(&api).await, 4);
    // Sent again, it deletes the old movie's credits, and not those of the next movie.
    let again = api.delete(Producer, "/movies/1");
    let response = held_at(
        &proxy,
        "Query",
        again,
        post_movie(&api, cast_of(actors.clone())),
    )
    .await;
    response.expect_error(404, "resource not found");
    assert_eq!(ids(&cast(&api, 2).await, "actor_id"), actors);
    assert_eq!(stored(&api).await, 4);
}

#[tokio::test]
async fn a_patch_that_cleans_up_stale_credits_applies_after_a_concurrent_patch() {
    for call in ["Query", "BatchGetItem", "TransactWriteItems"] {
        let proxy = Proxy::start().await;
        let api = Api::behind(&proxy).await;
        let actors = add_actors(&api, 2).await;
        let movie = api.add_movie("M").await;
        recast(&api, movie, &cast_of([actors[0]])).await.expect(200);
        put_stale_credits(&api, movie, 99).await;
        let request = json!({"title": "N", "cast": [{"actor_id": actors[0], "billing": 1}, {"actor_id": actors[1]}]});
        let slow = api.patch(Director, "/movies/1", &request);
        let other = async {
            let new = api.add_actor("Eva").await;
            let cast = cast_of([actors[0], new]);
            recast(&api, movie, &cast).await.expect(200);
        };
        let response = held_at(&proxy, call, slow, other).await;
        assert_eq!(
            (response.status, response.header("etag")),
            (200, Some("\"4\"")),
            "{call}"
        );
        assert_eq!(ids(&cast(&api, movie).await, "actor_id"), actors, "{call}");
        assert!(credits(&api, actors[1] + 1).await.is_empty(), "{call}");
        assert_eq!(stored(&api).await, 4, "{call}");
    }
}

#[tokio::test]
async fn a_reader_that_skips_stale_credits_shows_only_casts_that_existed() {
    for (path, of_actor) in [
        ("/movies/1?include=cast", false),
        ("/movies?include=cast", false),
        ("/actors?movie_id=1", false),
        ("/actors/1?include=credits", true),
        ("/actors?include=credits&limit=1", true),
        ("/movies?actor_id=1", true),
    ] {
        for call in ["Query", "BatchGetItem"] {
            let proxy = Proxy::start().await;
            let api = Api::behind(&proxy).await;
            add_actors(&api, 3).await;
            for actors in [&[1, 2][..], &[1]] {
                post_movie(&api, cast_of(actors.iter().copied())).await;
            }
            let reader = api.get(Director, path);
            // The successive states: movie 1 always has a cast, actor 1 is always in a movie.
            let states: &[&[u64]] = if of_actor {
                &[&[1, 2], &[1, 2, 3], &[2, 3], &[3]]
            } else {
                &[&[1, 2], &[3]]
            };
            let meanwhile = async {
                if of_actor {
                    post_movie(&api, cast_of([1])).await;
                    api.delete(Producer, "/movies/1").await.expect(200);
                    api.delete(Producer, "/movies/2").await.expect(200);
                } else {
                    recast(&api, 1, &cast_of([3])).await.expect(200);
                    api.delete(Producer, "/actors/1").await.expect(200);
                    api.delete(Producer, "/actors/2").await.expect(200);
                }
            };
            let body = held_at(&proxy, call, reader, meanwhile).await.expect(200);
            let rows = body
                .get("actors")
                .or(body.get("movies"))
                .unwrap()
                .as_array()
                .unwrap();
            let mut seen = match (of_actor, path.contains("include")) {
                (false, true) => ids(rows[0]["cast"].as_array().unwrap(), "actor_id"),
                (true, true) => ids(rows[0]["credits"].as_array().unwrap(), "movie_id"),
                _ => ids(rows, "id"),
            };
            seen.sort_unstable();
            assert!(states.contains(&seen.as_slice()), "{path} {call}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn an_invalid_cast_with_an_outdated_etag_returns_412_instead_of_422() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actors = add_actors(&api, 40).await;
    for (call, slow_cast) in [
        ("Query", cast_of([])),
        ("BatchGetItem", cast_of([actors[0], 99])),
    ] {
        let movie = api.add_movie("M").await;
        let path = format!("/movies/{movie}");
        let request = api
            .request_as(Director, "PATCH", &path)
            .header("if-match", "\"1\"");
        let slow = send(with_json(request, &json!({"cast": slow_cast})));
        let grow = async {
            for count in [30, 40] {
                recast(&api, movie, &cast_of(actors[..count].iter().copied()))
                    .await
                    .expect(200);
            }
        };
        held_at(&proxy, call, slow, grow)
            .await
            .expect_error(412, "precondition failed");
        assert_eq!(cast(&api, movie).await.len(), 40);
    }
}

#[tokio::test]
async fn a_keyed_post_with_33_credits_never_shows_an_actor_deleted_concurrently() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actors = add_actors(&api, 33).await;
    let body = json!({"title": "M", "cast": cast_of(actors.iter().copied())});
    let request = api
        .request_as(Producer, "POST", "/movies")
        .header("idempotency-key", "k");
    let slow = send(with_json(request, &body));
    let deletion = async {
        drop(
            api.delete(Director, &format!("/actors/{}", actors[32]))
                .await
                .expect(200),
        )
    };
    held_at(&proxy, "TransactWriteItems", slow, deletion)
        .await
        .expect(200);
    // As if the actor had been deleted a moment later.
    assert_eq!(ids(&cast(&api, 1).await, "actor_id"), actors[..32]);
    assert_eq!(
        listed(&api, &format!("/movies?actor_id={}", actors[32])).await,
        [0; 0]
    );
    api.delete(Director, &format!("/actors/{}", actors[32]))
        .await
        .expect_error(404, "resource not found");
    assert_eq!(stored(&api).await, 64);
}

#[tokio::test]
async fn a_key_whose_record_expires_during_a_conflict_can_be_reused_immediately() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let keyed = || {
        let request = api
            .request_as(Director, "POST", "/actors")
            .header("idempotency-key", "k");
        send(with_json(
            request,
            &json!({"name": "Ida", "age": 34, "gender": "f"}),
        ))
    };
    // The record exists when the transaction fails, and has expired when it is read.
    let held = proxy.hold_next("TransactWriteItems");
    let meanwhile = async {
        held.reached().await;
        keyed().await.expect(200);
        let reading = proxy.hold_next("GetItem");
        held.release();
        reading.reached().await;
        expire_records(&api).await;
        reading.release();
    };
    let (response, ()) = tokio::join!(keyed(), meanwhile);
    response.expect_error(503, "service unavailable");
    keyed().await.expect(200);
}

/// Sets the expiry of every idempotency record to a second after 1970 began.
async fn expire_records(api: &Api) {
    let client = api.stack.client();
    let scan = client
        .scan()
        .table_name(local::ACTORS_TABLE)
        .filter_expression("attribute_exists(expires_at)");
    for record in scan.send().await.unwrap().items.unwrap() {
        let key = ["bucket", "id"].map(|name| (name.to_owned(), record[name].clone()));
        let update = client
            .update_item()
            .table_name(local::ACTORS_TABLE)
            .set_key(Some(key.into()));
        let update = update.update_expression("SET expires_at = :then");
        update
            .expression_attribute_values(":then", AttributeValue::N("1".to_owned()))
            .send()
            .await
            .unwrap();
    }
}
