//! A kept database of an earlier version: tables without indexes, rows without index keys.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use local::{ACTORS_TABLE, CREDITS_TABLE, MOVIES_TABLE, Options, Role, Stack};
use serde_json::{Value, json};

use crate::support::Folder;

async fn stack(folder: &Folder) -> Stack {
    Stack::start(Options {
        home: Some(folder.0.clone()),
        ..Options::in_memory()
    })
    .await
    .unwrap()
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Replaces a table that has indexes with one that has none.
async fn replace_table(client: &Client, name: &str) {
    client.delete_table().table_name(name).send().await.unwrap();
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in [("bucket", KeyType::Hash), ("id", KeyType::Range)] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::N);
        let element = KeySchemaElement::builder()
            .attribute_name(attribute)
            .key_type(kind);
        create = create
            .attribute_definitions(definition.build().unwrap())
            .key_schema(element.build().unwrap());
    }
    create.send().await.unwrap();
}

async fn put(
    client: &Client,
    table: &str,
    bucket: i64,
    id: i64,
    attributes: &[(&str, AttributeValue)],
) {
    let put = client
        .put_item()
        .table_name(table)
        .item("bucket", number(bucket))
        .item("id", number(id));
    let put = attributes
        .iter()
        .fold(put, |put, (name, value)| put.item(*name, value.clone()));
    put.send().await.unwrap();
}

/// Creates a home as the first version left it, with two actors and a movie.
async fn old_home(folder: &Folder) {
    let stack = stack(folder).await;
    let client = stack.client();
    client
        .delete_table()
        .table_name(CREDITS_TABLE)
        .send()
        .await
        .unwrap();
    for (table, last) in [(ACTORS_TABLE, 1000), (MOVIES_TABLE, 1)] {
        replace_table(client, table).await;
        put(client, table, -1, 0, &[("last_id", number(last))]).await;
        put(client, table, -77, 5, &[("expires", number(4_000_000_000))]).await;
    }
    for (bucket, id, name, age) in [(0, 7, "Ída Example", 34), (1, 1000, "Max Example", 51)] {
        let attributes = [
            ("name", text(name)),
            ("age", number(age)),
            ("gender", text("Female")),
            ("version", number(3)),
        ];
        put(client, ACTORS_TABLE, bucket, id, &attributes).await;
    }
    let movie = [
        ("title", text("The Night")),
        ("release_date", number(0)),
        ("version", number(1)),
    ];
    put(client, MOVIES_TABLE, 0, 1, &movie).await;
    stack.stop().await;
}

/// The ids of the rows that a GET of this path returns.
async fn found(stack: &Stack, path: &str) -> Vec<Value> {
    let token = stack
        .tokens
        .as_ref()
        .unwrap()
        .issue(Role::Assistant)
        .unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .get(format!("{}/{path}", stack.api))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let rows = body["actors"]
        .as_array()
        .or(body["movies"].as_array())
        .unwrap();
    rows.iter().map(|row| row["id"].clone()).collect()
}

async fn item(
    stack: &Stack,
    table: &str,
    bucket: i64,
    id: i64,
) -> std::collections::HashMap<String, AttributeValue> {
    let get = stack
        .client()
        .get_item()
        .table_name(table)
        .key("bucket", number(bucket))
        .key("id", number(id));
    get.send().await.unwrap().item.unwrap()
}

#[tokio::test]
async fn rows_of_an_earlier_version_are_found_after_a_start() {
    let folder = Folder::new("upgrade");
    old_home(&folder).await;
    // The second start has nothing left to do.
    for _ in 0..2 {
        let stack = stack(&folder).await;
        for (path, expected) in [
            ("actors", json!([7, 1000])),
            ("actors?name=ida", json!([7])),
            ("actors?name=example&sort=-age", json!([1000, 7])),
            ("actors?min_age=40", json!([1000])),
            ("actors?gender=female&max_age=40", json!([7])),
            ("movies?title=night&include=cast", json!([1])),
            ("movies?title=the", json!([1])),
            ("movies?released_to=1970-01-01", json!([1])),
        ] {
            assert_eq!(json!(found(&stack, path).await), expected, "{path}");
        }
        assert_eq!(item(&stack, ACTORS_TABLE, 0, 7).await["version"], number(3));
        assert_eq!(item(&stack, ACTORS_TABLE, -1, 0).await.len(), 3);
        assert_eq!(item(&stack, ACTORS_TABLE, -77, 5).await.len(), 3);
        stack.stop().await;
    }
}

#[tokio::test]
async fn rows_with_keys_of_an_earlier_version_are_found_after_a_start() {
    let folder = Folder::new("upgrade-keys");
    let first = stack(&folder).await;
    // The attributes that version 1 of the keys gave these rows.
    let actor = [
        ("name", text("Søren O’Neil")),
        ("age", number(34)),
        ("gender", text("f")),
        ("version", number(3)),
        ("shard", text("3")),
        ("gender_shard", text("3#f")),
        ("age_key", text("034\u{1f}0000000000000007")),
        ("name_key", text("søren o’neil\u{1f}0000000000000007")),
        ("last_word_key", text("o’neil\u{1f}0000000000000007")),
    ];
    put(first.client(), ACTORS_TABLE, 0, 7, &actor).await;
    put(
        first.client(),
        ACTORS_TABLE,
        -1,
        0,
        &[("last_id", number(7))],
    )
    .await;
    first
        .client()
        .delete_item()
        .table_name(ACTORS_TABLE)
        .key("bucket", number(-1))
        .key("id", number(1))
        .send()
        .await
        .unwrap();
    assert_eq!(found(&first, "actors?name=soren").await, [0; 0]);
    first.stop().await;
    for _ in 0..2 {
        let stack = stack(&folder).await;
        for path in ["actors", "actors?name=soren", "actors?name=o'n"] {
            assert_eq!(found(&stack, path).await, [json!(7)], "{path}");
        }
        assert_eq!(item(&stack, ACTORS_TABLE, 0, 7).await["version"], number(3));
        stack.stop().await;
    }
}

#[tokio::test]
async fn what_is_no_row_keeps_no_stack_from_starting() {
    let folder = Folder::new("upgrade-malformed");
    old_home(&folder).await;
    let first = stack(&folder).await;
    put(
        first.client(),
        ACTORS_TABLE,
        0,
        8,
        &[("name", text("Nobody"))],
    )
    .await;
    put(
        first.client(),
        ACTORS_TABLE,
        0,
        9,
        &[
            ("name", text("Eva")),
            ("age", number(9)),
            ("gender", text("f")),
        ],
    )
    .await;
    first.stop().await;
    let second = stack(&folder).await;
    assert_eq!(
        found(&second, "actors?name=eva&sort=name").await,
        [json!(9)]
    );
    assert_eq!(item(&second, ACTORS_TABLE, 0, 8).await.len(), 3);
}
