use local::Role::Director;
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn only_canonical_ids_match_after_one_percent_decoding() {
    let api = Api::start().await;
    for id in 1..=10 {
        assert_eq!(api.add_actor("Ida").await, id);
    }
    for segment in ["1", "%31", "1%30"] {
        api.patch(Director, &format!("/actors/{segment}"), &json!({}))
            .await
            .expect(200);
    }
    let others = [
        "01",
        "+1",
        "-1",
        "1.0",
        "1e0",
        "0x1",
        "0",
        "00",
        "%2531",
        "1%20",
        "%201",
        "1%00",
        "1%0a",
        "1,1",
        "1;x",
        "%D9%A1",
        "%EF%BC%91",
        "one",
        "null",
        "*",
        "{actor_id}",
        "9007199254740992",
        "9999999999999999",
        "10000000000000001",
        "18446744073709551617",
        "1%2F",
        "1%2f2",
        "%",
        "%zz",
        "%c3%28",
        &"1".repeat(400),
    ];
    for segment in others {
        for response in [
            api.patch(
                Director,
                &format!("/actors/{segment}"),
                &json!({"name": "Changed"}),
            )
            .await,
            api.delete(Director, &format!("/actors/{segment}")).await,
        ] {
            response.expect_error(404, "resource not found");
        }
    }
    let rows = api.get(Director, "/actors").await.expect(200)["actors"].clone();
    assert!(rows.as_array().unwrap().len() == 10 && !rows.to_string().contains("Changed"));
}

#[tokio::test]
async fn a_missing_row_with_the_greatest_id_returns_404() {
    let api = Api::start().await;
    api.delete(Director, "/actors/9007199254740991")
        .await
        .expect_error(404, "resource not found");
    api.patch(Director, "/actors/9007199254740991", &json!({"age": 1}))
        .await
        .expect_error(404, "resource not found");
}

#[tokio::test]
async fn an_invalid_id_returns_404_before_the_body_is_checked() {
    let api = Api::start().await;
    api.patch(Director, "/actors/01", &json!([]))
        .await
        .expect_error(404, "resource not found");
}
