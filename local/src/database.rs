//! The local stack's DynamoDB: a real implementation on SQLite, which the real client reaches over
//! loopback.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType as AttributeType,
};
use aws_types::SdkConfig;
use shared::https::{Https, Roots};
use shared::model::{Actor, Movie};
use shared::store::{self, Index, Record, TableNames};

/// The name of the table of actors.
pub const ACTORS_TABLE: &str = "actors";
/// The name of the table of movies.
pub const MOVIES_TABLE: &str = "movies";
/// The name of the table of credits.
pub const CREDITS_TABLE: &str = "credits";

/// The names of all tables, each under the setting that holds it.
pub(crate) fn table_names() -> TableNames {
    [
        (Actor::TABLE_VARIABLE, ACTORS_TABLE.to_owned()),
        (Movie::TABLE_VARIABLE, MOVIES_TABLE.to_owned()),
        (store::CREDITS_TABLE, CREDITS_TABLE.to_owned()),
    ]
    .into_iter()
    .collect()
}

/// A client of the DynamoDB at this URL, configured as in the functions.
pub(crate) fn client(url: &str) -> Client {
    let credentials = Credentials::new("local", "local", None, None, "local stack");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    store::client(&config.build(), &Https::new(&Roots::public()))
}

/// A table as `template.yaml` defines it.
struct Table {
    name: &'static str,
    /// The partition key and the sort key.
    key: [(&'static str, AttributeType); 2],
    indexes: &'static [Index],
}

/// The key of a table of rows: bucket and id, both numbers.
const ROW_KEY: [(&str, AttributeType); 2] = [
    (store::BUCKET, AttributeType::N),
    (store::ID, AttributeType::N),
];

const TABLES: [Table; 3] = [
    Table {
        name: ACTORS_TABLE,
        key: ROW_KEY,
        indexes: Actor::INDEXES,
    },
    Table {
        name: MOVIES_TABLE,
        key: ROW_KEY,
        indexes: Movie::INDEXES,
    },
    Table {
        name: CREDITS_TABLE,
        key: [
            (store::OWNER, AttributeType::S),
            (store::COUNTERPART, AttributeType::N),
        ],
        indexes: &[],
    },
];

/// Creates the tables that are missing.
pub(crate) async fn create_tables(client: &Client) -> Result<(), String> {
    for table in TABLES {
        if let Err(error) = create_table(client, &table).await {
            return Err(format!(
                "the table {} cannot be created: {error}",
                table.name
            ));
        }
    }
    Ok(())
}

async fn create_table(client: &Client, table: &Table) -> Result<(), String> {
    let indexes = table.indexes.iter().map(|index| {
        let key = key_schema(&index_key(index))?;
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .projection(whole_rows());
        index
            .set_key_schema(Some(key))
            .build()
            .map_err(|error| error.to_string())
    });
    let indexes = indexes.collect::<Result<Vec<_>, _>>()?;
    let create = client
        .create_table()
        .table_name(table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attribute_definitions(table)?))
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
    match create.send().await {
        Err(error)
            if !error
                .as_service_error()
                .is_some_and(|error| error.is_resource_in_use_exception()) =>
        {
            Err(cause(error))
        }
        _ => Ok(()),
    }
}

/// Describes why a call to the local DynamoDB failed and, for a lock, what helps.
pub(crate) fn cause<E: ProvideErrorMetadata + Error + 'static, R: Debug + 'static>(
    error: SdkError<E, R>,
) -> String {
    match &error {
        SdkError::TimeoutError(_) => {
            "the database did not respond in time; another program may have locked it: close that program and start again".into()
        }
        SdkError::ServiceError(context) if context.err().message().is_some() => {
            context.err().message().unwrap_or_default().to_owned()
        }
        _ => DisplayErrorContext(error).to_string(),
    }
}

/// The partition key and the sort key of an index.
pub(crate) fn index_key(index: &Index) -> [(&'static str, AttributeType); 2] {
    [
        (index.partition, AttributeType::S),
        (index.sort, AttributeType::S),
    ]
}

/// The projection of every index: all attributes.
pub(crate) fn whole_rows() -> Projection {
    Projection::builder()
        .projection_type(ProjectionType::All)
        .build()
}

pub(crate) fn key_schema(
    key: &[(&str, AttributeType); 2],
) -> Result<Vec<KeySchemaElement>, String> {
    let element = |(name, _): &(&str, AttributeType), kind| {
        KeySchemaElement::builder()
            .attribute_name(*name)
            .key_type(kind)
            .build()
            .map_err(|error| error.to_string())
    };
    Ok(vec![
        element(&key[0], KeyType::Hash)?,
        element(&key[1], KeyType::Range)?,
    ])
}

/// The key attributes of the table and its indexes, each once.
fn attribute_definitions(table: &Table) -> Result<Vec<AttributeDefinition>, String> {
    let of_indexes = table
        .indexes
        .iter()
        .flat_map(|index| [index.partition, index.sort]);
    let mut attributes = table.key.to_vec();
    for name in of_indexes {
        if attributes.iter().all(|(known, _)| *known != name) {
            attributes.push((name, AttributeType::S));
        }
    }
    let definition = |(name, kind)| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind)
            .build()
    };
    attributes
        .into_iter()
        .map(|attribute| definition(attribute).map_err(|error| error.to_string()))
        .collect()
}
