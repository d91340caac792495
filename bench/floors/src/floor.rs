//! The floors with the packages that the functions use: one request, the SDK, and nothing else.

use std::collections::HashMap;
use std::env;
use std::str::FromStr;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use lambda_http::{Request, RequestExt, service_fn};
use serde::{Deserialize, Serialize};

use crate::{Error, Verifier};

type Item = HashMap<String, AttributeValue>;

/// The DynamoDB calls that a request makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// One GetItem, for `GET /actors/{id}`.
    Get,
    /// One Query, for `GET /actors?limit=`.
    Query,
    /// One UpdateItem, for `PATCH /actors/{id}` with an `age`.
    Patch,
    /// An UpdateItem of the counter and a PutItem, for `POST /actors`.
    Post,
}

impl FromStr for Floor {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "floor_get" => Ok(Self::Get),
            "floor_query" => Ok(Self::Query),
            "floor_patch" => Ok(Self::Patch),
            "floor_post" => Ok(Self::Post),
            _ => Err("no floor has this name"),
        }
    }
}

/// An actor, as in a response.
#[derive(Serialize)]
struct Row<'a> {
    id: u64,
    name: &'a str,
    age: u64,
    gender: &'a str,
}

#[derive(Serialize)]
struct Reply<'a> {
    success: bool,
    actors: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Changes {
    age: u64,
}

#[derive(Deserialize)]
struct NewActor {
    name: String,
    age: u64,
    gender: String,
}

/// Runs the floor as a Lambda function.
///
/// # Errors
/// If a setting is missing, or the runtime API is gone.
pub async fn run(floor: Floor) -> Result<(), Error> {
    let function = Function {
        floor,
        dynamodb: client()?,
        verifier: Verifier::from_env()?,
        table: env::var("ACTORS_TABLE")?,
    };
    // Connects, and warms the SDK.
    drop(function.get(1).await);
    let function = Arc::new(function);
    lambda_http::run(service_fn(move |request| {
        let function = Arc::clone(&function);
        async move { function.respond(&request).await }
    }))
    .await
}

/// A client that takes region and credentials only from the environment, and trusts only the roots
/// in `AWS_CA_BUNDLE`.
fn client() -> Result<Client, Error> {
    let roots = std::fs::read(env::var("AWS_CA_BUNDLE")?)?;
    let context = TlsContext::builder()
        .with_trust_store(TrustStore::empty().with_pem_certificate(roots))
        .build()?;
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https();
    let credentials = Credentials::new(
        env::var("AWS_ACCESS_KEY_ID")?,
        env::var("AWS_SECRET_ACCESS_KEY")?,
        env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env::var("AWS_REGION")?))
        .endpoint_url(env::var("AWS_ENDPOINT_URL_DYNAMODB")?)
        .credentials_provider(credentials)
        .http_client(https);
    Ok(Client::from_conf(config.build()))
}

struct Function {
    floor: Floor,
    dynamodb: Client,
    verifier: Verifier,
    table: String,
}

impl Function {
    async fn respond(&self, request: &Request) -> Result<String, Error> {
        let authorization = request.headers().get("authorization");
        self.verifier
            .verify(authorization.and_then(|value| value.to_str().ok()))?;
        let items = match self.floor {
            Floor::Get => vec![self.get(id(request)?).await?],
            Floor::Query => self.query(limit(request)?).await?,
            Floor::Patch => {
                let changes: Changes = serde_json::from_slice(request.body())?;
                vec![self.patch(id(request)?, changes.age).await?]
            }
            Floor::Post => vec![self.post(serde_json::from_slice(request.body())?).await?],
        };
        let actors = items.iter().map(row).collect::<Option<_>>();
        Ok(serde_json::to_string(&Reply {
            success: true,
            actors: actors.ok_or("an item is no row")?,
        })?)
    }

    async fn get(&self, id: u64) -> Result<Item, Error> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("bucket", number(id / 1000))
            .key("id", number(id))
            .consistent_read(true);
        Ok(get.send().await?.item.ok_or("no such row")?)
    }

    async fn query(&self, limit: i32) -> Result<Vec<Item>, Error> {
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
            .limit(limit);
        Ok(query.send().await?.items.unwrap_or_default())
    }

    async fn patch(&self, id: u64, age: u64) -> Result<Item, Error> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("bucket", number(id / 1000))
            .key("id", number(id))
            .update_expression("SET #age = :age")
            .condition_expression("attribute_exists(#id)")
            .expression_attribute_names("#age", "age")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":age", number(age))
            .return_values(ReturnValue::AllNew);
        Ok(update.send().await?.attributes.ok_or("no row")?)
    }

    async fn post(&self, actor: NewActor) -> Result<Item, Error> {
        let count = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("bucket", AttributeValue::N("-1".to_owned()))
            .key("id", number(0))
            .update_expression("ADD #last :one")
            .expression_attribute_names("#last", "last_id")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let counted = count.send().await?.attributes.ok_or("no counter")?;
        let id = parsed(&counted, "last_id").ok_or("no counter")?;
        let item = Item::from([
            ("bucket".to_owned(), number(id / 1000)),
            ("id".to_owned(), number(id)),
            ("name".to_owned(), AttributeValue::S(actor.name)),
            ("age".to_owned(), number(actor.age)),
            ("gender".to_owned(), AttributeValue::S(actor.gender)),
        ]);
        let put = self.dynamodb.put_item().table_name(&self.table);
        put.set_item(Some(item.clone())).send().await?;
        Ok(item)
    }
}

fn id(request: &Request) -> Result<u64, Error> {
    let parameters = request.path_parameters_ref();
    let id = parameters.and_then(|parameters| parameters.first("actor_id"));
    Ok(id.ok_or("no id")?.parse()?)
}

fn limit(request: &Request) -> Result<i32, Error> {
    let parameters = request.query_string_parameters_ref();
    let limit = parameters.and_then(|parameters| parameters.first("limit"));
    Ok(limit.ok_or("no limit")?.parse()?)
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn parsed(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn row(item: &Item) -> Option<Row<'_>> {
    Some(Row {
        id: parsed(item, "id")?,
        name: item.get("name")?.as_s().ok()?,
        age: parsed(item, "age")?,
        gender: item.get("gender")?.as_s().ok()?,
    })
}
