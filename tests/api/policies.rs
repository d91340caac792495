//! Least privilege: a function's policy is the calls that its endpoint makes, seen from outside, and no other.

use std::collections::{BTreeMap, BTreeSet};

use local::Role::{Nobody, Producer};
use serde_json::{Value, json};

use crate::support::proxy::{Call, Proxy};
use crate::support::template::resources;
use crate::support::{Api, send, with_json};

/// The permissions that a call takes: a transaction takes those of its parts.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
fn actions(call: &Call) -> Vec<(String, String)> {
    let of = |name: &str, part: &Value| (format!("dynamodb:{name}"), part["TableName"].as_str().unwrap().to_owned());
    if call.name != "TransactWriteItems" {
        return vec![of(&call.name, &call.body)];
    }
    let parts = call.body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
    let parts = parts.map(|(kind, part)| match kind.as_str() {
        "Put" => of("PutItem", part),
        "Update" => of("UpdateItem", part),
        "Delete" => of("DeleteItem", part),
        "ConditionCheck" => of("ConditionCheckItem", part),
        other => panic!("{other}"),
    });
    parts.collect()
}

/// The committed table, which `scripts/policies.py` holds against the translated template.
fn committed() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut committed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in include_str!("../policies.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (function, table) = (words.next().unwrap(), words.next().unwrap());
        committed.entry(function).or_default().extend(words.map(|action| (action, table.clone())));
    }
    committed
}

/// Every way through an endpoint that makes calls of its own.
async fn exercise(api: &Api, resource: &str, method: &str) {
    let good =
        if resource == "actors" { json!({"name": "Ida", "age": 34, "gender": "f"}) } else { json!({"title": "M"}) };
    let one = format!("/{resource}/1");
    let all = format!("/{resource}");
    let to = |path: &str| api.request_as(Producer, method, path);
    match method {
        "GET" => drop(send(to(&format!("{all}?limit=1"))).await.expect(200)),
        "POST" => {
            send(with_json(to(&all), &good)).await.expect(200);
            for _ in 0..2 {
                send(with_json(to(&all).header("idempotency-key", "k"), &good)).await.expect(200);
            }
            send(with_json(
                to(&all).header("idempotency-key", "k"),
                &json!({"title": "x", "name": "x", "age": 1, "gender": "x"}),
            ))
            .await
            .faults();
            send(to(&all).body("{")).await.expect(400);
        }
        "PATCH" => {
            send(with_json(to(&one), &good)).await.expect(200);
            send(with_json(to(&one), &json!({}))).await.expect(200);
            send(to(&one).body("{")).await.expect(400);
            send(with_json(to(&one).header("if-match", "\"x\""), &good)).await.expect(412);
        }
        _ => {
            send(to(&one).header("if-match", "\"x\"")).await.expect(412);
            send(to(&one)).await.expect(200);
            send(to(&one)).await.expect(404);
        }
    }
    send(api.request_as(Nobody, method, if method == "GET" || method == "POST" { &all } else { &one }))
        .await
        .expect(403);
}

#[tokio::test]
async fn every_policy_is_exactly_the_calls_that_the_endpoint_makes() {
    let mut recorded = BTreeMap::new();
    for resource in ["actors", "movies"] {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let proxy = Proxy::start().await;
            let api = Api::behind(&proxy).await;
            api.add_actor("Ida").await;
            api.add_movie("M").await;
            proxy.calls();
            exercise(&api, resource, method).await;
            let calls: BTreeSet<_> = proxy.calls().iter().flat_map(actions).collect();
            recorded.insert(format!("{}_{resource}", method.to_lowercase()), calls);
        }
    }
    let mut granted = BTreeMap::new();
    for (_, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let name = properties["CodeUri"].as_str().unwrap().strip_prefix("functions/").unwrap().to_owned();
        let mut pairs = BTreeSet::new();
        for statement in properties["Policies"][0]["Statement"].as_array().unwrap() {
            let table =
                statement["Resource"]["Fn::GetAtt"].as_str().unwrap().strip_suffix("Table.Arn").unwrap().to_lowercase();
            for action in statement["Action"].as_array().unwrap() {
                pairs.insert((action.as_str().unwrap().to_owned(), table.clone()));
            }
        }
        granted.insert(name, pairs);
    }
    assert_eq!(granted, recorded);
    assert_eq!(committed(), recorded, "tests/policies.txt has drifted");
}
