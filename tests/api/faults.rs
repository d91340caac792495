//! Injects the faults of networks and services into calls to DynamoDB.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use local::Role::Producer;
use serde_json::{Value, json};

use crate::support::proxy::{Fault, Proxy};
use crate::support::{Api, ApiResponse, send, with_json};

/// Every endpoint, with a request that reaches the store.
fn requests() -> [(&'static str, &'static str, Option<Value>); 8] {
    [
        ("GET", "/actors?limit=10", None),
        ("POST", "/actors", Some(ida())),
        ("PATCH", "/actors/1", Some(json!({"age": 35}))),
        ("DELETE", "/actors/1", None),
        ("GET", "/movies?limit=10", None),
        ("POST", "/movies", Some(json!({"title": "M"}))),
        ("PATCH", "/movies/1", Some(json!({"title": "N"}))),
        ("DELETE", "/movies/1", None),
    ]
}

/// Requests that make several calls: those on casts, and lists by index.
fn multi_call_requests() -> [(&'static str, &'static str, Option<Value>); 9] {
    [
        ("GET", "/movies/1?include=cast", None),
        ("GET", "/actors?include=credits", None),
        ("GET", "/movies?actor_id=1", None),
        ("GET", "/actors?name=i", None),
        ("GET", "/actors?sort=-age", None),
        (
            "POST",
            "/movies",
            Some(json!({"title": "M", "cast": [{"actor_id": 1}]})),
        ),
        ("PATCH", "/movies/1", Some(json!({"cast": []}))),
        (
            "PATCH",
            "/movies/1",
            Some(json!({"cast": [{"actor_id": 1, "billing": 7}]})),
        ),
        ("DELETE", "/actors/1", None),
    ]
}

/// Adds an actor, and a movie with that actor in its cast.
async fn cast_one(api: &Api) {
    api.add_actor("Ida").await;
    api.post(
        Producer,
        "/movies",
        &json!({"title": "M", "cast": [{"actor_id": 1}]}),
    )
    .await
    .expect(200);
}

async fn cast_of(api: &Api, movie: u64) -> Vec<Value> {
    let body = api
        .get(Producer, &format!("/movies/{movie}?include=cast"))
        .await
        .expect(200);
    body["movies"][0]["cast"].as_array().unwrap().clone()
}

fn ida() -> Value {
    json!({"name": "Ida", "age": 34, "gender": "f"})
}

async fn call(api: &Api, (method, path, body): &(&str, &str, Option<Value>)) -> ApiResponse {
    let request = api.request_as(Producer, method, path);
    send(if let Some(body) = body {
        with_json(request, body)
    } else {
        request
    })
    .await
}

async fn post_with_key(api: &Api, key: &str) -> ApiResponse {
    send(with_json(
        api.request_as(Producer, "POST", "/actors")
            .header("idempotency-key", key),
        &ida(),
    ))
    .await
}

async fn rows(api: &Api) -> Vec<Value> {
    api.get(Producer, "/actors").await.expect(200)["actors"]
        .as_array()
        .unwrap()
        .clone()
}

fn count(proxy: &Proxy, name: &str) -> usize {
    proxy
        .calls()
        .iter()
        .filter(|call| call.name == name)
        .count()
}

#[track_caller]
fn assert_unavailable(response: &ApiResponse) {
    response.expect_error(503, "service unavailable");
    assert!(
        response
            .header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u32>().is_ok()),
        "{response:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_an_unresponsive_store_return_503_within_2500_ms() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    api.get(Producer, "/actors").await.expect(200);
    proxy.plan(|_| Fault::BlackHole);
    let requests = requests();
    let timed = async |index: usize| {
        let started = Instant::now();
        let response = call(&api, &requests[index % requests.len()]).await;
        (response, started.elapsed())
    };
    for batch in 0..4 {
        for (response, elapsed) in join_all((batch * 25..(batch + 1) * 25).map(timed)).await {
            assert_unavailable(&response);
            assert!(elapsed < Duration::from_millis(2500), "{elapsed:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_stops_responding_mid_request_causes_503_within_2500_ms() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    proxy.plan(|call| match call {
        "UpdateItem" | "GetItem" => Fault::Delay(Duration::from_millis(500)),
        _ => Fault::BlackHole,
    });
    for request in [&requests()[0], &requests()[1]] {
        let started = Instant::now();
        assert_unavailable(&call(&api, request).await);
        assert!(started.elapsed() < Duration::from_millis(2500));
    }
}

#[tokio::test]
async fn a_throttled_request_makes_three_calls_and_succeeds_if_a_retry_does() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    api.add_actor("Ida").await;
    api.add_movie("M").await;
    for request in requests() {
        proxy.plan(|_| Fault::Throttle);
        proxy.calls();
        assert_unavailable(&call(&api, &request).await);
        assert_eq!(proxy.calls().len(), 3, "{request:?}");
    }
    for request in requests() {
        let mut first = true;
        proxy.plan(move |_| {
            if std::mem::take(&mut first) {
                Fault::Throttle
            } else {
                Fault::None
            }
        });
        call(&api, &request).await.expect(200);
    }
}

#[tokio::test]
async fn retry_pauses_are_short_and_random() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    proxy.plan(|_| Fault::Throttle);
    let mut times = Vec::new();
    for _ in 0..12 {
        let started = Instant::now();
        assert_unavailable(&api.get(Producer, "/actors").await);
        times.push(started.elapsed().as_millis());
    }
    times.sort_unstable();
    assert!(times[11] < 1000, "{times:?}");
    times.dedup();
    assert!(times.len() > 3, "{times:?}");
}

#[tokio::test]
async fn a_keyed_post_creates_one_row_if_the_stores_response_is_lost() {
    let faults = [
        Fault::ResetAfter,
        Fault::ErrorAfter,
        Fault::CutAt(0),
        Fault::CutAt(10),
        Fault::CutAt(60),
        Fault::CutAt(usize::MAX),
    ];
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    for (index, fault) in faults.into_iter().enumerate() {
        let key = format!("lost once {index}");
        proxy.fail("TransactWriteItems", [fault]);
        let first = post_with_key(&api, &key).await.expect(200);
        proxy.fail("TransactWriteItems", []);
        let again = post_with_key(&api, &key).await;
        assert_eq!(
            (again.header("idempotency-replayed"), &again.body),
            (Some("true"), &first),
            "{fault:?}"
        );
        assert_eq!(rows(&api).await.len(), index + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_keyed_post_with_all_responses_lost_returns_503_and_can_be_replayed() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    proxy.plan(|call| {
        if call == "TransactWriteItems" {
            Fault::ResetAfter
        } else {
            Fault::None
        }
    });
    assert_unavailable(&post_with_key(&api, "k").await);
    proxy.plan(|_| Fault::None);
    let again = post_with_key(&api, "k").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        rows(&api).await,
        again.expect(200)["actors"].as_array().unwrap().clone()
    );
}

#[tokio::test]
async fn a_keyed_post_that_never_reached_the_store_can_be_retried_immediately() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    proxy.plan(|call| {
        if call == "TransactWriteItems" {
            Fault::ResetBefore
        } else {
            Fault::None
        }
    });
    assert_unavailable(&post_with_key(&api, "k").await);
    assert_eq!(rows(&api).await.len(), 0);
    proxy.plan(|_| Fault::None);
    assert_eq!(
        post_with_key(&api, "k")
            .await
            .header("idempotency-replayed"),
        None
    );
    assert_eq!(rows(&api).await.len(), 1);
}

#[tokio::test]
async fn a_write_without_a_key_is_not_retried_after_an_ambiguous_failure() {
    let faults = [
        Fault::ResetAfter,
        Fault::ResetBefore,
        Fault::ErrorAfter,
        Fault::ErrorBefore,
        Fault::CutAt(5),
        Fault::BlackHole,
    ];
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    for fault in faults {
        let id = api.add_actor("Ida").await;
        let path = format!("/actors/{id}");
        for (request, name) in [
            (
                ("PATCH", path.as_str(), Some(json!({"age": 35}))),
                "UpdateItem",
            ),
            (("DELETE", path.as_str(), None), "DeleteItem"),
            (("POST", "/actors", Some(ida())), "PutItem"),
        ] {
            proxy.calls();
            proxy.fail(name, [fault]);
            assert_unavailable(&call(&api, &request).await);
            assert_eq!(count(&proxy, name), 1, "{name} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_read_is_retried_after_any_failure() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    api.add_actor("Ida").await;
    for fault in [
        Fault::ResetAfter,
        Fault::ResetBefore,
        Fault::ErrorAfter,
        Fault::CutAt(30),
        Fault::BlackHole,
    ] {
        for name in ["GetItem", "Query"] {
            proxy.fail(name, [fault]);
            proxy.calls();
            let started = Instant::now();
            api.get(Producer, "/actors").await.expect(200);
            let calls = proxy.calls();
            let attempts = calls.iter().filter(|call| call.name == name).count();
            assert_eq!(attempts, 2, "{name} {fault:?}");
            assert!(
                started.elapsed() < Duration::from_millis(1500),
                "{name} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_succeeds_when_its_pooled_connections_are_dead() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    for request in requests() {
        let (actor, movie) = (api.add_actor("Ida").await, api.add_movie("M").await);
        proxy.break_connections();
        let id = if request.1.starts_with("/actors") {
            actor
        } else {
            movie
        };
        let path = request.1.replace("/1", &format!("/{id}"));
        let started = Instant::now();
        call(&api, &(request.0, path.as_str(), request.2.clone()))
            .await
            .expect(200);
        assert!(
            started.elapsed() < Duration::from_millis(1500),
            "{request:?}"
        );
    }
    for request in [&requests()[0], &requests()[1]] {
        proxy.silence_connections();
        let started = Instant::now();
        call(&api, request).await.expect(200);
        assert!(
            started.elapsed() < Duration::from_millis(1500),
            "{request:?}"
        );
    }
}

/// Sends one of the requests above; the calls fail from the first, second, third or fourth on.
async fn check_multi_call_request(request: (&str, &str, Option<Value>)) {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    cast_one(&api).await;
    for fault in [Fault::BlackHole, Fault::Throttle, Fault::ErrorBefore] {
        for successful_calls in 0..4 {
            let mut number = 0;
            proxy.plan(move |_| {
                number += 1;
                if number > successful_calls {
                    fault
                } else {
                    Fault::None
                }
            });
            let started = Instant::now();
            let response = call(&api, &request).await;
            // Success: the request needs no more calls, or is a deletion that leaves the cleanup to
            // a later one. 404: the row was deleted before.
            if response.status != 200 && response.status != 404 {
                assert_unavailable(&response);
            }
            assert!(
                successful_calls > 0 || response.status == 503,
                "{request:?} {fault:?}"
            );
            assert!(
                started.elapsed() < Duration::from_millis(2500),
                "{request:?} {fault:?} {successful_calls}"
            );
        }
    }
    proxy.plan(|_| Fault::None);
    if request.0 == "DELETE" {
        api.get(Producer, "/actors/1")
            .await
            .expect_error(404, "resource not found");
        assert!(cast_of(&api, 1).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_many_calls_ends_in_time_when_any_call_fails() {
    join_all(multi_call_requests().map(check_multi_call_request)).await;
}

#[tokio::test]
async fn a_transaction_whose_response_is_lost_is_applied_once() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    cast_one(&api).await;
    let faults = [
        Fault::ResetAfter,
        Fault::ErrorAfter,
        Fault::CutAt(10),
        Fault::CutAt(usize::MAX),
    ];
    for (index, fault) in (0..).zip(faults) {
        proxy.fail("TransactWriteItems", [fault]);
        let cast = json!({"cast": [{"actor_id": 1, "billing": index + 10}]});
        let changed = api.patch(Producer, "/movies/1", &cast).await;
        assert_eq!(
            changed.header("etag"),
            Some(format!("\"{}\"", index + 2).as_str()),
            "{fault:?}"
        );
        assert_eq!(cast_of(&api, 1).await[0]["billing"], index + 10);
        proxy.fail("TransactWriteItems", [fault]);
        let movie = json!({"title": "N", "cast": [{"actor_id": 1}]});
        api.post(Producer, "/movies", &movie).await.expect(200);
        let movies = api.get(Producer, "/movies?actor_id=1").await.expect(200);
        assert_eq!(
            movies["movies"].as_array().unwrap().len(),
            index + 2,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_write_that_conflicts_with_a_transaction_is_retried_then_returns_503() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    cast_one(&api).await;
    let [.., post, _, patch, _] = multi_call_requests();
    let writes = [
        (
            "UpdateItem",
            ("PATCH", "/actors/1", Some(json!({"age": 35}))),
        ),
        ("TransactWriteItems", post),
        ("TransactWriteItems", patch),
        ("DeleteItem", ("DELETE", "/movies/1", None)),
    ];
    for (name, request) in writes {
        proxy.plan(move |call| {
            if call == name {
                Fault::Conflict
            } else {
                Fault::None
            }
        });
        let started = Instant::now();
        assert_unavailable(&call(&api, &request).await);
        assert!(
            started.elapsed() < Duration::from_millis(2500),
            "{request:?}"
        );
        proxy.calls();
        proxy.fail(name, [Fault::Conflict; 3]);
        call(&api, &request).await.expect(200);
        assert!(count(&proxy, name) >= 4, "{request:?}");
    }
}

#[tokio::test]
async fn a_deletion_whose_cleanup_fails_succeeds_and_hides_its_credits() {
    for (deleted, left) in [
        ("/actors/1", "/movies/1?include=cast"),
        ("/movies/1", "/actors/1?include=credits"),
    ] {
        let proxy = Proxy::start().await;
        let api = Api::behind(&proxy).await;
        cast_one(&api).await;
        let stored = async || {
            api.stack
                .client()
                .scan()
                .table_name(local::CREDITS_TABLE)
                .send()
                .await
                .unwrap()
                .count()
        };
        // The deletion itself, then a second one that finds the row gone and cannot clean up
        // either.
        for (fault, status) in [(Fault::BlackHole, 200), (Fault::ErrorBefore, 404)] {
            proxy.plan(move |call| {
                if call == "Query" || call == "TransactWriteItems" {
                    fault
                } else {
                    Fault::None
                }
            });
            let started = Instant::now();
            assert_eq!(
                api.delete(Producer, deleted).await.status,
                status,
                "{deleted}"
            );
            assert!(started.elapsed() < Duration::from_millis(2500));
            proxy.plan(|_| Fault::None);
            let row = api.get(Producer, left).await.expect(200)[&left[1..7]][0].clone();
            assert!(
                row["cast"]
                    .as_array()
                    .or(row["credits"].as_array())
                    .unwrap()
                    .is_empty(),
                "{row}"
            );
            assert_eq!(stored().await, 2, "{deleted}");
        }
        api.delete(Producer, deleted)
            .await
            .expect_error(404, "resource not found");
        assert_eq!(stored().await, 0, "{deleted}");
    }
}
