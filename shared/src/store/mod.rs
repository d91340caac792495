//! Rows in DynamoDB.

mod table;

mod casting;
mod creation;
mod credits;
mod find;
mod index;
mod removal;

mod answer;
mod client;
mod error;
mod precondition;
mod record;
mod retry;
mod transaction;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;

pub use casting::{Casting, MOST_CHANGES};
pub use client::{client, endpoint};
pub use creation::{Created, IdempotencyKey};
pub use credits::{COUNTERPART, CREDITS_TABLE, Credited, Credits, OWNER};
pub use error::Error;
pub use find::{Catalogue, Listed, MOST_CREDITS, Page, Wanted, WithCredits};
pub use index::{Index, SHARDS};
pub use precondition::{Precondition, Version, Versioned};
pub use record::{Attributes, Item, Malformed, Readable, Record};
pub use removal::Removal;
pub use table::{BUCKET, Bounds, ID, Listing, MAX_BUCKETS, MAX_LIMIT, Table, VERSION};

/// What an endpoint works on: one table or several.
pub trait Store: Send + Sync + 'static {
    /// The settings that hold the names of its tables.
    const TABLES: &'static [&'static str];

    /// The tables, by their names.
    fn open(client: &Client, names: &TableNames) -> Self;
}

/// The names of tables, by the settings that hold them.
#[derive(Clone, Debug, Default)]
pub struct TableNames(HashMap<&'static str, String>);

impl TableNames {
    /// The name that the setting holds; empty where it is not one of those that were read.
    pub(crate) fn get(&self, setting: &str) -> &str {
        self.0.get(setting).map_or("", String::as_str)
    }
}

impl FromIterator<(&'static str, String)> for TableNames {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}
