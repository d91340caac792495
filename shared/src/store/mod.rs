//! Rows in DynamoDB.

mod table;

mod creation;
mod credits;
mod delete;
mod find;
mod index;
mod movies;

mod client;
mod error;
mod precondition;
mod query_page;
mod record;
mod retry;
mod transaction;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;

pub use client::{client, endpoint};
pub use creation::{Created, IdempotencyKey};
pub use credits::{COUNTERPART, CREDITS_TABLE, Credited, Credits, OWNER};
pub use delete::DeleteStore;
pub use error::Error;
pub use find::{ListQuery, Listed, MAX_PAGE_CREDITS, Page, ReadStore, WithCredits};
pub use index::{Index, SHARDS};
pub use movies::{MAX_CHANGED_CREDITS, MovieStore};
pub use precondition::{Precondition, Version, Versioned};
pub use record::{Attributes, Item, ItemView, Malformed, Record};
pub use table::{BUCKET, Bounds, ID, Listing, MAX_BUCKETS, MAX_LIMIT, Table, VERSION};

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
