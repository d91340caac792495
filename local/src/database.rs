//! The DynamoDB of the local stack: a real implementation on SQLite, reached by the real client over loopback.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType as AttributeType,
};
use shared::store;

/// The name of the actors' table.
pub const ACTORS_TABLE: &str = "actors";
/// The name of the movies' table.
pub const MOVIES_TABLE: &str = "movies";

/// A client of the DynamoDB at this URL, as the functions would make it.
pub(crate) fn client(url: &str) -> Client {
    let credentials = Credentials::new("local", "local", None, None, "local stack");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    store::client(&config.build())
}

/// Creates both tables, as `template.yaml` has them, where they are not there yet.
pub(crate) async fn create_tables(client: &Client) -> Result<(), String> {
    for table in [ACTORS_TABLE, MOVIES_TABLE] {
        if let Err(error) = create_table(client, table).await {
            return Err(format!("the table {table} cannot be created: {error}"));
        }
    }
    Ok(())
}

async fn create_table(client: &Client, table: &str) -> Result<(), String> {
    let mut create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in [(store::BUCKET, KeyType::Hash), (store::ID, KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(AttributeType::N);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
        create = create.attribute_definitions(attribute.build().map_err(|error| error.to_string())?);
        create = create.key_schema(key.build().map_err(|error| error.to_string())?);
    }
    match create.send().await {
        Err(error) if !error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            Err(DisplayErrorContext(error).to_string())
        }
        _ => Ok(()),
    }
}
