//! What can go wrong between a function and its table.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::model::Id;

/// Why the store did not do what was asked. What it says is for the log: calls, codes and keys, never an item's contents.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no row with that id.
    #[error("no such row")]
    Missing,
    /// The row is there, and is not of a version that the write demands.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Another request with the same idempotency key is under way.
    #[error("store: a request with the same idempotency key is under way")]
    InProgress,
    /// The idempotency key was used with another body.
    #[error("store: the idempotency key was used with another body")]
    KeyReused,
    /// Another transaction was at work on the same items; nothing was done.
    #[error("store: {call} contended")]
    Contended {
        /// The API call.
        call: &'static str,
    },
    /// DynamoDB throttled the call, did not answer in time, or had a fault of its own; a retry may work.
    #[error("store: {call} unavailable: {code}")]
    Unavailable {
        /// The API call.
        call: &'static str,
        /// DynamoDB's error code, or what became of the connection.
        code: String,
    },
    /// DynamoDB refused the call; a retry will not help.
    #[error("store: {call} failed: {code}")]
    Failed {
        /// The API call.
        call: &'static str,
        /// DynamoDB's error code.
        code: String,
    },
    /// An item in the table is no row of its kind.
    #[error("store: malformed item {id} in table {table}: {attribute}")]
    Malformed {
        /// The table's name.
        table: String,
        /// The item's sort key, as far as it can be told.
        id: String,
        /// The attribute that is missing or breaks its rule.
        attribute: &'static str,
    },
    /// A cast names actors that do not exist: each with its place in the cast.
    #[error("store: a cast names actors that do not exist")]
    UnknownActors(Vec<(usize, Id)>),
    /// More credits would change than one transaction can write.
    #[error("store: too many credits change at once")]
    TooManyChanges,
    /// Every id up to [`Id::MAX`] has been given out.
    #[error("store: no id is left")]
    IdsExhausted,
}

impl Error {
    /// Judges a failed call by what kind of failure it was.
    pub(super) fn of<E: ProvideErrorMetadata, R: Http>(call: &'static str, error: &SdkError<E, R>) -> Self {
        match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("no code").to_owned();
                if code == "TransactionConflictException" {
                    Self::Contended { call }
                } else if is_passing(&code) || context.raw().status() >= 500 {
                    Self::Unavailable { call, code }
                } else {
                    Self::Failed { call, code }
                }
            }
            SdkError::TimeoutError(_) => Self::Unavailable { call, code: "timed out".into() },
            SdkError::DispatchFailure(_) => Self::Unavailable { call, code: "no connection".into() },
            SdkError::ResponseError(_) => Self::Unavailable { call, code: "broken response".into() },
            _ => Self::Failed { call, code: "request not built".into() },
        }
    }

    /// That a request lacks what the SDK demands of it.
    pub(super) fn not_built(call: &'static str) -> Self {
        Self::Failed { call, code: "request not built".into() }
    }

    pub(super) fn malformed(table: &str, id: Option<Id>, attribute: &'static str) -> Self {
        let id = id.map_or_else(|| "without id".to_owned(), |id| id.to_string());
        Self::Malformed { table: table.to_owned(), id, attribute }
    }
}

/// The codes of DynamoDB that a later retry may get past.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
fn is_passing(code: &str) -> bool {
    is_throttling(code)
        || matches!(
            code,
            "TransactionInProgressException"
                | "ReplicatedWriteConflictException"
                | "InternalServerError"
                | "ServiceUnavailable"
        )
}

/// The codes by which DynamoDB refuses a call without having done any of it.
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
    )
}

/// An HTTP response's status.
pub(super) trait Http {
    fn status(&self) -> u16;
}

impl Http for aws_sdk_dynamodb::config::http::HttpResponse {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}
