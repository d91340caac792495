//! Deletes rows together with their credits.

use std::time::Duration;

use aws_sdk_dynamodb::Client;

use super::credits::{CREDITS_TABLE, Credits};
use super::error::Error;
use super::precondition::Precondition;
use super::record::Record;
use super::table::Table;
use super::{Store, TableNames};
use crate::model::Id;

/// How long a deletion may sweep credits after the row is deleted.
const SWEEP_TIME: Duration = Duration::from_millis(1000);

/// The tables that a deletion needs: the rows of one kind, and the credits.
#[derive(Clone, Debug)]
pub struct DeleteStore<R> {
    rows: Table<R>,
    credits: Credits,
}

impl<R: Record> Store for DeleteStore<R> {
    const TABLES: &'static [&'static str] = &[R::TABLE_VARIABLE, CREDITS_TABLE];

    fn open(client: &Client, names: &TableNames) -> Self {
        Self {
            rows: Table::open(client, names),
            credits: Credits::new(client.clone(), names.get(CREDITS_TABLE)),
        }
    }
}

impl<R: Record> DeleteStore<R> {
    /// Deletes the row if it meets `precondition`, and then its credits.
    ///
    /// The credits stop counting when the row is deleted. Readers skip those that a crash, an error
    /// or the time limit leaves in the table, and the next DELETE of the id removes them.
    ///
    /// Costs 1 write unit for a row of up to 1 KiB and for each of its indexes, 1 read unit for the
    /// credits, and 4 write units a credit; 1 more read unit if the row was missing and has
    /// credits.
    ///
    /// # Errors
    /// As [`Table::delete`].
    pub async fn delete(&self, id: Id, precondition: &Precondition) -> Result<(), Error> {
        let deleted = self.rows.delete(id, precondition).await;
        if matches!(deleted, Ok(()) | Err(Error::Missing)) {
            let swept = tokio::time::timeout(SWEEP_TIME, self.sweep(id, deleted.is_ok())).await;
            if !matches!(swept, Ok(Ok(()))) {
                tracing::warn!(
                    resource = R::NAME,
                    id = id.get(),
                    "credits of a deleted row are left in the table"
                );
            }
        }
        deleted
    }

    /// Deletes the credits of a row that no longer exists.
    ///
    /// A row that was missing a moment ago may have been created since, with a cast. So unless this
    /// request deleted the row, it reads the row again *after* the credits. A credit proves that
    /// its row existed, and ids are never reused, so a row that is missing now stays missing.
    async fn sweep(&self, id: Id, deleted: bool) -> Result<(), Error> {
        let credits = self.credits.of::<R>(id).await?;
        if credits.is_empty() || (!deleted && self.rows.exists(id).await?) {
            return Ok(());
        }
        self.credits.delete::<R>(id, &credits).await
    }
}
