//! Transactions: all of their writes happen, or none.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{
    ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder,
};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use super::error::Error;

pub(super) const CALL: &str = "TransactWriteItems";
/// The most writes and checks in one transaction.
pub(super) const MAX_TRANSACTION_ITEMS: usize = 100;

/// Why a transaction was not executed. The numbers are the positions of the writes that prevented
/// it.
#[derive(Debug)]
pub(super) enum TransactionError {
    /// Conditions were not met.
    Unmet(Vec<usize>),
    /// Other writes of the same items were in progress.
    Contended(Vec<usize>),
    /// The same transaction is in progress.
    InProgress,
    /// Anything else.
    Other(Error),
}

impl From<TransactionError> for Error {
    fn from(error: TransactionError) -> Self {
        match error {
            // The data read has changed, or another transaction holds it: retry.
            TransactionError::Unmet(_) | TransactionError::Contended(_) => {
                Self::Contended { call: CALL }
            }
            TransactionError::InProgress => Self::Unavailable {
                call: CALL,
                code: "in progress".into(),
            },
            TransactionError::Other(error) => error,
        }
    }
}

/// Executes all the writes or none. DynamoDB executes a token once; without a token from the
/// caller, the SDK makes one for all attempts of this call. So a retry is safe even if the outcome
/// of an attempt is unknown.
pub(super) async fn write(
    client: &Client,
    writes: Vec<TransactWriteItem>,
    token: Option<String>,
) -> Result<(), TransactionError> {
    let write = client
        .transact_write_items()
        .set_transact_items(Some(writes))
        .set_client_request_token(token);
    let Err(error) = write.send().await else {
        return Ok(());
    };
    Err(match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            cancellation(canceled.cancellation_reasons())
        }
        Some(error) if error.code() == Some("TransactionInProgressException") => {
            TransactionError::InProgress
        }
        _ => TransactionError::Other(Error::of(CALL, &error)),
    })
}

fn cancellation(reasons: &[CancellationReason]) -> TransactionError {
    let positions = |code: &str| {
        let matching = reasons
            .iter()
            .enumerate()
            .filter(|(_, reason)| reason.code() == Some(code));
        matching.map(|(position, _)| position).collect::<Vec<_>>()
    };
    let (unmet, contended) = (
        positions("ConditionalCheckFailed"),
        positions("TransactionConflict"),
    );
    if !unmet.is_empty() {
        return TransactionError::Unmet(unmet);
    }
    if !contended.is_empty() {
        return TransactionError::Contended(contended);
    }
    let code = reasons
        .iter()
        .filter_map(CancellationReason::code)
        .find(|code| *code != "None")
        .unwrap_or("canceled");
    if ["ThrottlingError", "ProvisionedThroughputExceeded"].contains(&code) {
        return TransactionError::Other(Error::Unavailable {
            call: CALL,
            code: code.to_owned(),
        });
    }
    TransactionError::Other(Error::Failed {
        call: CALL,
        code: code.to_owned(),
    })
}

pub(super) fn put(put: PutBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder()
        .put(put.build().map_err(|_| Error::not_built(CALL))?)
        .build())
}

pub(super) fn update(update: UpdateBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder()
        .update(update.build().map_err(|_| Error::not_built(CALL))?)
        .build())
}

pub(super) fn delete(delete: DeleteBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder()
        .delete(delete.build().map_err(|_| Error::not_built(CALL))?)
        .build())
}

pub(super) fn check(check: ConditionCheckBuilder) -> Result<TransactWriteItem, Error> {
    Ok(TransactWriteItem::builder()
        .condition_check(check.build().map_err(|_| Error::not_built(CALL))?)
        .build())
}
