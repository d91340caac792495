//! Changes and deletes a row in one conditional write.

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures_util::FutureExt;

use super::condition::{Change, Condition, unmet};
use super::error::Error;
use super::precondition::{Precondition, Versioned};
use super::record::Record;
use super::retry::{self, OnlyIfNothingWasDone};
use super::table::{Table, bucket_of, key};
use crate::model::Id;

impl<R: Record> Table<R> {
    /// Changes only the attributes that `changes` names, in one write, if the row meets
    /// `precondition`. Returns the changed row with its next version. Costs 1 write unit for a row
    /// of up to 1 KiB, and 1 or 2 for each index whose key or row changes. If `changes` is empty,
    /// the row is only read.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::PreconditionFailed`], [`Error::Unavailable`] (the change may
    /// have been made), [`Error::Failed`] or [`Error::Malformed`].
    pub async fn update(
        &self,
        id: Id,
        changes: &R::Changes,
        precondition: &Precondition,
    ) -> Result<Versioned<R>, Error> {
        retry::retry_on_conflict(|| self.try_update(id, changes, precondition).boxed()).await
    }

    async fn try_update(
        &self,
        id: Id,
        changes: &R::Changes,
        precondition: &Precondition,
    ) -> Result<Versioned<R>, Error> {
        let changed = R::changed_attributes(id, changes);
        if changed.is_empty() {
            let row = self.get(id).await?;
            return if precondition.admits(row.version) {
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
        } = Change::of(changed, precondition);
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

    /// Deletes the row if it meets `precondition`. Costs 1 write unit for a row of up to 1 KiB, and
    /// 1 for each index.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::PreconditionFailed`], [`Error::Unavailable`] (the row may have
    /// been deleted) or [`Error::Failed`].
    pub async fn delete(&self, id: Id, precondition: &Precondition) -> Result<(), Error> {
        retry::retry_on_conflict(|| self.try_delete(id, precondition).boxed()).await
    }

    async fn try_delete(&self, id: Id, precondition: &Precondition) -> Result<(), Error> {
        let Condition {
            expression: condition,
            names,
            values,
        } = Condition::of(precondition);
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
}
