use local::Role::{Assistant, Director, Producer};
use serde_json::json;
use shared::model::ReleaseDate;

use crate::support::Api;

#[tokio::test]
async fn creating_a_movie_returns_and_lists_it_with_its_date_in_gmt() {
    let api = Api::start().await;
    let sent = json!({"title": "An Example", "release_date": "2020-05-14T16:02:13+02:00"});
    let row =
        json!({"id": 1, "title": "An Example", "release_date": "Thu, 14 May 2020 14:02:13 GMT"});
    assert_eq!(
        api.post(Producer, "/movies", &sent).await.expect(200),
        json!({"success": true, "movies": [row]})
    );
    assert_eq!(
        api.get(Assistant, "/movies").await.expect(200),
        json!({"success": true, "movies": [row]})
    );
}

#[tokio::test]
async fn a_movie_without_a_date_is_released_now() {
    let api = Api::start().await;
    for movie in [
        json!({"title": "Now"}),
        json!({"title": "Now", "release_date": null}),
    ] {
        let before = ReleaseDate::now();
        let body = api.post(Producer, "/movies", &movie).await.expect(200);
        let date = ReleaseDate::parse(body["movies"][0]["release_date"].as_str().unwrap()).unwrap();
        assert!((before..=ReleaseDate::now()).contains(&date));
    }
}

#[tokio::test]
async fn an_invalid_movie_is_rejected() {
    let api = Api::start().await;
    assert_eq!(
        api.post(Producer, "/movies", &json!({"release_date": "2020-05-14"}))
            .await
            .field_errors(),
        ["title"]
    );
    let response = api
        .post(
            Producer,
            "/movies",
            &json!({"title": "x", "release_date": "01/02/2020"}),
        )
        .await;
    assert_eq!(response.field_errors(), ["release_date"]);
    assert!(
        response.body["details"][0]["message"]
            .as_str()
            .unwrap()
            .contains("YYYY-MM-DD")
    );
    for date in [
        json!(20200514),
        json!(true),
        json!(""),
        json!("soon"),
        json!({}),
        json!("2021-02-29"),
    ] {
        let response = api
            .post(
                Producer,
                "/movies",
                &json!({"title": "x", "release_date": date}),
            )
            .await;
        assert_eq!(response.field_errors(), ["release_date"], "{date}");
    }
    assert_eq!(
        api.get(Producer, "/movies").await.expect(200)["movies"],
        json!([])
    );
}

#[tokio::test]
async fn a_director_changes_a_movie() {
    let api = Api::start().await;
    let id = api.add_movie("An Example").await;
    let changed = api
        .patch(
            Director,
            &format!("/movies/{id}"),
            &json!({"release_date": "2021-10-1"}),
        )
        .await
        .expect(200);
    let row =
        json!({"id": id, "title": "An Example", "release_date": "Fri, 01 Oct 2021 00:00:00 GMT"});
    assert_eq!(changed, json!({"success": true, "movies": [row]}));
    let unchanged = api
        .patch(
            Director,
            &format!("/movies/{id}"),
            &json!({"release_date": null}),
        )
        .await
        .expect(200);
    assert_eq!(unchanged["movies"][0], row);
}

#[tokio::test]
async fn a_patch_of_a_missing_movie_returns_404_and_creates_nothing() {
    let api = Api::start().await;
    for body in [json!({"title": "x"}), json!({"title": ""}), json!({})] {
        api.patch(Director, "/movies/1", &body)
            .await
            .expect_error(404, "resource not found");
    }
    assert_eq!(
        api.get(Director, "/movies").await.expect(200)["movies"],
        json!([])
    );
}

#[tokio::test]
async fn a_producer_deletes_a_movie_once() {
    let api = Api::start().await;
    let id = api.add_movie("An Example").await;
    assert_eq!(
        api.delete(Producer, &format!("/movies/{id}"))
            .await
            .expect(200),
        json!({"success": true, "deleted": id})
    );
    api.delete(Producer, &format!("/movies/{id}"))
        .await
        .expect_error(404, "resource not found");
}

#[tokio::test]
async fn actor_and_movie_ids_are_counted_separately() {
    let api = Api::start().await;
    assert_eq!(
        (
            api.add_actor("A").await,
            api.add_movie("M").await,
            api.add_actor("B").await
        ),
        (1, 1, 2)
    );
}
