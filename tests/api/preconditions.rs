//! `ETag` and `If-Match`: no update is lost if a client wants to keep it.

use futures_util::future::join_all;
use local::Role::{Director, Producer};
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, with_json};

async fn patch(api: &Api, path: &str, if_match: &str, body: &Value) -> ApiResponse {
    send(with_json(
        api.request_as(Director, "PATCH", path)
            .header("if-match", if_match),
        body,
    ))
    .await
}

async fn delete(api: &Api, path: &str, if_match: &str) -> ApiResponse {
    send(
        api.request_as(Director, "DELETE", path)
            .header("if-match", if_match),
    )
    .await
}

#[tokio::test]
async fn a_single_row_response_has_a_strong_etag_that_changes_with_the_row() {
    let api = Api::start().await;
    let created = api
        .post(
            Director,
            "/actors",
            &json!({"name": "Ida", "age": 34, "gender": "f"}),
        )
        .await;
    let first = created.header("etag").unwrap().to_owned();
    assert!(first.starts_with('"') && first.ends_with('"') && first.len() > 2);
    let unchanged = api.patch(Director, "/actors/1", &json!({})).await;
    assert_eq!(unchanged.header("etag"), Some(first.as_str()));
    let changed = api.patch(Director, "/actors/1", &json!({"age": 34})).await;
    assert_ne!(changed.header("etag"), Some(first.as_str()));
    let read = api.patch(Director, "/actors/1", &json!({})).await;
    assert_eq!(read.header("etag"), changed.header("etag"));
    assert_eq!(api.get(Director, "/actors").await.header("etag"), None);
    let row = read.expect(200)["actors"][0].clone();
    assert_eq!(
        row,
        json!({"id": 1, "name": "Ida", "age": 34, "gender": "f"})
    );
}

#[tokio::test]
async fn a_write_with_if_match_changes_only_the_version_it_names() {
    let api = Api::start().await;
    let id = api.add_actor("Ida").await;
    let path = format!("/actors/{id}");
    let old = api
        .patch(Director, &path, &json!({}))
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let new = patch(&api, &path, &old, &json!({"age": 35})).await;
    let tag = new.header("etag").unwrap().to_owned();
    new.expect(200);
    patch(&api, &path, &old, &json!({"age": 36}))
        .await
        .expect_error(412, "precondition failed");
    patch(&api, &path, &old, &json!({}))
        .await
        .expect_error(412, "precondition failed");
    delete(&api, &path, &old)
        .await
        .expect_error(412, "precondition failed");
    assert_eq!(
        api.get(Director, "/actors").await.expect(200)["actors"][0]["age"],
        35
    );
    for never in [
        &format!("W/{tag}"),
        "\"x\"",
        "",
        tag.trim_matches('"'),
        "\"0\"",
    ] {
        patch(&api, &path, never, &json!({"age": 37}))
            .await
            .expect_error(412, "precondition failed");
        delete(&api, &path, never)
            .await
            .expect_error(412, "precondition failed");
    }
    patch(
        &api,
        &path,
        &format!("{old}, \"x\", {tag}"),
        &json!({"age": 38}),
    )
    .await
    .expect(200);
    patch(&api, &path, "*", &json!({"age": 39}))
        .await
        .expect(200);
    let last = api
        .patch(Director, &path, &json!({}))
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    delete(&api, &path, &last).await.expect(200);
    for gone in ["*", &last] {
        patch(&api, &path, gone, &json!({"age": 40}))
            .await
            .expect_error(404, "resource not found");
        delete(&api, &path, gone)
            .await
            .expect_error(404, "resource not found");
    }
    assert_eq!(
        api.get(Director, "/actors").await.expect(200)["actors"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_sixteen_concurrent_writes_with_one_etag_succeeds() {
    let api = Api::start().await;
    let id = api.add_actor("Ida").await;
    let path = format!("/actors/{id}");
    for _ in 0..5 {
        let tag = api
            .patch(Director, &path, &json!({}))
            .await
            .header("etag")
            .unwrap()
            .to_owned();
        let bodies: Vec<_> = (0..16).map(|age| json!({"age": age})).collect();
        let responses = join_all(bodies.iter().map(|body| patch(&api, &path, &tag, body))).await;
        let done: Vec<_> = responses
            .iter()
            .filter(|response| response.status == 200)
            .collect();
        assert_eq!(done.len(), 1);
        assert!(
            responses
                .iter()
                .all(|response| [200, 412].contains(&response.status))
        );
        assert_eq!(
            api.get(Director, "/actors").await.expect(200)["actors"],
            done[0].body["actors"]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_without_if_match_all_succeed() {
    let api = Api::start().await;
    let path = format!("/actors/{}", api.add_actor("Ida").await);
    let bodies: Vec<_> = (0..16).map(|age| json!({"age": age})).collect();
    let responses = join_all(bodies.iter().map(|body| api.patch(Director, &path, body))).await;
    let mut tags: Vec<_> = responses
        .iter()
        .map(|response| response.header("etag").unwrap().to_owned())
        .collect();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 16, "every change is a version of its own");
}

#[tokio::test]
async fn a_row_written_without_the_api_can_be_changed_by_its_etag() {
    use aws_sdk_dynamodb::types::AttributeValue::{N, S};
    let api = Api::start().await;
    api.add_actor("Ida").await;
    let put = api
        .stack
        .client()
        .put_item()
        .table_name(local::ACTORS_TABLE)
        .item("bucket", N("0".into()))
        .item("id", N("7".into()));
    put.item("name", S("Old".into()))
        .item("age", N("50".into()))
        .item("gender", S("f".into()))
        .send()
        .await
        .unwrap();
    let tag = api
        .patch(Director, "/actors/7", &json!({}))
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    patch(&api, "/actors/7", "\"1\"", &json!({"age": 51}))
        .await
        .expect_error(412, "precondition failed");
    let changed = patch(&api, "/actors/7", &tag, &json!({"age": 51})).await;
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    changed.expect(200);
    patch(&api, "/actors/7", &tag, &json!({"age": 52}))
        .await
        .expect_error(412, "precondition failed");
}

#[tokio::test]
async fn an_etag_does_not_change_with_the_rows_counterparts() {
    let api = Api::start().await;
    let (ida, max) = (api.add_actor("Ida").await, api.add_actor("Max").await);
    let movie = format!("/movies/{}", api.add_movie("An Example").await);
    let tag = async |path: &str| {
        let found = api.get(Director, path).await;
        (found.header("etag").unwrap().to_owned(), found.expect(200))
    };
    let patch =
        async |path: &str, body: Value| drop(api.patch(Director, path, &body).await.expect(200));
    let (of_movie, of_actor) = (
        format!("{movie}?include=cast"),
        format!("/actors/{ida}?include=credits"),
    );

    let (actor_tag, uncast) = tag(&of_actor).await;
    let (movie_tag, _) = tag(&of_movie).await;
    patch(
        &movie,
        json!({"cast": [{"actor_id": ida}, {"actor_id": max}]}),
    )
    .await;
    let (cast_tag, _) = tag(&of_movie).await;
    assert_ne!(cast_tag, movie_tag, "a cast is the movie's");
    let (same_tag, cast) = tag(&of_actor).await;
    assert_eq!(same_tag, actor_tag);
    assert_ne!(cast, uncast);

    patch(
        &movie,
        json!({"title": "Another", "release_date": "1999-12-31"}),
    )
    .await;
    assert_eq!(tag(&of_actor).await.0, actor_tag);
    let (movie_tag, before) = tag(&of_movie).await;
    patch(&format!("/actors/{ida}"), json!({"name": "Ida Second"})).await;
    api.delete(Director, &format!("/actors/{max}"))
        .await
        .expect(200);
    let (same_tag, after) = tag(&of_movie).await;
    assert_eq!(same_tag, movie_tag);
    assert_eq!(before["movies"][0]["cast"].as_array().unwrap().len(), 2);
    assert_eq!(
        after["movies"][0]["cast"],
        json!([{"actor_id": ida, "name": "Ida Second", "character": null, "billing": null}])
    );

    let (actor_tag, _) = tag(&of_actor).await;
    api.delete(Producer, &movie).await.expect(200);
    let (same_tag, alone) = tag(&of_actor).await;
    assert_eq!(
        (same_tag, &alone["actors"][0]["credits"]),
        (actor_tag, &json!([]))
    );
}
