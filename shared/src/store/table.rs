//! The DynamoDB table of one kind of row: its keys, and how rows are read by id.

use std::collections::HashMap;
use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;

use super::error::Error;
use super::item::{Item, ItemView, number, read_u64};
use super::precondition::{Version, Versioned};
use super::query_page::{self, QueryPage};
use super::record::Record;
use super::{Store, TableNames, retry};
use crate::model::Id;

/// The partition key: the id divided by [`BUCKET_SIZE`], a number.
pub const BUCKET: &str = "bucket";
/// The sort key: the id, a number.
pub const ID: &str = "id";
/// How many consecutive ids share a partition.
pub(super) const BUCKET_SIZE: u64 = 1000;

/// The attribute with a row's version. A row that another program put there has none.
pub const VERSION: &str = "version";

/// The most keys of one BatchGetItem.
const MAX_BATCH_KEYS: usize = 100;
/// The most BatchGetItem calls for one batch of keys, if DynamoDB leaves some unprocessed.
const MAX_BATCH_ATTEMPTS: u32 = 4;
/// The most concurrent calls of one request.
pub(super) const MAX_CONCURRENT_CALLS: usize = 8;

/// The table of one kind of row.
#[derive(Clone, Debug)]
pub struct Table<R> {
    pub(super) client: Client,
    pub(super) name: String,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Store for Table<R> {
    const TABLES: &'static [&'static str] = &[R::TABLE_VARIABLE];

    fn open(client: &Client, names: &TableNames) -> Self {
        Self::new(client.clone(), names.get(R::TABLE_VARIABLE))
    }
}

impl<R: Record> Table<R> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The table with this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
            record: PhantomData,
        }
    }

    /// Reads the row (strongly consistent). Costs 1 read unit for a row of up to 4 KiB.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub async fn get(&self, id: Id) -> Result<Versioned<R>, Error> {
        self.versioned(
            &self
                .get_item(bucket_of(id), id.get())
                .await?
                .ok_or(Error::Missing)?,
        )
    }

    /// Whether the row exists (strongly consistent). Costs 1 read unit for a row of up to 4 KiB.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Failed`].
    pub(super) async fn exists(&self, id: Id) -> Result<bool, Error> {
        Ok(self.get_item(bucket_of(id), id.get()).await?.is_some())
    }

    /// Reads the rows with these ids that exist (strongly consistent). Costs 1 read unit a row of
    /// up to 4 KiB.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub(super) async fn get_all(&self, ids: &[Id]) -> Result<HashMap<Id, R>, Error> {
        let mut rows = HashMap::new();
        for concurrent in ids.chunks(MAX_BATCH_KEYS * MAX_CONCURRENT_CALLS) {
            let reads: Vec<_> = concurrent
                .chunks(MAX_BATCH_KEYS)
                .map(|ids| self.get_batch(ids))
                .collect();
            rows.extend(
                try_join_all(reads)
                    .await?
                    .into_iter()
                    .flatten()
                    .map(|row| (row.id(), row)),
            );
        }
        Ok(rows)
    }

    async fn get_batch(&self, ids: &[Id]) -> Result<Vec<R>, Error> {
        let keys = ids.iter().map(|id| key(bucket_of(*id), id.get())).collect();
        let (mut rows, mut left) = (Vec::new(), Some(self.keys(keys)?));
        // DynamoDB returns at most 16 MB and may throttle a part; request the rest again.
        for attempt in 0..MAX_BATCH_ATTEMPTS {
            let Some(keys) = left.take() else { break };
            if attempt > 0 {
                retry::pause(attempt).await;
            }
            let read = self
                .client
                .batch_get_item()
                .request_items(&self.name, keys)
                .send()
                .await;
            let read = read.map_err(|error| Error::of("BatchGetItem", &error))?;
            for item in read
                .responses
                .unwrap_or_default()
                .remove(&self.name)
                .unwrap_or_default()
            {
                rows.push(self.row(&item)?);
            }
            left = read.unprocessed_keys.unwrap_or_default().remove(&self.name);
        }
        match left {
            None => Ok(rows),
            Some(_) => Err(Error::Unavailable {
                call: "BatchGetItem",
                code: "unprocessed keys".into(),
            }),
        }
    }

    fn keys(&self, keys: Vec<Item>) -> Result<KeysAndAttributes, Error> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build();
        keys.map_err(|_| Error::not_built("BatchGetItem"))
    }

    pub(super) async fn get_item(
        &self,
        bucket: impl ToString,
        id: impl ToString,
    ) -> Result<Option<Item>, Error> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key(bucket, id)))
            .consistent_read(true);
        Ok(get
            .send()
            .await
            .map_err(|error| Error::of("GetItem", &error))?
            .item)
    }

    /// Sends a Query for rows that returns only the attributes a row is read from.
    pub(super) async fn query(&self, query: QueryFluentBuilder) -> Result<QueryPage<R>, Error> {
        let projection = R::READ_ATTRIBUTES
            .iter()
            .fold(format!("#{ID}"), |all, name| format!("{all}, #{name}"));
        let query = query
            .projection_expression(projection)
            .expression_attribute_names(format!("#{ID}"), ID);
        let named = |query: QueryFluentBuilder, name: &&str| {
            query.expression_attribute_names(format!("#{name}"), *name)
        };
        let name = self.name.clone();
        query_page::query(R::READ_ATTRIBUTES.iter().fold(query, named), move |item| {
            row(&name, item)
        })
        .await
    }

    pub(super) fn row(&self, item: &Item) -> Result<R, Error> {
        row(&self.name, item)
    }

    pub(super) fn versioned(&self, item: &Item) -> Result<Versioned<R>, Error> {
        // A row that another program put there has no version yet.
        let version = if item.contains_key(VERSION) {
            read_u64(item, VERSION)
        } else {
            Some(0)
        };
        let version = version.ok_or_else(|| {
            Error::malformed(&self.name, read_u64(item, ID).and_then(Id::new), VERSION)
        })?;
        Ok(Versioned {
            row: self.row(item)?,
            version: Version(version),
        })
    }
}

/// Parses an item of the table.
fn row<R: Record>(table: &str, item: &dyn ItemView) -> Result<R, Error> {
    let id = read_u64(item, ID)
        .and_then(Id::new)
        .ok_or_else(|| Error::malformed(table, None, ID))?;
    R::from_item(id, item).map_err(|malformed| Error::malformed(table, Some(id), malformed.0))
}

pub(super) fn bucket_of(id: Id) -> i64 {
    // At most 2^53 / 1000, so the conversion cannot fail.
    i64::try_from(id.get() / BUCKET_SIZE).unwrap_or(i64::MAX)
}

pub(super) fn key(bucket: impl ToString, id: impl ToString) -> Item {
    [
        (BUCKET.to_owned(), number(bucket)),
        (ID.to_owned(), number(id)),
    ]
    .into()
}

/// The item of a new row.
pub(super) fn item<R: Record>(row: &R) -> Item {
    let mut item = key(bucket_of(row.id()), row.id().get());
    item.insert(VERSION.to_owned(), number(1));
    item.extend(
        row.attributes()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    item
}
