//! Upgrades tables that an earlier version created: a kept `.local/` outlives that version.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, CreateGlobalSecondaryIndexAction,
    GlobalSecondaryIndexUpdate, ReturnValuesOnConditionCheckFailure,
    ScalarAttributeType as AttributeType,
};
use aws_smithy_types::timeout::TimeoutConfig;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shared::model::{Actor, Id, Movie};
use shared::store::{self, Index, Item, Record};

use crate::database::{self, ACTORS_TABLE, MOVIES_TABLE};

/// The timeout of one call: creating an index reads the whole table, which may be large.
const PATIENCE: Duration = Duration::from_secs(600);
/// The most rows that are written at the same time.
const AT_ONCE: usize = 8;

/// The item that says how the index keys of a table's rows are made: its sort key beside the
/// counter, in a bucket that holds no rows, and its attribute.
const KEY_FORMAT_ITEM: [(&str, &str); 2] = [(store::BUCKET, "-1"), (store::ID, "1")];
const KEY_FORMAT: &str = "key_format";

/// Upgrades the tables of actors and movies, which must exist.
///
/// # Errors
/// DynamoDB's error, with the name of the table; the next start continues from there.
pub(crate) async fn upgrade_tables(client: &Client) -> Result<(), String> {
    upgrade_table::<Actor>(client, ACTORS_TABLE).await?;
    upgrade_table::<Movie>(client, MOVIES_TABLE).await
}

/// Adds the indexes that a table lacks, and the index keys that its rows lack. If the keys of its
/// rows were made in an earlier format, makes them again.
///
/// On an upgraded table this costs one scan, which also finds rows without keys that an earlier
/// version has added since.
async fn upgrade_table<R: Record>(client: &Client, table: &str) -> Result<(), String> {
    let client = patient(client);
    let upgraded = async {
        // Indexes first: if the process is killed while it creates one, the index lacks no rows,
        // because no row has its keys yet.
        add_indexes(&client, table, R::INDEXES).await?;
        let is_current = has_key_format(&client, table).await?;
        complete_rows::<R>(&client, table, is_current).await?;
        // Last, so that a start after a crash makes the rest of the keys.
        if !is_current {
            set_key_format(&client, table).await?;
        }
        Ok(())
    };
    upgraded
        .await
        .map_err(|error: String| format!("the table {table} cannot be upgraded: {error}"))
}

/// The same client with longer timeouts than the API's.
fn patient(client: &Client) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(PATIENCE)
        .operation_timeout(PATIENCE)
        .build();
    Client::from_conf(
        client
            .config()
            .to_builder()
            .timeout_config(timeouts)
            .build(),
    )
}

async fn add_indexes(client: &Client, table: &str, indexes: &[Index]) -> Result<(), String> {
    let described = client
        .describe_table()
        .table_name(table)
        .send()
        .await
        .map_err(database::cause)?;
    let present = described
        .table()
        .map(|table| table.global_secondary_indexes())
        .unwrap_or_default();
    for index in indexes {
        if present
            .iter()
            .all(|there| there.index_name() != Some(index.name))
        {
            add_index(client, table, index).await?;
        }
    }
    Ok(())
}

/// Adds one index: DynamoDB creates one at a time. The local DynamoDB has it ready when it
/// responds.
async fn add_index(client: &Client, table: &str, index: &Index) -> Result<(), String> {
    let key = database::index_key(index);
    let definition = |(name, kind): (&str, AttributeType)| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind)
            .build()
            .map_err(|error| error.to_string())
    };
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(index.name)
        .projection(database::whole_rows())
        .set_key_schema(Some(database::key_schema(&key)?))
        .build()
        .map_err(|error| error.to_string())?;
    client
        .update_table()
        .table_name(table)
        .set_attribute_definitions(Some(
            key.into_iter().map(definition).collect::<Result<_, _>>()?,
        ))
        .global_secondary_index_updates(
            GlobalSecondaryIndexUpdate::builder().create(create).build(),
        )
        .send()
        .await
        .map(drop)
        .map_err(database::cause)
}

/// Whether the keys of the table's rows were made in the format of this version.
async fn has_key_format(client: &Client, table: &str) -> Result<bool, String> {
    let read = client
        .get_item()
        .table_name(table)
        .set_key(Some(key_format_item()))
        .consistent_read(true)
        .send()
        .await
        .map_err(database::cause)?;
    let format = AttributeValue::N(store::KEY_FORMAT.to_string());
    Ok(read.item().and_then(|item| item.get(KEY_FORMAT)) == Some(&format))
}

async fn set_key_format(client: &Client, table: &str) -> Result<(), String> {
    client
        .put_item()
        .table_name(table)
        .set_item(Some(key_format_item()))
        .item(KEY_FORMAT, AttributeValue::N(store::KEY_FORMAT.to_string()))
        .send()
        .await
        .map(drop)
        .map_err(database::cause)
}

fn key_format_item() -> Item {
    KEY_FORMAT_ITEM
        .map(|(name, digits)| (name.to_owned(), AttributeValue::N(digits.to_owned())))
        .into()
}

/// Adds the index keys to the rows that lack any of them, or, unless the format of the keys
/// `is_current`, to all rows whose keys are others.
async fn complete_rows<R: Record>(
    client: &Client,
    table: &str,
    is_current: bool,
) -> Result<(), String> {
    let keys: BTreeSet<_> = R::INDEXES
        .iter()
        .flat_map(|index| [index.partition, index.sort])
        .collect();
    let lacks: Vec<_> = keys
        .iter()
        .map(|key| format!("attribute_not_exists(#{key})"))
        .collect();
    let mut names = HashMap::from([("#bucket".to_owned(), store::BUCKET.to_owned())]);
    // Items in buckets below 0 are not rows: the counter and the idempotency records.
    let mut filter = "#bucket >= :first".to_owned();
    if is_current {
        filter += &format!(" AND ({})", lacks.join(" OR "));
        names.extend(
            keys.iter()
                .map(|key| (format!("#{key}"), (*key).to_owned())),
        );
    }
    let mut pages = client
        .scan()
        .table_name(table)
        .filter_expression(filter)
        .set_expression_attribute_names(Some(names))
        .expression_attribute_values(":first", AttributeValue::N("0".to_owned()))
        .consistent_read(true)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let items = page.map_err(database::cause)?.items.unwrap_or_default();
        let completed = stream::iter(items)
            .map(|item| async move { complete_row::<R>(client, table, &item).await });
        completed
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

/// Rewrites a row's attributes, now with the index keys. The version stays, because the content is
/// the same.
///
/// If the row was changed after it was read, it is not overwritten: its new attributes are
/// completed instead.
async fn complete_row<R: Record>(client: &Client, table: &str, item: &Item) -> Result<(), String> {
    let mut item = item.clone();
    // An item that is not a valid row stays as it is; a list that reads it reports it.
    while let Some(row) = read_row::<R>(&item).filter(|row| !is_complete(&item, row)) {
        match complete_version(client, table, &item, &row).await? {
            Some(changed) => item = changed,
            None => break,
        }
    }
    Ok(())
}

/// Writes the row's index keys if the row still equals this item; otherwise returns the current
/// item, if there is one.
async fn complete_version<R: Record>(
    client: &Client,
    table: &str,
    item: &Item,
    row: &R,
) -> Result<Option<Item>, String> {
    let (mut names, mut values, mut assignments) = (HashMap::new(), HashMap::new(), Vec::new());
    for (number, (name, value)) in row.attributes().into_iter().enumerate() {
        names.insert(format!("#a{number}"), name.to_owned());
        values.insert(format!(":a{number}"), value);
        assignments.push(format!("#a{number} = :a{number}"));
    }
    names.insert("#id".to_owned(), store::ID.to_owned());
    names.insert("#version".to_owned(), store::VERSION.to_owned());
    let unchanged = match item.get(store::VERSION) {
        Some(version) => {
            values.insert(":version".to_owned(), version.clone());
            "#version = :version"
        }
        None => "attribute_not_exists(#version)",
    };
    let key = [store::BUCKET, store::ID]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    let update = client
        .update_item()
        .table_name(table)
        .set_key(Some(key.collect()))
        .update_expression(format!("SET {}", assignments.join(", ")))
        .condition_expression(format!("attribute_exists(#id) AND {unchanged}"))
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match update.send().await {
        Ok(_) => Ok(None),
        Err(error) => match error.as_service_error() {
            // Changed or deleted since it was read.
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(failed.item().cloned())
            }
            _ => Err(database::cause(error)),
        },
    }
}

/// Whether the item has the row's attributes, with the index keys.
fn is_complete<R: Record>(item: &Item, row: &R) -> bool {
    row.attributes()
        .iter()
        .all(|(name, value)| item.get(*name) == Some(value))
}

fn read_row<R: Record>(item: &Item) -> Option<R> {
    let id = item
        .get(store::ID)?
        .as_n()
        .ok()?
        .parse()
        .ok()
        .and_then(Id::new)?;
    R::from_item(id, item).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Stack};

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn number(number: u64) -> AttributeValue {
        AttributeValue::N(number.to_string())
    }

    /// The item of the actor with the id 7.
    async fn stored(client: &Client) -> Option<Item> {
        let get = client.get_item().table_name(ACTORS_TABLE);
        let get = get.key("bucket", number(0)).key("id", number(7));
        get.send().await.unwrap().item
    }

    #[tokio::test]
    async fn a_row_that_was_changed_after_it_was_read_is_completed_as_it_is_now() {
        let stack = Stack::start(Options::in_memory()).await.unwrap();
        let client = stack.client();
        for version in [None, Some(3)] {
            let mut read: Item = [
                ("bucket", number(0)),
                ("id", number(7)),
                ("name", text("Ida Example")),
            ]
            .into_iter()
            .chain([("age", number(34)), ("gender", text("female"))])
            .chain(version.map(|version| ("version", number(version))))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
            let was_read = read.clone();
            read.extend([
                ("name".to_owned(), text("Eva Example")),
                ("version".to_owned(), number(4)),
            ]);
            client
                .put_item()
                .table_name(ACTORS_TABLE)
                .set_item(Some(read))
                .send()
                .await
                .unwrap();
            complete_row::<Actor>(client, ACTORS_TABLE, &was_read)
                .await
                .unwrap();
            let row = stored(client).await.unwrap();
            assert_eq!(
                (&row["name"], &row["version"]),
                (&text("Eva Example"), &number(4))
            );
            assert!(row.contains_key("shard"), "{row:?}");
            client
                .delete_item()
                .table_name(ACTORS_TABLE)
                .key("bucket", number(0))
                .key("id", number(7))
                .send()
                .await
                .unwrap();
            complete_row::<Actor>(client, ACTORS_TABLE, &was_read)
                .await
                .unwrap();
            assert_eq!(stored(client).await, None);
        }
    }
}
