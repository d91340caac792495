//! `casting reindex`: rows get the index keys of this version.

use std::sync::{Arc, Once};

use axum::http::Request;
use local::Stack;
use serde_json::{Value, json};

use crate::support::*;

/// Adds actors, and replaces the keys of their names with those of an earlier version.
async fn add_with_old_keys(stack: &Stack, count: u64) {
    for _ in 0..count {
        let row = json!({"name": "Søren O’Neil", "age": 34, "gender": "f"});
        send(stack, "POST", "actors", &row).await;
    }
    for id in 1..=count {
        let number = |number: u64| aws_sdk_dynamodb::types::AttributeValue::N(number.to_string());
        let key = aws_sdk_dynamodb::types::AttributeValue::S(format!("søren o’neil\u{1f}{id:016}"));
        let update = stack.client().update_item().table_name(local::ACTORS_TABLE);
        let update = update
            .key("bucket", number(id / 1000))
            .key("id", number(id));
        let update = update.update_expression("SET name_key = :key, last_word_key = :key");
        update
            .expression_attribute_values(":key", key)
            .send()
            .await
            .unwrap();
    }
}

async fn send(stack: &Stack, method: &str, path: &str, body: &Value) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .request(method.parse().unwrap(), format!("{}/{path}", stack.api))
        .bearer_auth(token(stack, PRODUCER))
        .header("content-type", "application/json")
        .body(body.to_string());
    request.send().await.unwrap().status().as_u16()
}

async fn found(stack: &Stack, path: &str) -> usize {
    get(stack, path).await["actors"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn reindexed_rows_are_found() {
    let (folder, stack) = (folder(), stack().await);
    add_with_old_keys(&stack, 230).await;
    assert_eq!(found(&stack, "actors?name=soren").await, 0);
    let output = run(&folder, &stack, &["reindex", "actors", "--after", "30"]);
    assert_eq!(text(&output.stdout), "200 actors reindexed", "{output:?}");
    assert_eq!(found(&stack, "actors?name=soren").await, 200);
    assert_eq!(found(&stack, "actors?name=o'n").await, 200);
    send(&stack, "POST", "movies", &json!({"title": "The Day"})).await;
    let output = run(&folder, &stack, &["reindex", "movies"]);
    assert_eq!(text(&output.stdout), "1 movies reindexed", "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_stops_says_where_to_continue() {
    let (folder, stack) = (folder(), stack().await);
    add_with_old_keys(&stack, 150).await;
    // The token expires after the first page.
    let reply = |_, request: &Request<_>| {
        if request
            .uri()
            .query()
            .is_some_and(|query| query.contains("after=100"))
        {
            own(401, &[], r#"{"message":"expired"}"#)
        } else {
            Reply::Pass
        }
    };
    let server = Server::start(&stack.api, reply).await;
    let stopped = command(&folder, &stack, &server.url, &["reindex", "actors"])
        .output()
        .unwrap();
    assert_eq!(stopped.status.code(), Some(1));
    let error = text(&stopped.stderr);
    assert!(
        error.ends_with("100 actors reindexed, continue with --after 100"),
        "{error}"
    );
    let rest = run(&folder, &stack, &["reindex", "actors", "--after", "100"]);
    assert_eq!(text(&rest.stdout), "50 actors reindexed", "{rest:?}");
    assert_eq!(found(&stack, "actors?name=soren").await, 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_another_client_is_lost_and_a_deleted_row_is_skipped() {
    let (folder, stack) = (folder(), stack().await);
    add_with_old_keys(&stack, 2).await;
    // Another client renames row 1 and deletes row 2 after they were read.
    let stack = Arc::new(stack);
    let (changing, changed) = (Arc::clone(&stack), Once::new());
    let reply = move |_, request: &Request<_>| {
        if request.method() == "PATCH" {
            let change = || {
                let changing = Arc::clone(&changing);
                let change = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Runtime::new().unwrap();
                    runtime.block_on(async {
                        send(&changing, "PATCH", "actors/1", &json!({"name": "Ida"})).await;
                        send(&changing, "DELETE", "actors/2", &json!({})).await;
                    });
                });
                change.join().unwrap();
            };
            tokio::task::block_in_place(|| changed.call_once(change));
        }
        Reply::Pass
    };
    let server = Server::start(&stack.api, reply).await;
    let output = command(&folder, &stack, &server.url, &["reindex", "actors"])
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "1 actors reindexed", "{output:?}");
    assert_eq!(names(&list(&stack, "actors").await), ["Ida"]);
}
