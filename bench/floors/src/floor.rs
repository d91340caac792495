//! A function with one DynamoDB call and one RS256 verification.

use std::collections::HashMap;
use std::env;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lambda_http::{Error, Request, service_fn};
use serde_json::{Map, Value, json};

/// The DynamoDB call that a request makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// One GetItem.
    Get,
    /// One Query for as many rows as `FLOOR_LIMIT` says.
    Query,
}

/// Runs the floor as a Lambda function. The key that verifies tokens is in the environment:
/// `FLOOR_MODULUS` and `FLOOR_EXPONENT`, as in a JWK.
///
/// # Errors
/// If a setting is missing, or the runtime API is gone.
pub async fn run(floor: Floor, dynamodb: Client) -> Result<(), Error> {
    let key = DecodingKey::from_rsa_components(
        &env::var("FLOOR_MODULUS")?,
        &env::var("FLOOR_EXPONENT")?,
    )?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[env::var("API_AUDIENCE")?]);
    let (table, limit) = (
        env::var("ACTORS_TABLE")?,
        env::var("FLOOR_LIMIT")
            .unwrap_or_default()
            .parse()
            .unwrap_or(1),
    );
    let function = Arc::new(Function {
        floor,
        dynamodb,
        key,
        validation,
        table,
        limit,
    });
    let connecting = Arc::clone(&function);
    tokio::spawn(async move { drop(connecting.get().await) });
    lambda_http::run(service_fn(move |request| {
        let function = Arc::clone(&function);
        async move { function.answer(&request).await }
    }))
    .await
}

struct Function {
    floor: Floor,
    dynamodb: Client,
    key: DecodingKey,
    validation: Validation,
    table: String,
    limit: i32,
}

impl Function {
    async fn answer(&self, request: &Request) -> Result<String, Error> {
        let token = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        jsonwebtoken::decode::<Value>(token.unwrap_or_default(), &self.key, &self.validation)?;
        let rows = match self.floor {
            Floor::Get => self.get().await?,
            Floor::Query => self.query().await?,
        };
        Ok(serde_json::to_string(
            &json!({ "success": true, "actors": rows }),
        )?)
    }

    async fn get(&self) -> Result<Vec<Value>, Error> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .consistent_read(true);
        let got = get
            .key("bucket", number(0))
            .key("id", number(1))
            .send()
            .await?;
        Ok(got.item.iter().map(row).collect())
    }

    async fn query(&self) -> Result<Vec<Value>, Error> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#bucket = :bucket AND #id > :after")
            .expression_attribute_names("#bucket", "bucket")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":bucket", number(0))
            .expression_attribute_values(":after", number(0))
            .limit(self.limit);
        Ok(query.send().await?.items().iter().map(row).collect())
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The four fields of an actor.
fn row(item: &HashMap<String, AttributeValue>) -> Value {
    let mut row = Map::new();
    for name in ["id", "name", "age", "gender"] {
        let value = match item.get(name) {
            Some(AttributeValue::S(text)) => json!(text),
            Some(AttributeValue::N(digits)) => json!(digits.parse::<i64>().unwrap_or_default()),
            _ => Value::Null,
        };
        row.insert(name.to_owned(), value);
    }
    Value::Object(row)
}
