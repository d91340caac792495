//! Rows in DynamoDB.

mod find;
mod list_query;
mod with_credits;

mod creation;
mod delete;
mod movies;

mod record;
mod table;

mod counter;
mod list;
mod write;

mod credits;
mod index;
mod shard;

mod condition;
mod item;
mod precondition;
mod query_page;
mod transaction;

mod client;
mod error;
mod retry;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;

pub use client::{client, endpoint};
pub use creation::{Created, IdempotencyKey};
pub use credits::{COUNTERPART, CREDITS_TABLE, Credits, OWNER};
pub use delete::DeleteStore;
pub use error::Error;
pub use find::ReadStore;
pub use index::{Index, KEY_FORMAT, Range};
pub use item::{Attributes, Item, ItemView, Malformed};
pub use list::{Bounds, Listing, MAX_BUCKETS, MAX_LIMIT};
pub use list_query::{ListQuery, Page};
pub(crate) use movies::MAX_CHANGED_CREDITS;
pub use movies::MovieStore;
pub use precondition::{Precondition, Version, Versioned};
pub use record::{Record, Walk};
pub use table::{BUCKET, ID, Table, VERSION};
pub use with_credits::WithCredits;

/// The tables that an endpoint uses: one or several.
pub trait Store: Send + Sync + 'static {
    /// The settings that hold the table names.
    const TABLES: &'static [&'static str];

    /// Opens the tables with these names.
    fn open(client: &Client, names: &TableNames) -> Self;
}

/// Table names by the setting that holds them.
#[derive(Clone, Debug, Default)]
pub struct TableNames(HashMap<&'static str, String>);

impl TableNames {
    /// The table name in this setting; empty if the setting was not read.
    pub(crate) fn get(&self, setting: &str) -> &str {
        self.0.get(setting).map_or("", String::as_str)
    }
}

impl FromIterator<(&'static str, String)> for TableNames {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}
