//! Least privilege: a function's policy allows exactly the calls that its endpoint makes, as
//! observed from outside.

use std::collections::{BTreeMap, BTreeSet};

use local::Role::{Nobody, Producer};
use serde_json::{Value, json};

use crate::casting::put_stale_credits;
use crate::support::proxy::{Call, Proxy};
use crate::support::template::resources;
use crate::support::{Api, send, with_json};

/// The permissions that a call needs; a transaction needs those of its parts.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>
fn actions(call: &Call) -> Vec<(String, String)> {
    let of = |name: &str, part: &Value| {
        let table = part["TableName"].as_str().unwrap().to_owned();
        let index = part["IndexName"]
            .as_str()
            .map(|index| format!("/{index}"))
            .unwrap_or_default();
        (format!("dynamodb:{name}"), table + &index)
    };
    match call.name.as_str() {
        "TransactWriteItems" => {}
        "BatchGetItem" => {
            let tables = call.body["RequestItems"].as_object().unwrap().keys();
            return tables
                .map(|table| ("dynamodb:BatchGetItem".to_owned(), table.clone()))
                .collect();
        }
        _ => return vec![of(&call.name, &call.body)],
    }
    let parts = call.body["TransactItems"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|item| item.as_object().unwrap());
    let parts = parts.map(|(kind, part)| match kind.as_str() {
        "Put" => of("PutItem", part),
        "Update" => of("UpdateItem", part),
        "Delete" => of("DeleteItem", part),
        "ConditionCheck" => of("ConditionCheckItem", part),
        other => panic!("{other}"),
    });
    parts.collect()
}

/// The committed table, which `scripts/policies.py` compares with the translated template.
fn committed() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut committed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in include_str!("../policies.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (function, table) = (words.next().unwrap(), words.next().unwrap());
        committed
            .entry(function)
            .or_default()
            .extend(words.map(|action| (action, table.clone())));
    }
    committed
}

/// Takes every path through an endpoint that makes different calls.
async fn exercise(api: &Api, resource: &str, method: &str) {
    let good = if resource == "actors" {
        json!({"name": "Ida", "age": 34, "gender": "f"})
    } else {
        json!({"title": "M"})
    };
    let one = format!("/{resource}/1");
    let all = format!("/{resource}");
    let to = |path: &str| api.request_as(Producer, method, path);
    match method {
        "GET" => {
            let queries = if resource == "actors" {
                [
                    "name=i",
                    "min_age=1",
                    "gender=f",
                    "movie_id=1",
                    "include=credits",
                    "sort=name",
                    "sort=-age",
                ]
            } else {
                [
                    "title=m",
                    "released_from=1950-01-01",
                    "sort=title",
                    "actor_id=1",
                    "include=cast",
                    "limit=1",
                    "sort=-id",
                ]
            };
            for query in queries {
                send(to(&format!("{all}?{query}"))).await.expect(200);
            }
            send(to(&one)).await.expect(200);
            send(to(&format!("{one}?{}", queries[4]))).await.expect(200);
        }
        "POST" => {
            send(with_json(to(&all), &good)).await.expect(200);
            for _ in 0..2 {
                send(with_json(to(&all).header("idempotency-key", "k"), &good))
                    .await
                    .expect(200);
            }
            send(with_json(
                to(&all).header("idempotency-key", "k"),
                &json!({"title": "x", "name": "x", "age": 1, "gender": "x"}),
            ))
            .await
            .field_errors();
            send(to(&all).body("{")).await.expect(400);
            // Other resources have no cast and ignore it.
            for actor in [2, 99] {
                let mut cast = good.clone();
                cast["cast"] = json!([{"actor_id": actor}]);
                let status = if resource == "movies" && actor == 99 {
                    422
                } else {
                    200
                };
                send(with_json(to(&all), &cast)).await.expect(status);
                let keyed = to(&all).header("idempotency-key", format!("{actor}"));
                send(with_json(keyed, &cast)).await.expect(status);
            }
        }
        "PATCH" => {
            for actor in [2, 1] {
                send(with_json(to(&one), &json!({"cast": [{"actor_id": actor}]})))
                    .await
                    .expect(200);
            }
            send(with_json(to(&one), &good)).await.expect(200);
            send(with_json(to(&one), &json!({}))).await.expect(200);
            send(to(&one).body("{")).await.expect(400);
            send(with_json(to(&one).header("if-match", "\"x\""), &good))
                .await
                .expect(412);
        }
        _ => {
            send(to(&one).header("if-match", "\"x\"")).await.expect(412);
            send(to(&one)).await.expect(200);
            put_stale_credits(api, 1, 1).await;
            send(to(&one)).await.expect(404);
        }
    }
    send(api.request_as(
        Nobody,
        method,
        if method == "GET" || method == "POST" {
            &all
        } else {
            &one
        },
    ))
    .await
    .expect(403);
}

/// The names of the tables and indexes of a statement. For each of the stack's own, the attached
/// one that may take its place is allowed in the same way.
fn tables_and_indexes(resources: &Value) -> Vec<String> {
    let (attached, own): (Vec<_>, Vec<_>) = resources
        .as_array()
        .unwrap()
        .iter()
        .partition(|resource| resource.get("Fn::If").is_some());
    let own: Vec<_> = own.into_iter().map(table_or_index).collect();
    let attached: Vec<_> = attached.into_iter().map(attached_table_or_index).collect();
    assert_eq!(own, attached);
    own
}

/// The same for `!If [HasActorsTable, !Sub "arn:…:table/${ActorsTableName}/index/by_age", !Ref
/// AWS::NoValue]`.
fn attached_table_or_index(resource: &Value) -> String {
    let choice = resource["Fn::If"].as_array().unwrap();
    let condition = choice[0].as_str().unwrap();
    let table = condition.strip_prefix("Has").unwrap();
    assert_eq!(choice[2], json!({"Ref": "AWS::NoValue"}));
    let arn = choice[1]["Fn::Sub"].as_str().unwrap();
    let index = arn.strip_prefix(&format!(
        "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{table}Name}}"
    ));
    table_or_index(&match index.unwrap() {
        "" => json!({"Fn::GetAtt": format!("{table}.Arn")}),
        index => json!({"Fn::Sub": format!("${{{table}.Arn}}{index}")}),
    })
}

/// The name of a table, or of a table and an index, from `!GetAtt ActorsTable.Arn` or
/// `!Sub "${ActorsTable.Arn}/index/by_age"`.
fn table_or_index(resource: &Value) -> String {
    let table = |logical_id: &str| logical_id.strip_suffix("Table").unwrap().to_lowercase();
    match (
        resource["Fn::GetAtt"].as_str(),
        resource["Fn::Sub"].as_str(),
    ) {
        (Some(attribute), None) => table(attribute.strip_suffix(".Arn").unwrap()),
        (None, Some(text)) => {
            let (name, index) = text
                .strip_prefix("${")
                .unwrap()
                .split_once(".Arn}/index/")
                .unwrap();
            format!("{}/{index}", table(name))
        }
        _ => panic!("{resource}"),
    }
}

#[tokio::test]
async fn every_policy_allows_exactly_the_calls_its_function_makes() {
    let mut recorded = BTreeMap::new();
    for resource in ["actors", "movies"] {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let proxy = Proxy::start().await;
            let api = Api::behind(&proxy).await;
            let actors = [api.add_actor("Ida").await, api.add_actor("Ida").await];
            let movie = api.add_movie("M").await;
            let cast = json!({"cast": actors.map(|actor| json!({"actor_id": actor}))});
            api.patch(Producer, &format!("/movies/{movie}"), &cast)
                .await
                .expect(200);
            proxy.calls();
            exercise(&api, resource, method).await;
            let calls: BTreeSet<_> = proxy.calls().iter().flat_map(actions).collect();
            recorded.insert(format!("{}_{resource}", method.to_lowercase()), calls);
        }
    }
    let mut granted = BTreeMap::new();
    for (_, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let name = properties["CodeUri"]
            .as_str()
            .unwrap()
            .strip_prefix("functions/")
            .unwrap()
            .to_owned();
        let mut pairs = BTreeSet::new();
        for statement in properties["Policies"][0]["Statement"].as_array().unwrap() {
            for resource in tables_and_indexes(&statement["Resource"]) {
                for action in statement["Action"].as_array().unwrap() {
                    pairs.insert((action.as_str().unwrap().to_owned(), resource.clone()));
                }
            }
        }
        granted.insert(name, pairs);
    }
    assert_eq!(granted, recorded);
    assert_eq!(committed(), recorded, "tests/policies.txt has drifted");
}
