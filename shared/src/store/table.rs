//! The DynamoDB table of one kind of row: lists, reads, updates and deletes.

use std::collections::HashMap;
use std::marker::PhantomData;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use futures_util::FutureExt;
use futures_util::future::try_join_all;

use super::error::Error;
use super::precondition::{Precondition, Version, Versioned};
use super::query_page::{self, QueryPage};
use super::record::{Attributes, Item, ItemView, Record, number};
use super::retry::{self, OnlyIfNothingWasDone};
use super::{Store, TableNames};
use crate::model::Id;

/// The partition key: the id divided by [`BUCKET_SIZE`], a number.
pub const BUCKET: &str = "bucket";
/// The sort key: the id, a number.
pub const ID: &str = "id";
/// How many consecutive ids share a partition.
const BUCKET_SIZE: u64 = 1000;

/// The counter's partition, which never holds a row; the counter's sort key is 0.
const COUNTER_BUCKET: i64 = -1;
/// The counter's attribute: the greatest id given out so far.
const LAST_ID: &str = "last_id";
/// The attribute with a row's version. A row that another program put there has none.
pub const VERSION: &str = "version";

/// The most keys of one BatchGetItem.
const MAX_BATCH_KEYS: usize = 100;
/// The most BatchGetItem calls for one batch of keys, if DynamoDB leaves some unprocessed.
const MAX_BATCH_ATTEMPTS: u32 = 4;
/// The most concurrent calls of one request.
pub(super) const MAX_CONCURRENT_CALLS: usize = 8;

/// The most rows of one page.
pub const MAX_LIMIT: u16 = 1000;
/// The most buckets that one page reads. A page that would need more ends early, with a
/// continuation.
pub const MAX_BUCKETS: u64 = 250;

/// Which part of the table to list, in the order of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most rows to return, 1 to [`MAX_LIMIT`].
    pub limit: u16,
    /// Only rows after this id, in list order.
    pub after: Option<Id>,
    /// Whether to list from the greatest id down.
    pub descending: bool,
    /// The most rows to read, including those that are filtered out; at least `limit` + 1.
    pub most: usize,
    /// Whether to read with strong consistency, at twice the cost.
    pub consistent: bool,
}

impl Bounds {
    /// The next `limit` rows, ascending and strongly consistent.
    pub fn ascending(limit: u16, after: Option<Id>) -> Self {
        Self {
            limit,
            after,
            descending: false,
            most: usize::from(limit) + 1,
            consistent: true,
        }
    }
}

impl Bounds {
    /// The first bucket of the list; `None` if it depends on the greatest id.
    fn first_bucket(&self) -> Option<u64> {
        match (self.after.map(Id::get), self.descending) {
            (after, false) => Some((after.unwrap_or(0) + 1) / BUCKET_SIZE),
            (Some(after), true) => Some((after - 1) / BUCKET_SIZE),
            (None, true) => None,
        }
    }
}

/// A page of a list, in the order of ids.
#[derive(Debug)]
pub struct Listing<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// The id after which to continue, if more rows may follow.
    pub next: Option<Id>,
}

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

    /// Lists the rows within `bounds` that `admits` accepts.
    /// Costs 1 read unit for each 4 KiB of rows read (8 KiB if the read is not strongly
    /// consistent), rounded up for each bucket. Costs 1 more for the counter if the first bucket
    /// does not fill the page or is not known without the counter.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Failed`], or [`Error::Malformed`] if an item is not a valid
    /// row: a list never omits one silently.
    pub async fn list(
        &self,
        bounds: Bounds,
        admits: impl Fn(&R) -> bool,
    ) -> Result<Listing<R>, Error> {
        let mut page = PageBuilder::new(bounds, admits);
        let first = bounds.first_bucket();
        if let Some(first) = first {
            page.add(self.read_bucket(first, bounds, bounds.most).await?);
        }
        if let Some(whole) = page.whole() {
            return Ok(whole);
        }
        let mut buckets = Buckets::of(bounds, self.last_id().await?);
        if first.is_some() && buckets.next == first {
            buckets.next();
        }
        let left = MAX_BUCKETS as usize - usize::from(first.is_some());
        for bucket in buckets.by_ref().take(left) {
            page.add(self.read_bucket(bucket, bounds, page.left()).await?);
            if let Some(whole) = page.whole() {
                return Ok(whole);
            }
        }
        Ok(Listing {
            rows: page.rows,
            next: buckets.continuation(),
        })
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

    /// Changes only the attributes that `changes` names, in one write, if the row meets `demand`.
    /// Returns the changed row with its next version. Costs 1 write unit for a row of up to 1 KiB,
    /// and 1 or 2 for each index whose key or row changes. If `changes` is empty, the row is only
    /// read.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::PreconditionFailed`], [`Error::Unavailable`] (the change may
    /// have been made), [`Error::Failed`] or [`Error::Malformed`].
    pub async fn update(
        &self,
        id: Id,
        changes: &R::Changes,
        demand: &Precondition,
    ) -> Result<Versioned<R>, Error> {
        retry::retry_on_conflict(|| self.try_update(id, changes, demand).boxed()).await
    }

    async fn try_update(
        &self,
        id: Id,
        changes: &R::Changes,
        demand: &Precondition,
    ) -> Result<Versioned<R>, Error> {
        let changed = R::changed(id, changes);
        if changed.is_empty() {
            let row = self.get(id).await?;
            return if demand.admits(row.version) {
                Ok(row)
            } else {
                Err(Error::PreconditionFailed)
            };
        }
        let Change {
            expression,
            condition,
            names,
            values,
        } = Change::of(changed, demand);
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(bucket_of(id), id.get())))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let once =
            Config::builder().retry_classifier(OnlyIfNothingWasDone::<UpdateItemError>::new());
        let updated = update
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    unmet(failed.item())
                }
                _ => Error::of("UpdateItem", &error),
            })?;
        self.versioned(&updated.attributes.unwrap_or_default())
    }

    /// Deletes the row if it meets `demand`. Costs 1 write unit for a row of up to 1 KiB, and 1 for
    /// each index.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::PreconditionFailed`], [`Error::Unavailable`] (the row may have
    /// been deleted) or [`Error::Failed`].
    pub async fn delete(&self, id: Id, demand: &Precondition) -> Result<(), Error> {
        retry::retry_on_conflict(|| self.try_delete(id, demand).boxed()).await
    }

    async fn try_delete(&self, id: Id, demand: &Precondition) -> Result<(), Error> {
        let Condition {
            expression: condition,
            names,
            values,
        } = Condition::of(demand);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key(bucket_of(id), id.get())))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values));
        let once =
            Config::builder().retry_classifier(OnlyIfNothingWasDone::<DeleteItemError>::new());
        let deleted = delete.customize().config_override(once).send().await;
        deleted
            .map(drop)
            .map_err(|error| match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                    unmet(failed.item())
                }
                _ => Error::of("DeleteItem", &error),
            })
    }

    /// Takes the next id from the counter.
    ///
    /// A lost response only leaves a gap in the ids, so a retry is safe even if the outcome is
    /// unknown.
    pub(super) async fn next_id(&self) -> Result<Id, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(COUNTER_BUCKET, 0)));
        let update = update
            .update_expression("ADD #last_id :one")
            .expression_attribute_names("#last_id", LAST_ID)
            .expression_attribute_values(":one", number(1));
        let counted = update.return_values(ReturnValue::UpdatedNew).send().await;
        let counter = counted
            .map_err(|error| Error::of("UpdateItem", &error))?
            .attributes
            .unwrap_or_default();
        Id::new(self.last_id_of(&counter)?).ok_or(Error::IdsExhausted)
    }

    /// The greatest id given out so far, or 0.
    async fn last_id(&self) -> Result<u64, Error> {
        let counter = self.get_item(COUNTER_BUCKET, 0).await?;
        counter.map_or(Ok(0), |counter| self.last_id_of(&counter))
    }

    fn last_id_of(&self, counter: &Item) -> Result<u64, Error> {
        read(counter, LAST_ID).ok_or_else(|| Error::malformed(&self.name, None, LAST_ID))
    }

    /// Reads the first `wanted` rows of the bucket that are within the bounds.
    async fn read_bucket(
        &self,
        bucket: u64,
        bounds: Bounds,
        wanted: usize,
    ) -> Result<Vec<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        let (condition, after) = match (bounds.after, bounds.descending) {
            (after, false) => (
                "#bucket = :bucket AND #id > :after",
                after.map_or(0, Id::get),
            ),
            (after, true) => (
                "#bucket = :bucket AND #id < :after",
                after.map_or(Id::MAX.get() + 1, Id::get),
            ),
        };
        while rows.len() < wanted {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(bounds.consistent)
                .scan_index_forward(!bounds.descending)
                .key_condition_expression(condition)
                .expression_attribute_names("#bucket", BUCKET)
                .expression_attribute_names("#id", ID)
                .expression_attribute_values(":bucket", number(bucket))
                .expression_attribute_values(":after", number(after))
                .limit(i32::try_from(wanted - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// Reads the rows with these ids that exist (strongly consistent). Costs 1 read unit a row of
    /// up to 4 KiB.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub(super) async fn get_all(&self, ids: &[Id]) -> Result<HashMap<Id, R>, Error> {
        let mut rows = HashMap::new();
        for some in ids.chunks(MAX_BATCH_KEYS * MAX_CONCURRENT_CALLS) {
            let reads: Vec<_> = some
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
            let Some(wanted) = left.take() else { break };
            if attempt > 0 {
                retry::pause(attempt).await;
            }
            let read = self
                .client
                .batch_get_item()
                .request_items(&self.name, wanted)
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
        let projection = R::ATTRIBUTES
            .iter()
            .fold(format!("#{ID}"), |all, name| format!("{all}, #{name}"));
        let query = query
            .projection_expression(projection)
            .expression_attribute_names(format!("#{ID}"), ID);
        let named = |query: QueryFluentBuilder, name: &&str| {
            query.expression_attribute_names(format!("#{name}"), *name)
        };
        let name = self.name.clone();
        query_page::query(R::ATTRIBUTES.iter().fold(query, named), move |item| {
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
            read(item, VERSION)
        } else {
            Some(0)
        };
        let version = version.ok_or_else(|| {
            Error::malformed(&self.name, read(item, ID).and_then(Id::new), VERSION)
        })?;
        Ok(Versioned {
            row: self.row(item)?,
            version: Version(version),
        })
    }
}

/// Parses an item of the table.
fn row<R: Record>(table: &str, item: &dyn ItemView) -> Result<R, Error> {
    let id = read(item, ID)
        .and_then(Id::new)
        .ok_or_else(|| Error::malformed(table, None, ID))?;
    R::from_item(id, item).map_err(|malformed| Error::malformed(table, Some(id), malformed.0))
}

/// An update of a row that also increments its version.
pub(super) struct Change {
    pub(super) expression: String,
    pub(super) condition: String,
    /// Attribute names by placeholder.
    pub(super) names: HashMap<String, String>,
    /// Values by placeholder.
    pub(super) values: Item,
}

impl Change {
    /// Sets these attributes if the row exists and meets `demand`.
    pub(super) fn of(changed: Attributes, demand: &Precondition) -> Self {
        let Condition {
            expression: condition,
            mut names,
            mut values,
        } = Condition::of(demand);
        names.insert("#version".to_owned(), VERSION.to_owned());
        values.insert(":one".to_owned(), number(1));
        let mut clauses = Vec::new();
        for (name, value) in changed {
            clauses.push(format!("#{name} = :{name}"));
            names.insert(format!("#{name}"), name.to_owned());
            values.insert(format!(":{name}"), value);
        }
        let set = if clauses.is_empty() {
            String::new()
        } else {
            format!("SET {} ", clauses.join(", "))
        };
        Self {
            expression: format!("{set}ADD #version :one"),
            condition,
            names,
            values,
        }
    }
}

/// The condition of a write on its item.
struct Condition {
    expression: String,
    /// Attribute names by placeholder.
    names: HashMap<String, String>,
    /// Values by placeholder.
    values: Item,
}

impl Condition {
    /// Requires that the row exists and meets `demand`.
    fn of(demand: &Precondition) -> Self {
        let mut expression = "attribute_exists(#id)".to_owned();
        let mut names = HashMap::from([("#id".to_owned(), ID.to_owned())]);
        let mut values = Item::new();
        if let Precondition::IsOneOf(versions) = demand {
            let mut alternatives = Vec::new();
            for (index, version) in versions.iter().enumerate() {
                // A row without the attribute has version 0; a comparison with a missing attribute
                // is false.
                if version.0 == 0 {
                    alternatives.push("attribute_not_exists(#version)".to_owned());
                } else {
                    alternatives.push(format!("#version = :version{index}"));
                    values.insert(format!(":version{index}"), number(version.0));
                }
            }
            // With no version to match, add a condition that no row meets.
            if alternatives.is_empty() {
                alternatives.push("attribute_not_exists(#id)".to_owned());
            } else {
                names.insert("#version".to_owned(), VERSION.to_owned());
            }
            expression += &format!(" AND ({})", alternatives.join(" OR "));
        }
        Self {
            expression,
            names,
            values,
        }
    }
}

/// Why a write's condition failed: the row is missing if DynamoDB found no item.
fn unmet(found: Option<&Item>) -> Error {
    if found.is_some() {
        Error::PreconditionFailed
    } else {
        Error::Missing
    }
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

/// A page of a list that is being read.
struct PageBuilder<R, F> {
    bounds: Bounds,
    admits: F,
    rows: Vec<R>,
    looked_at: usize,
    /// The last row that was read.
    last: Option<Id>,
}

impl<R: Record, F: Fn(&R) -> bool> PageBuilder<R, F> {
    fn new(bounds: Bounds, admits: F) -> Self {
        Self {
            bounds,
            admits,
            rows: Vec::new(),
            looked_at: 0,
            last: None,
        }
    }

    /// How many more rows may be read.
    fn left(&self) -> usize {
        self.bounds.most - self.looked_at
    }

    /// Whether there is one row more than the limit, which proves that more follow.
    fn is_over(&self) -> bool {
        self.rows.len() > usize::from(self.bounds.limit)
    }

    fn add(&mut self, rows: Vec<R>) {
        for row in rows {
            if self.is_over() {
                break;
            }
            self.looked_at += 1;
            self.last = Some(row.id());
            if (self.admits)(&row) {
                self.rows.push(row);
            }
        }
    }

    /// The page, if it is complete or no more rows may be read.
    fn whole(&mut self) -> Option<Listing<R>> {
        let next = if self.is_over() {
            self.rows.truncate(usize::from(self.bounds.limit));
            self.rows.last().map(R::id)
        } else if self.left() == 0 {
            self.last
        } else {
            return None;
        };
        Some(Listing {
            rows: std::mem::take(&mut self.rows),
            next,
        })
    }
}

/// Iterates over the buckets of a list.
struct Buckets {
    /// The next bucket to read, if there is one.
    next: Option<u64>,
    /// The last bucket; less than the next if the list descends.
    end: u64,
    descending: bool,
}

impl Buckets {
    /// The buckets that may hold rows within these bounds; `last` is the greatest id given out.
    fn of(bounds: Bounds, last: u64) -> Self {
        let last = last / BUCKET_SIZE;
        let first = bounds.first_bucket().unwrap_or(last);
        let (first, end) = if bounds.descending {
            (first.min(last), 0)
        } else {
            (first, last)
        };
        let any = if bounds.descending {
            first >= end
        } else {
            first <= end
        };
        Self {
            next: any.then_some(first),
            end,
            descending: bounds.descending,
        }
    }

    /// The id after which to continue, if buckets are left: the one just before the next bucket in
    /// list order.
    fn continuation(&self) -> Option<Id> {
        self.next.and_then(|next| {
            Id::new(if self.descending {
                (next + 1) * BUCKET_SIZE
            } else {
                next * BUCKET_SIZE - 1
            })
        })
    }
}

impl Iterator for Buckets {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let bucket = self.next?;
        self.next = match self.descending {
            false => (bucket < self.end).then(|| bucket + 1),
            true => (bucket > self.end).then(|| bucket - 1),
        };
        Some(bucket)
    }
}

pub(super) fn read(item: &dyn ItemView, attribute: &str) -> Option<u64> {
    item.digits(attribute)?.parse().ok()
}
