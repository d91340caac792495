use local::Role::{Assistant, Director};
use serde_json::{Value, json};

use crate::support::Api;

fn ids(body: &Value) -> Vec<u64> {
    body["actors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn next_leads_through_every_page_of_a_list() {
    let api = Api::start().await;
    for _ in 0..7 {
        api.add_actor("Ida").await;
    }
    api.delete(Director, "/actors/4").await.expect(200);
    let mut path = "/actors?limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let response = api.get(Assistant, &path).await;
        let link = response.header("link").map(str::to_owned);
        let body = response.expect(200);
        pages.push(ids(&body));
        assert_eq!(
            link,
            body["next"]
                .as_str()
                .map(|next| format!("<{next}>; rel=\"next\""))
        );
        match body["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 5], vec![6, 7]]);
    assert_eq!(path, "/actors?after=5&limit=2");
}

#[tokio::test]
async fn the_last_page_of_a_list_has_no_next() {
    let api = Api::start().await;
    for _ in 0..3 {
        api.add_actor("Ida").await;
    }
    for path in [
        "/actors",
        "/actors?limit=3",
        "/actors?limit=1000",
        "/actors?after=1",
        "/actors?after=3",
        "/actors?after=9007199254740991",
    ] {
        let response = api.get(Assistant, path).await;
        assert_eq!(response.header("link"), None, "{path}");
        assert!(response.expect(200).get("next").is_none(), "{path}");
    }
    assert_eq!(
        ids(&api.get(Assistant, "/actors?after=2").await.expect(200)),
        [3]
    );
    assert_eq!(
        ids(&api
            .get(Assistant, "/actors?after=9007199254740991")
            .await
            .expect(200)),
        [0; 0]
    );
}

#[tokio::test]
async fn an_invalid_limit_or_after_returns_422_and_unknown_parameters_are_ignored() {
    let api = Api::start().await;
    for limit in [
        "",
        "0",
        "-1",
        "1001",
        "1.5",
        "ten",
        "%201",
        "1&limit=2",
        "1,2",
        "99999999999999999999",
        "%00",
    ] {
        assert_eq!(
            api.get(Assistant, &format!("/actors?limit={limit}"))
                .await
                .field_errors(),
            ["limit"],
            "{limit}"
        );
    }
    for after in ["", "0", "-1", "x", "9007199254740992", "1&after=1"] {
        assert_eq!(
            api.get(Assistant, &format!("/movies?after={after}"))
                .await
                .field_errors(),
            ["after"],
            "{after}"
        );
    }
    assert_eq!(
        api.get(Assistant, "/actors?after=x&limit=0")
            .await
            .field_errors(),
        ["limit", "after"]
    );
    for query in [
        "page=2",
        "LIMIT=0",
        "sort=name&&x",
        "limit",
        "%",
        "a%20b=\"c\"<>{}|^`",
        "é=ü",
    ] {
        let response = api.get(Assistant, &format!("/actors?{query}")).await;
        if query == "limit" {
            assert_eq!(response.field_errors(), ["limit"])
        } else {
            drop(response.expect(200))
        }
    }
}

#[tokio::test]
async fn a_list_shows_rows_written_just_before() {
    let api = Api::start().await;
    api.add_actor("Ida").await;
    for round in 1..=20 {
        let id = api.add_actor("Ida").await;
        assert_eq!(
            ids(&api.get(Director, "/actors").await.expect(200)).last(),
            Some(&id)
        );
        api.patch(Director, &format!("/actors/{id}"), &json!({"age": round}))
            .await
            .expect(200);
        let body = api
            .get(Director, &format!("/actors?after={}", id - 1))
            .await
            .expect(200);
        assert_eq!(
            body["actors"].as_array().unwrap().last().unwrap()["age"],
            round
        );
    }
}
