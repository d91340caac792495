//! The counter that ids are taken from: an item of the table.

use aws_sdk_dynamodb::types::ReturnValue;

use super::error::Error;
use super::item::{Item, number, read_u64};
use super::record::Record;
use super::table::{Table, key};
use crate::model::Id;

/// The counter's partition, which never holds a row; the counter's sort key is 0.
const COUNTER_BUCKET: i64 = -1;
/// The counter's attribute: the greatest id given out so far.
const LAST_ID: &str = "last_id";

impl<R: Record> Table<R> {
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
    pub(super) async fn last_id(&self) -> Result<u64, Error> {
        let counter = self.get_item(COUNTER_BUCKET, 0).await?;
        counter.map_or(Ok(0), |counter| self.last_id_of(&counter))
    }

    fn last_id_of(&self, counter: &Item) -> Result<u64, Error> {
        read_u64(counter, LAST_ID).ok_or_else(|| Error::malformed(&self.name, None, LAST_ID))
    }
}
