//! Deleting rows, and their credits with them.

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use super::credits::{CREDITS_TABLE, Credited, Credits};
use super::error::Error;
use super::precondition::Precondition;
use super::record::Record;
use super::table::Table;
use super::{Store, TableNames};
use crate::model::Id;

/// How long a deletion goes on sweeping credits away, once the row is gone.
const SWEEP_TIME: Duration = Duration::from_millis(1000);

/// The rows of one kind, to be deleted with their credits.
#[derive(Clone, Debug)]
pub struct Removal<R> {
    rows: Table<R>,
    credits: Credits,
}

impl<R: Record> Store for Removal<R> {
    const TABLES: &'static [&'static str] = &[R::TABLE_VARIABLE, CREDITS_TABLE];

    fn open(client: &Client, names: &TableNames) -> Self {
        Self { rows: Table::open(client, names), credits: Credits::new(client.clone(), names.get(CREDITS_TABLE)) }
    }
}

impl<R: Record + Credited> Removal<R> {
    /// Deletes the row, if it is as `demand` has it, and its credits. With the row its credits count no more; what a crash, a fault or the time for it leaves
    /// of them in the table is passed over by every reader, and swept away when the row is asked to be deleted again.
    /// Costs 1 write unit for a row of up to 1 KiB and each of its indexes, 1 read unit, and 4 write units a credit.
    ///
    /// # Errors
    /// As [`Table::delete`].
    pub async fn delete(&self, id: Id, demand: &Precondition) -> Result<(), Error> {
        let deleted = self.rows.delete(id, demand).await;
        if matches!(deleted, Ok(()) | Err(Error::Missing)) {
            let swept = tokio::time::timeout(SWEEP_TIME, self.credits.sweep::<R>(id)).await;
            if !matches!(swept, Ok(Ok(()))) {
                tracing::warn!(resource = R::NAME, id = id.get(), "credits of a deleted row are left in the table");
            }
        }
        deleted
    }
}
