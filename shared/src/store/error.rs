//! Errors of the store.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::model::Id;

/// Why a store operation failed. The messages are for the log: they name calls, codes and keys,
/// never an item's contents.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no row with that id.
    #[error("no such row")]
    Missing,
    /// The row exists, but has none of the versions that the write requires.
    #[error("precondition failed")]
    PreconditionFailed,
    /// Another request with the same idempotency key is in progress.
    #[error("store: a request with the same idempotency key is in progress")]
    InProgress,
    /// The idempotency key was used with another body.
    #[error("store: the idempotency key was used with another body")]
    KeyReused,
    /// Another write of the same items conflicted; nothing was done.
    #[error("store: {call} contended")]
    Contended {
        /// The API call.
        call: &'static str,
    },
    /// DynamoDB throttled the call, timed out, could not be reached or had an internal error; a
    /// retry may succeed.
    #[error("store: {call} unavailable: {code}")]
    Unavailable {
        /// The API call.
        call: &'static str,
        /// DynamoDB's error code, or what happened to the connection.
        code: String,
    },
    /// DynamoDB rejected the call; a retry will not help.
    #[error("store: {call} failed: {code}")]
    Failed {
        /// The API call.
        call: &'static str,
        /// DynamoDB's error code.
        code: String,
    },
    /// An item in the table is not a valid row.
    #[error("store: malformed item {id} in table {table}: {attribute}")]
    Malformed {
        /// The table's name.
        table: String,
        /// The item's sort key, if it can be read.
        id: String,
        /// The attribute that is missing or breaks its rule.
        attribute: &'static str,
    },
    /// A cast names actors that do not exist: the position in the cast and the id of each.
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
    /// Classifies an SDK error.
    pub(super) fn of<E: ProvideErrorMetadata, R: Http>(
        call: &'static str,
        error: &SdkError<E, R>,
    ) -> Self {
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
            SdkError::TimeoutError(_) => Self::Unavailable {
                call,
                code: "timed out".into(),
            },
            SdkError::DispatchFailure(_) => Self::Unavailable {
                call,
                code: "no connection".into(),
            },
            SdkError::ResponseError(_) => Self::Unavailable {
                call,
                code: "broken response".into(),
            },
            _ => Self::Failed {
                call,
                code: "request not built".into(),
            },
        }
    }

    /// The SDK could not build the request because a required field is missing.
    pub(super) fn not_built(call: &'static str) -> Self {
        Self::Failed {
            call,
            code: "request not built".into(),
        }
    }

    pub(super) fn malformed(table: &str, id: Option<Id>, attribute: &'static str) -> Self {
        let id = id.map_or_else(|| "without id".to_owned(), |id| id.to_string());
        Self::Malformed {
            table: table.to_owned(),
            id,
            attribute,
        }
    }
}

/// Whether a later retry may succeed after this DynamoDB error code.
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

/// Whether DynamoDB rejected the call with this code and did none of the work.
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
