use local::Role::{Assistant, Director, Producer};
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn the_list_of_actors_is_empty_at_first() {
    let api = Api::start().await;
    assert_eq!(
        api.get(Assistant, "/actors").await.expect(200),
        json!({"success": true, "actors": []})
    );
}

#[tokio::test]
async fn creating_an_actor_returns_and_lists_it_with_its_id() {
    let api = Api::start().await;
    let sent = json!({"id": 99, "name": "  Ida Example ", "age": "34", "gender": "Female", "unknown_field": 1});
    let row = json!({"id": 1, "name": "Ida Example", "age": 34, "gender": "Female"});
    assert_eq!(
        api.post(Director, "/actors", &sent).await.expect(200),
        json!({"success": true, "actors": [row]})
    );
    assert_eq!(
        api.get(Assistant, "/actors").await.expect(200),
        json!({"success": true, "actors": [row]})
    );
}

#[tokio::test]
async fn an_invalid_actor_is_rejected_with_every_field_error() {
    let api = Api::start().await;
    let response = api
        .post(
            Director,
            "/actors",
            &json!({"name": "Zaphod", "age": -1, "gender": ""}),
        )
        .await;
    assert_eq!(response.field_errors(), ["age", "gender"]);
    assert_eq!(
        response.body["details"][0]["message"],
        "must be a whole number from 0 to 150"
    );
    assert!(!response.body.to_string().contains("-1"));
    assert_eq!(
        api.post(Director, "/actors", &json!({}))
            .await
            .field_errors(),
        ["name", "age", "gender"]
    );
    assert_eq!(
        api.get(Director, "/actors").await.expect(200)["actors"],
        json!([])
    );
}

#[tokio::test]
async fn a_patch_changes_only_the_fields_it_names() {
    let api = Api::start().await;
    let id = api.add_actor("Ida Example").await;
    let path = format!("/actors/{id}");
    let changed = api
        .patch(
            Director,
            &path,
            &json!({"age": 35, "name": null, "id": 7, "unknown_field": 1}),
        )
        .await
        .expect(200);
    assert_eq!(
        changed,
        json!({"success": true, "actors": [{"id": id, "name": "Ida Example", "age": 35, "gender": "female"}]})
    );
    let renamed = api
        .patch(
            Director,
            &path,
            &json!({"name": "Ida Other", "gender": "f"}),
        )
        .await
        .expect(200);
    assert_eq!(
        renamed["actors"][0],
        json!({"id": id, "name": "Ida Other", "age": 35, "gender": "f"})
    );
    assert_eq!(
        api.get(Director, "/actors").await.expect(200)["actors"],
        renamed["actors"]
    );
}

#[tokio::test]
async fn a_patch_without_known_fields_returns_the_row_unchanged() {
    let api = Api::start().await;
    let id = api.add_actor("Ida Example").await;
    let row = api.get(Director, "/actors").await.expect(200);
    for body in [
        json!({}),
        json!({"unknown_field": 1}),
        json!({"name": null, "age": null, "gender": null}),
    ] {
        assert_eq!(
            api.patch(Director, &format!("/actors/{id}"), &body)
                .await
                .expect(200),
            row,
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_invalid_patch_changes_nothing() {
    let api = Api::start().await;
    let id = api.add_actor("Ida Example").await;
    let row = api.get(Director, "/actors").await.expect(200);
    let response = api
        .patch(
            Director,
            &format!("/actors/{id}"),
            &json!({"name": "Ida Other", "age": 151}),
        )
        .await;
    assert_eq!(response.field_errors(), ["age"]);
    assert_eq!(api.get(Director, "/actors").await.expect(200), row);
}

#[tokio::test]
async fn a_patch_of_a_missing_actor_returns_404_for_any_body() {
    let api = Api::start().await;
    for body in [json!({"age": 35}), json!({}), json!({"age": -1}), json!([])] {
        api.patch(Director, "/actors/1", &body)
            .await
            .expect_error(404, "resource not found");
    }
    assert_eq!(
        api.get(Director, "/actors").await.expect(200)["actors"],
        json!([])
    );
}

#[tokio::test]
async fn a_deleted_actor_is_gone_and_its_id_is_not_reused() {
    let api = Api::start().await;
    let id = api.add_actor("Ida Example").await;
    let path = format!("/actors/{id}");
    assert_eq!(
        api.delete(Director, &path).await.expect(200),
        json!({"success": true, "deleted": id})
    );
    api.delete(Director, &path)
        .await
        .expect_error(404, "resource not found");
    api.patch(Director, &path, &json!({"age": 1}))
        .await
        .expect_error(404, "resource not found");
    assert_eq!(
        api.get(Producer, "/actors").await.expect(200)["actors"],
        json!([])
    );
    assert_eq!(api.add_actor("Ida Again").await, id + 1);
}

#[tokio::test]
async fn a_name_in_any_script_is_returned_as_sent() {
    let api = Api::start().await;
    for name in [
        "Zoë Kravitz-Ünlü",
        "李小龙",
        "🎭 \"quoted\" \\ <b>",
        "O'Hara; DROP TABLE actors",
        "#id :name $(x) ${y} {{z}}",
    ] {
        let sent = json!({"name": name, "age": 0, "gender": "#name"});
        let stored = api.post(Director, "/actors", &sent).await.expect(200);
        assert_eq!(stored["actors"][0]["name"], name);
    }
}
