//! Who plays in what: writing it, reading it from both sides, and keeping it consistent whatever
//! happens.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::Role::{Assistant, Director, Producer};
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::random::{Random, seeds};
use crate::support::{Api, ApiResponse, send, with_json};

pub(crate) fn cast_of(actors: impl IntoIterator<Item = u64>) -> Value {
    actors
        .into_iter()
        .map(|actor| json!({"actor_id": actor}))
        .collect()
}

pub(crate) async fn recast(api: &Api, movie: u64, cast: &Value) -> ApiResponse {
    api.patch(
        Director,
        &format!("/movies/{movie}"),
        &json!({ "cast": cast }),
    )
    .await
}

/// The movie's cast, as read through the API.
pub(crate) async fn cast(api: &Api, movie: u64) -> Vec<Value> {
    let body = api
        .get(Assistant, &format!("/movies/{movie}?include=cast"))
        .await
        .expect(200);
    body["movies"][0]["cast"].as_array().unwrap().clone()
}

pub(crate) async fn credits(api: &Api, actor: u64) -> Vec<Value> {
    let body = api
        .get(Assistant, &format!("/actors/{actor}?include=credits"))
        .await
        .expect(200);
    body["actors"][0]["credits"].as_array().unwrap().clone()
}

pub(crate) fn ids(rows: &[Value], field: &str) -> Vec<u64> {
    rows.iter()
        .map(|row| row[field].as_u64().unwrap())
        .collect()
}

pub(crate) async fn listed(api: &Api, path: &str) -> Vec<u64> {
    let body = api.get(Assistant, path).await.expect(200);
    ids(
        body[path.trim_start_matches('/').split('?').next().unwrap()]
            .as_array()
            .unwrap(),
        "id",
    )
}

pub(crate) async fn add_actors(api: &Api, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..count.div_ceil(10) {
        ids.extend(join_all((0..10).map(|_| api.add_actor("Ida"))).await);
    }
    ids.sort_unstable();
    ids.truncate(count);
    ids
}

/// The number of items in the table of credits.
pub(crate) async fn stored(api: &Api) -> i32 {
    api.stack
        .client()
        .scan()
        .table_name(local::CREDITS_TABLE)
        .send()
        .await
        .unwrap()
        .count()
}

#[tokio::test]
async fn getting_a_row_returns_its_etag_and_a_missing_row_returns_404() {
    let api = Api::start().await;
    let (actor, movie) = (api.add_actor("Ida").await, api.add_movie("M").await);
    for (path, resource) in [
        (format!("/actors/{actor}"), "actors"),
        (format!("/movies/{movie}"), "movies"),
    ] {
        let response = api.get(Assistant, &path).await;
        assert_eq!(response.header("etag"), Some("\"1\""));
        let listed = api
            .get(Assistant, &format!("/{resource}"))
            .await
            .expect(200);
        assert_eq!(
            response.expect(200),
            json!({"success": true, resource: listed[resource]})
        );
        let changed = api
            .patch(Producer, &path, &json!({"age": 35, "title": "N"}))
            .await;
        assert_eq!(
            api.get(Assistant, &path).await.header("etag"),
            changed.header("etag")
        );
    }
    for path in [
        "/actors/2",
        "/movies/2",
        "/actors/01",
        "/movies/x",
        "/actors/2?include=credits",
        "/movies/2?include=cast",
    ] {
        api.get(Assistant, path)
            .await
            .expect_error(404, "resource not found");
    }
    for path in [
        "/actors/1?include=cast",
        "/movies/1?include=credits",
        "/movies/1?include=",
        "/actors/1?include=credits&include=credits",
    ] {
        assert_eq!(
            api.get(Assistant, path).await.field_errors(),
            ["include"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_cast_is_readable_from_the_movie_and_from_its_actors() {
    let api = Api::start().await;
    let actors = add_actors(&api, 4).await;
    let older = json!({"title": "Older", "release_date": "1942-11-26", "cast": [
        {"actor_id": actors[2]}, {"actor_id": actors[0], "character": "  Rick Blaine ", "billing": 2},
        {"actor_id": actors[1], "billing": 1, "id": 7}, {"actor_id": actors[3], "billing": 2, "character": null},
    ]});
    let body = api.post(Producer, "/movies", &older).await.expect(200);
    // The response is the plain row, as the contract says.
    assert_eq!(
        body["movies"],
        json!([{"id": 1, "title": "Older", "release_date": "Thu, 26 Nov 1942 00:00:00 GMT"}])
    );
    let newer =
        json!({"title": "Newer", "release_date": "2020-05-14", "cast": cast_of([actors[0]])});
    api.post(Producer, "/movies", &newer).await.expect(200);

    let member = |actor: u64, character: Value, billing: Value| json!({"actor_id": actor, "name": "Ida", "character": character, "billing": billing});
    let expected = [
        member(actors[1], Value::Null, json!(1)),
        member(actors[0], json!("Rick Blaine"), json!(2)),
        member(actors[3], Value::Null, json!(2)),
        member(actors[2], Value::Null, Value::Null),
    ];
    assert_eq!(cast(&api, 1).await, expected);
    let movies = api.get(Assistant, "/movies?include=cast").await.expect(200);
    assert_eq!(movies["movies"][0]["cast"], json!(expected));
    assert_eq!(movies["movies"][1]["title"], "Newer");

    let names = ["movie_id", "title", "release_date", "character", "billing"];
    let of_both = credits(&api, actors[0]).await;
    assert_eq!(ids(&of_both, "movie_id"), [2, 1]);
    let older_credit = json!([
        "1",
        "Older",
        "Thu, 26 Nov 1942 00:00:00 GMT",
        "Rick Blaine",
        2
    ]);
    let values: Value = names
        .iter()
        .map(|name| {
            if *name == "movie_id" {
                json!(of_both[1][name].to_string())
            } else {
                of_both[1][name].clone()
            }
        })
        .collect();
    assert_eq!(
        (values, of_both[1].as_object().unwrap().len()),
        (older_credit, 5)
    );

    // Names and titles are the current ones.
    api.patch(
        Director,
        &format!("/actors/{}", actors[1]),
        &json!({"name": "Ida Renamed"}),
    )
    .await
    .expect(200);
    api.patch(Director, "/movies/1", &json!({"title": "Retitled"}))
        .await
        .expect(200);
    assert_eq!(cast(&api, 1).await[0]["name"], "Ida Renamed");
    assert_eq!(credits(&api, actors[2]).await[0]["title"], "Retitled");

    assert_eq!(listed(&api, "/movies?actor_id=1").await, [1, 2]);
    assert_eq!(listed(&api, "/actors?movie_id=1").await, actors);
    assert_eq!(listed(&api, "/actors?movie_id=9").await, [0; 0]);
    // Without `include` the response keeps its shape.
    let plain = api.get(Assistant, "/movies").await.expect(200);
    assert_eq!(plain["movies"][0].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn a_patch_replaces_the_cast_and_writes_only_the_difference() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actors = add_actors(&api, 5).await;
    let movie = api.add_movie("M").await;
    recast(&api, movie, &cast_of(actors[..3].iter().copied()))
        .await
        .expect(200);
    proxy.calls();
    let response = api
        .patch(
            Director,
            &format!("/movies/{movie}"),
            &json!({"title": "N", "cast": cast_of(actors[1..4].iter().copied())}),
        )
        .await;
    assert_eq!(response.header("etag"), Some("\"3\""));
    assert_eq!(response.expect(200)["movies"][0]["title"], "N");
    let writes: Vec<_> = proxy
        .calls()
        .into_iter()
        .filter(|call| call.name == "TransactWriteItems")
        .collect();
    // The row, two items of the removed credit, two of the added one, and a check of its actor.
    assert_eq!(writes[0].body["TransactItems"].as_array().unwrap().len(), 6);
    assert_eq!(ids(&cast(&api, movie).await, "actor_id"), actors[1..4]);

    // Sending the same cast changes nothing, not even the version; null is no change, and an empty
    // array empties it.
    for (body, expected, version) in [
        (
            json!({"cast": cast_of(actors[1..4].iter().rev().copied())}),
            &actors[1..4],
            "\"3\"",
        ),
        (json!({"cast": null}), &actors[1..4], "\"3\""),
        (json!({"cast": []}), &[], "\"4\""),
    ] {
        let response = api
            .patch(Director, &format!("/movies/{movie}"), &body)
            .await;
        assert_eq!(response.header("etag"), Some(version), "{body}");
        response.expect(200);
        assert_eq!(
            ids(&cast(&api, movie).await, "actor_id"),
            *expected,
            "{body}"
        );
    }
    assert_eq!(stored(&api).await, 0);
}

#[tokio::test]
async fn an_invalid_cast_returns_422_and_changes_nothing() {
    let api = Api::start().await;
    let actors = add_actors(&api, 2).await;
    let movie = api.add_movie("M").await;
    recast(&api, movie, &cast_of([actors[0]])).await.expect(200);
    let unknown = recast(&api, movie, &cast_of([actors[1], 77, actors[0], 99])).await;
    assert_eq!(
        unknown.field_errors(),
        ["cast[1].actor_id", "cast[3].actor_id"]
    );
    assert_eq!(
        unknown.body["details"][1]["message"],
        "there is no actor 99"
    );
    let rules = [
        (json!({"actor_id": 1}), vec!["cast"]),
        (
            json!([1, {}, {"actor_id": "1"}, {"actor_id": 0}]),
            vec![
                "cast[0]",
                "cast[1].actor_id",
                "cast[2].actor_id",
                "cast[3].actor_id",
            ],
        ),
        (
            cast_of([actors[0], actors[1], actors[0]]),
            vec!["cast[2].actor_id"],
        ),
        (
            json!([{"actor_id": 1, "character": "", "billing": 1001}]),
            vec!["cast[0].character", "cast[0].billing"],
        ),
        (cast_of(1..=1001), vec!["cast"]),
    ];
    for (cast, fields) in rules {
        assert_eq!(
            recast(&api, movie, &cast).await.field_errors(),
            fields,
            "{cast}"
        );
        let posted = api
            .post(Producer, "/movies", &json!({"title": "N", "cast": cast}))
            .await;
        assert_eq!(posted.field_errors(), fields, "{cast}");
    }
    let posted = api
        .post(
            Producer,
            "/movies",
            &json!({"title": "N", "cast": cast_of([77])}),
        )
        .await;
    assert_eq!(posted.field_errors(), ["cast[0].actor_id"]);
    assert_eq!(ids(&cast(&api, movie).await, "actor_id"), [actors[0]]);
    assert_eq!(listed(&api, "/movies").await, [movie]);
    // A missing movie is 404 with any cast.
    for cast in [cast_of([actors[0]]), json!(7), cast_of([99])] {
        recast(&api, 99, &cast)
            .await
            .expect_error(404, "resource not found");
    }
}

#[tokio::test]
async fn one_request_changes_at_most_33_credits_with_or_without_a_key() {
    let api = Api::start().await;
    let actors = add_actors(&api, 67).await;
    let with_cast =
        |count: usize| json!({"title": "M", "cast": cast_of(actors[..count].iter().copied())});
    api.post(Producer, "/movies", &with_cast(33))
        .await
        .expect(200);
    let keyed = || {
        api.request_as(Producer, "POST", "/movies")
            .header("idempotency-key", "k")
    };
    let first = send(with_json(keyed(), &with_cast(33))).await.expect(200);
    let again = send(with_json(keyed(), &with_cast(33))).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(200), first);
    for movie in [1, 2] {
        assert_eq!(ids(&cast(&api, movie).await, "actor_id"), actors[..33]);
    }
    let keyed_anew = api
        .request_as(Producer, "POST", "/movies")
        .header("idempotency-key", "l");
    assert_eq!(
        send(with_json(keyed_anew, &with_cast(34)))
            .await
            .field_errors(),
        ["cast"]
    );
    let rejected = send(with_json(
        api.request_as(Producer, "POST", "/movies"),
        &with_cast(34),
    ))
    .await;
    assert_eq!(rejected.field_errors(), ["cast"]);
    assert!(
        rejected.body["details"][0]["message"]
            .as_str()
            .unwrap()
            .contains("33 credits")
    );
    // Only changed credits count: adding one to 33 is allowed, changing 34 is not.
    recast(&api, 1, &with_cast(34)["cast"]).await.expect(200);
    assert_eq!(recast(&api, 1, &json!([])).await.field_errors(), ["cast"]);
    assert_eq!(
        recast(&api, 1, &cast_of(actors[33..].iter().copied()))
            .await
            .field_errors(),
        ["cast"]
    );
    recast(&api, 1, &cast_of(actors[16..50].iter().copied()))
        .await
        .expect(200);
    assert_eq!(ids(&cast(&api, 1).await, "actor_id"), actors[16..50]);
    assert_eq!(listed(&api, "/movies").await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cast_of_500_is_built_in_steps_and_deleted_with_its_movie() {
    let api = Api::start().await;
    let actors = add_actors(&api, 500).await;
    let movie = api.add_movie("Everybody").await;
    for end in (33..=500).step_by(33).chain([500]) {
        recast(&api, movie, &cast_of(actors[..end].iter().copied()))
            .await
            .expect(200);
    }
    assert_eq!(ids(&cast(&api, movie).await, "actor_id"), actors);
    let mut found = Vec::new();
    let mut path = format!("/actors?movie_id={movie}&limit=90");
    loop {
        let body = api.get(Assistant, &path).await.expect(200);
        found.extend(ids(body["actors"].as_array().unwrap(), "id"));
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, actors);
    api.delete(Producer, &format!("/movies/{movie}"))
        .await
        .expect(200);
    assert_eq!(stored(&api).await, 0);
    assert!(credits(&api, actors[499]).await.is_empty());
}

#[tokio::test]
async fn deleting_a_row_deletes_its_credits() {
    let api = Api::start().await;
    let actors = add_actors(&api, 3).await;
    for title in ["M", "N"] {
        let movie = json!({"title": title, "cast": cast_of(actors.iter().copied())});
        api.post(Producer, "/movies", &movie).await.expect(200);
    }
    api.delete(Director, &format!("/actors/{}", actors[1]))
        .await
        .expect(200);
    assert_eq!(
        ids(&cast(&api, 1).await, "actor_id"),
        [actors[0], actors[2]]
    );
    assert_eq!(
        listed(&api, "/actors?movie_id=2").await,
        [actors[0], actors[2]]
    );
    assert_eq!(
        listed(&api, &format!("/movies?actor_id={}", actors[1])).await,
        [0; 0]
    );
    assert_eq!(stored(&api).await, 8);
    api.delete(Producer, "/movies/1").await.expect(200);
    assert_eq!(ids(&credits(&api, actors[0]).await, "movie_id"), [2]);
    assert_eq!(stored(&api).await, 4);
    api.delete(Producer, "/movies/2").await.expect(200);
    assert_eq!(stored(&api).await, 0);
}

#[tokio::test]
async fn casting_an_actor_deleted_before_the_write_returns_422() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    api.add_movie("M").await;
    for (method, path, key) in [
        ("PATCH", "/movies/1", None),
        ("POST", "/movies", None),
        ("POST", "/movies", Some("k")),
    ] {
        let actor = api.add_actor("Ida").await;
        // The first transaction is held until the actor, who existed when the request checked, is
        // deleted.
        let held = proxy.hold_next("TransactWriteItems");
        let request = with_json(
            api.request_as(Producer, method, path),
            &json!({"title": "N", "cast": cast_of([actor])}),
        );
        let request = key.into_iter().fold(request, |request, key| {
            request.header("idempotency-key", key)
        });
        let deleted = async {
            held.reached().await;
            let key = |number: u64| AttributeValue::N(number.to_string());
            let delete = api
                .stack
                .client()
                .delete_item()
                .table_name(local::ACTORS_TABLE);
            delete
                .key("bucket", key(0))
                .key("id", key(actor))
                .send()
                .await
                .unwrap();
            held.release();
        };
        let (response, ()) = tokio::join!(send(request), deleted);
        assert_eq!(
            response.field_errors(),
            ["cast[0].actor_id"],
            "{method} {key:?}"
        );
        assert_eq!(stored(&api).await, 0, "{method} {key:?}");
    }
    let movies = api.get(Assistant, "/movies").await.expect(200);
    assert_eq!(movies["movies"].as_array().unwrap().len(), 1);
    assert_eq!(movies["movies"][0]["title"], "M");
}

#[tokio::test]
async fn writing_the_cast_a_concurrent_request_wrote_returns_its_version() {
    let proxy = Proxy::start().await;
    let api = Api::behind(&proxy).await;
    let actor = api.add_actor("Ida").await;
    api.add_movie("M").await;
    // The first read of the credits, after that of the movie's version, is held until another
    // request has written the same cast.
    let held = proxy.hold_next("Query");
    let cast = json!({"cast": cast_of([actor])});
    let slow = api.patch(Producer, "/movies/1", &cast);
    let quick = async {
        held.reached().await;
        let quick = api.patch(Producer, "/movies/1", &cast).await;
        held.release();
        quick
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(
        (quick.status, quick.header("etag").unwrap()),
        (200, "\"2\"")
    );
    assert_eq!((slow.status, slow.header("etag").unwrap()), (200, "\"2\""));
}

/// Writes both items of a credit to the table without any check: what a crash during a deletion
/// leaves.
pub(crate) async fn put_stale_credits(api: &Api, movie: u64, actor: u64) {
    for (owner, counterpart) in [
        (format!("movie#{movie}"), actor),
        (format!("actor#{actor}"), movie),
    ] {
        let put = api
            .stack
            .client()
            .put_item()
            .table_name(local::CREDITS_TABLE)
            .item("owner", AttributeValue::S(owner));
        put.item("counterpart", AttributeValue::N(counterpart.to_string()))
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn credits_left_by_a_crashed_deletion_are_hidden_and_later_deleted() {
    let api = Api::start().await;
    let (actor, movie) = (api.add_actor("Ida").await, api.add_movie("M").await);
    recast(&api, movie, &cast_of([actor])).await.expect(200);
    for number in 50..90 {
        put_stale_credits(&api, movie, number).await;
        put_stale_credits(&api, number, actor).await;
    }
    assert_eq!(ids(&cast(&api, movie).await, "actor_id"), [actor]);
    assert_eq!(ids(&credits(&api, actor).await, "movie_id"), [movie]);
    for (path, expected) in [
        (format!("/actors?movie_id={movie}"), vec![actor]),
        (format!("/movies?actor_id={actor}"), vec![movie]),
        ("/actors?movie_id=60".to_owned(), vec![]),
        ("/movies?actor_id=60".to_owned(), vec![]),
    ] {
        assert_eq!(listed(&api, &path).await, expected, "{path}");
    }
    // To name such an actor is to name an unknown one, and such credits do not count as changes.
    assert_eq!(
        recast(&api, movie, &cast_of([60])).await.field_errors(),
        ["cast[0].actor_id"]
    );
    let more = add_actors(&api, 20).await;
    recast(&api, movie, &cast_of([vec![actor], more].concat()))
        .await
        .expect(200);
    assert_eq!(stored(&api).await, 2 * (1 + 20 + (40 - 13) + 40));
    recast(&api, movie, &cast_of([])).await.expect(200);
    // Deleting a deleted row continues where a crash stopped, and still gets 404.
    for number in 50..90 {
        api.delete(Producer, &format!("/actors/{number}"))
            .await
            .expect_error(404, "resource not found");
        api.delete(Producer, &format!("/movies/{number}"))
            .await
            .expect_error(404, "resource not found");
    }
    assert_eq!(stored(&api).await, 0);
}

#[tokio::test]
async fn a_cast_change_respects_if_match() {
    let api = Api::start().await;
    let actors = add_actors(&api, 2).await;
    let movie = api.add_movie("M").await;
    let path = format!("/movies/{movie}");
    let change = |tag: &str, cast: Value| {
        let request = api
            .request_as(Director, "PATCH", &path)
            .header("if-match", tag.to_owned());
        send(with_json(request, &json!({ "cast": cast })))
    };
    change("\"1\"", cast_of([actors[0]])).await.expect(200);
    change("\"1\"", cast_of([actors[1]]))
        .await
        .expect_error(412, "precondition failed");
    change("\"1\"", cast_of([actors[0]]))
        .await
        .expect_error(412, "precondition failed");
    change("\"2\"", cast_of([actors[1]])).await.expect(200);
    assert_eq!(
        api.get(Assistant, &format!("{path}?include=cast"))
            .await
            .header("etag"),
        Some("\"3\"")
    );
    assert_eq!(ids(&cast(&api, movie).await, "actor_id"), [actors[1]]);
}

#[tokio::test]
async fn a_page_holds_at_most_1000_credits_and_has_a_next() {
    let api = Api::start().await;
    let actors = add_actors(&api, 33).await;
    for number in 0..45 {
        let movie =
            json!({"title": format!("M {number}"), "cast": cast_of(actors.iter().copied())});
        api.post(Producer, "/movies", &movie).await.expect(200);
    }
    let mut path = "/movies?include=cast".to_owned();
    let mut pages = Vec::new();
    loop {
        let body = api.get(Assistant, &path).await.expect(200);
        let movies = body["movies"].as_array().unwrap();
        assert!(
            movies
                .iter()
                .all(|movie| movie["cast"].as_array().unwrap().len() == 33)
        );
        pages.push(ids(movies, "id"));
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    // 30 casts of 33 are the most that fit into 1,000 credits.
    assert_eq!(pages, [(1..=30).collect::<Vec<_>>(), (31..=45).collect()]);
    assert_eq!(path, "/movies?after=30&limit=1000&include=cast");
}

/// What all clients know of each other's requests.
#[derive(Default)]
struct Known {
    actors: Mutex<BTreeSet<u64>>,
    movies: Mutex<BTreeSet<u64>>,
    /// Rows whose deletion has been acknowledged.
    deleted_actors: Mutex<BTreeSet<u64>>,
    deleted_movies: Mutex<BTreeSet<u64>>,
    /// The cast that each request sent, by the number in its characters.
    sent: Mutex<HashMap<u64, BTreeSet<u64>>>,
    requests: AtomicU64,
}

fn pick(set: &Mutex<BTreeSet<u64>>, random: &mut Random) -> Option<u64> {
    let set = set.lock().unwrap();
    (!set.is_empty()).then(|| {
        *set.iter()
            .nth(usize::try_from(random.below(set.len() as u64)).unwrap())
            .unwrap()
    })
}

impl Known {
    /// A cast in which every character names the request.
    fn new_cast(&self, random: &mut Random) -> Value {
        let request = self.requests.fetch_add(1, Ordering::SeqCst);
        let actors: BTreeSet<_> = (0..random.below(5))
            .filter_map(|_| pick(&self.actors, random))
            .collect();
        self.sent.lock().unwrap().insert(request, actors.clone());
        actors
            .into_iter()
            .map(|actor| json!({"actor_id": actor, "character": format!("request {request}")}))
            .collect()
    }

    /// Checks a cast that a reader got; `gone` are the actors that were deleted before the read.
    fn check_cast(&self, cast: &[Value], gone: &BTreeSet<u64>) {
        let mut requests = BTreeSet::new();
        for member in cast {
            let actor = member["actor_id"].as_u64().unwrap();
            assert!(
                !gone.contains(&actor),
                "a credit of an actor that is gone: {cast:?}"
            );
            assert!(
                member["name"]
                    .as_str()
                    .unwrap()
                    .starts_with(&format!("Actor {actor} "))
                    || member["name"] == "Actor",
                "{member}"
            );
            requests.insert(
                member["character"]
                    .as_str()
                    .unwrap()
                    .strip_prefix("request ")
                    .unwrap()
                    .parse::<u64>()
                    .unwrap(),
            );
        }
        assert!(requests.len() <= 1, "a mixture of casts: {cast:?}");
        for request in requests {
            let sent = &self.sent.lock().unwrap()[&request];
            assert!(
                ids(cast, "actor_id")
                    .iter()
                    .all(|actor| sent.contains(actor)),
                "{cast:?} of {sent:?}"
            );
        }
    }
}

/// Sends one request of one client, and checks its response.
async fn send_random_request(api: &Api, known: &Known, random: &mut Random) {
    let (actor, movie) = (pick(&known.actors, random), pick(&known.movies, random));
    let deleted_actors = known.deleted_actors.lock().unwrap().clone();
    let deleted_movies = known.deleted_movies.lock().unwrap().clone();
    match (random.below(100), actor, movie) {
        (0..12, ..) | (_, None, _) => {
            let actor = json!({"name": "Actor", "age": 34, "gender": "x"});
            let body = api.post(Producer, "/actors", &actor).await.expect(200);
            known
                .actors
                .lock()
                .unwrap()
                .insert(body["actors"][0]["id"].as_u64().unwrap());
        }
        (12..20, ..) | (_, _, None) => {
            let response = api
                .post(
                    Producer,
                    "/movies",
                    &json!({"title": "M", "cast": known.new_cast(random)}),
                )
                .await;
            match response.status {
                200 => drop(
                    known
                        .movies
                        .lock()
                        .unwrap()
                        .insert(response.body["movies"][0]["id"].as_u64().unwrap()),
                ),
                // An actor was deleted, or many requests were changing it.
                422 | 503 => {}
                _ => panic!("{response:?}"),
            }
        }
        (20..27, Some(actor), _) => {
            known.actors.lock().unwrap().remove(&actor);
            let response = api.delete(Producer, &format!("/actors/{actor}")).await;
            assert!([200, 404].contains(&response.status), "{response:?}");
            known.deleted_actors.lock().unwrap().insert(actor);
        }
        (27..32, _, Some(movie)) => {
            known.movies.lock().unwrap().remove(&movie);
            let response = api.delete(Producer, &format!("/movies/{movie}")).await;
            assert!([200, 404].contains(&response.status), "{response:?}");
            known.deleted_movies.lock().unwrap().insert(movie);
        }
        (32..55, _, Some(movie)) => {
            let response = recast(api, movie, &known.new_cast(random)).await;
            assert!(
                [200, 404, 422, 503].contains(&response.status),
                "{response:?}"
            );
        }
        (55..62, Some(actor), _) => {
            let name = format!("Actor {actor} {}", random.below(1000));
            let response = api
                .patch(
                    Director,
                    &format!("/actors/{actor}"),
                    &json!({ "name": name }),
                )
                .await;
            assert!([200, 404].contains(&response.status), "{response:?}");
        }
        (62..80, _, Some(movie)) => {
            let response = api
                .get(Assistant, &format!("/movies/{movie}?include=cast"))
                .await;
            if response.status == 200 {
                assert!(!deleted_movies.contains(&movie), "{response:?}");
                known.check_cast(
                    response.body["movies"][0]["cast"].as_array().unwrap(),
                    &deleted_actors,
                );
            } else {
                response.expect_error(404, "resource not found");
            }
        }
        (80..92, Some(actor), _) => {
            let response = api
                .get(Assistant, &format!("/actors/{actor}?include=credits"))
                .await;
            if response.status == 200 {
                assert!(!deleted_actors.contains(&actor), "{response:?}");
                let movies = ids(
                    response.body["actors"][0]["credits"].as_array().unwrap(),
                    "movie_id",
                );
                assert!(
                    movies.iter().all(|movie| !deleted_movies.contains(movie)),
                    "{response:?} {deleted_movies:?}"
                );
            } else {
                response.expect_error(404, "resource not found");
            }
        }
        (_, Some(actor), Some(movie)) => {
            let movies = listed(api, &format!("/movies?actor_id={actor}")).await;
            assert!(movies.iter().all(|movie| !deleted_movies.contains(movie)));
            let actors = listed(api, &format!("/actors?movie_id={movie}")).await;
            assert!(actors.iter().all(|actor| !deleted_actors.contains(actor)));
        }
    }
}

/// Checks, once no request is running, that everything the API shows of casts is consistent.
async fn check_consistent(api: &Api, known: &Known) {
    let mut casts = BTreeMap::new();
    let mut path = "/movies?include=cast".to_owned();
    loop {
        let body = api.get(Assistant, &path).await.expect(200);
        for movie in body["movies"].as_array().unwrap() {
            casts.insert(
                movie["id"].as_u64().unwrap(),
                movie["cast"].as_array().unwrap().clone(),
            );
        }
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let actors: BTreeSet<_> = listed(api, "/actors").await.into_iter().collect();
    let mut by_actor: BTreeMap<u64, BTreeMap<u64, Value>> = BTreeMap::new();
    for (movie, cast) in &casts {
        known.check_cast(cast, &known.deleted_actors.lock().unwrap());
        let members: BTreeSet<_> = ids(cast, "actor_id").into_iter().collect();
        assert!(members.is_subset(&actors));
        // The cast is one request's whole cast, except for deleted actors.
        if let Some(member) = cast.first() {
            let request: u64 = member["character"]
                .as_str()
                .unwrap()
                .strip_prefix("request ")
                .unwrap()
                .parse()
                .unwrap();
            let sent: BTreeSet<_> = known.sent.lock().unwrap()[&request]
                .intersection(&actors)
                .copied()
                .collect();
            assert_eq!(members, sent, "movie {movie}");
        }
        for member in cast {
            by_actor
                .entry(member["actor_id"].as_u64().unwrap())
                .or_default()
                .insert(*movie, member["character"].clone());
        }
        assert_eq!(
            listed(api, &format!("/actors?movie_id={movie}")).await,
            Vec::from_iter(members)
        );
    }
    for actor in actors {
        let of_actor = by_actor.remove(&actor).unwrap_or_default();
        let credits: BTreeMap<_, _> = credits(api, actor)
            .await
            .into_iter()
            .map(|credit| {
                (
                    credit["movie_id"].as_u64().unwrap(),
                    credit["character"].clone(),
                )
            })
            .collect();
        assert_eq!(credits, of_actor, "actor {actor}");
    }
    assert!(by_actor.is_empty());
    let halves: usize = casts.values().map(Vec::len).sum::<usize>() * 2;
    assert_eq!(
        usize::try_from(stored(api).await).unwrap(),
        halves,
        "nothing else lies in the table"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_requests_of_concurrent_clients_keep_casts_consistent() {
    for seed in seeds(1) {
        let api = Api::start().await;
        let known = Known::default();
        let clients = (0..10).map(|number| {
            let (api, known) = (&api, &known);
            let mut random = Random::new(seed * 100 + number);
            async move {
                for _ in 0..500 {
                    send_random_request(api, known, &mut random).await;
                }
            }
        });
        join_all(clients).await;
        check_consistent(&api, &known).await;
    }
}
