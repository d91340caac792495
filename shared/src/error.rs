//! Every error that a client can see, and the one place that turns it into a response.

use lambda_http::http::StatusCode;
use serde::Serialize;

use crate::auth::{AuthError, TokenError};
use crate::model::FieldError;
use crate::permission::Permission;
use crate::store::{self, MAX_CHANGED_CREDITS};

/// Why a request failed. The causes in some variants are for the log; a client never sees them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: the body is missing or is not a JSON object.
    #[error("the body is not a JSON object: {0}")]
    BadRequest(&'static str),
    /// 401: no `Authorization` header was sent.
    #[error("no authorization header")]
    AuthorizationMissing,
    /// 401: the `Authorization` header does not hold a valid access token.
    #[error("invalid token: {0}")]
    InvalidToken(TokenError),
    /// 403: the token is valid but lacks the endpoint's permission.
    #[error("permission missing: {0}")]
    PermissionMissing(Permission),
    /// 404: the path or the row does not exist.
    #[error("not found")]
    NotFound,
    /// 405: the path does not support the method. Holds the value of the `Allow` header.
    #[error("method not allowed")]
    MethodNotAllowed(&'static str),
    /// 409: a request with the same idempotency key is in progress.
    #[error("a request with the same idempotency key is in progress")]
    Conflict,
    /// 412: the row has none of the versions that `If-Match` names.
    #[error("precondition failed")]
    PreconditionFailed,
    /// 413: the body is longer than [`crate::endpoint::MAX_BODY_BYTES`].
    #[error("the body is too large")]
    PayloadTooLarge,
    /// 415: the body's declared type is not plain JSON.
    #[error("the body is declared as something other than JSON")]
    UnsupportedMediaType,
    /// 422: fields or query parameters break a rule.
    #[error("unprocessable: {}", names(.0))]
    Unprocessable(Vec<FieldError>),
    /// 500: an internal error.
    #[error("{0}")]
    Internal(String),
    /// 503: the store or the issuer is unavailable.
    #[error("{cause}")]
    Unavailable {
        /// What was unavailable, for the log.
        cause: String,
        /// Whole seconds after which a retry makes sense (`Retry-After`, RFC 9110, section 10.2.3).
        retry_after: u32,
    },
}

/// The most unknown names that one response sends back.
const MAX_UNKNOWN_NAMES: usize = 20;

/// The response that the client receives.
pub(crate) struct ErrorResponse<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body<'a>,
}

/// The body of every error response.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    success: bool,
    error: u16,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<&'a FieldError>>,
}

impl Error {
    /// The status, headers and body for this error, as in the contract's table of errors.
    pub(crate) fn response(&self) -> ErrorResponse<'_> {
        match self {
            Self::BadRequest(_) => ErrorResponse::new(StatusCode::BAD_REQUEST, "bad request"),
            Self::AuthorizationMissing => ErrorResponse::new(
                StatusCode::UNAUTHORIZED,
                "Authorization header is expected.",
            )
            .code("authorization_header_missing")
            .header("www-authenticate", "Bearer"),
            Self::InvalidToken(error) => {
                ErrorResponse::new(StatusCode::UNAUTHORIZED, "The access token is not valid.")
                    .code("invalid_token")
                    .header("www-authenticate", challenge(error))
            }
            Self::PermissionMissing(permission) => ErrorResponse::new(
                StatusCode::FORBIDDEN,
                format!("Permission not found: {permission}"),
            )
            .code("insufficient_permission")
            .header("www-authenticate", r#"Bearer error="insufficient_scope""#),
            Self::NotFound => ErrorResponse::new(StatusCode::NOT_FOUND, "resource not found"),
            Self::MethodNotAllowed(allow) => {
                ErrorResponse::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
                    .header("allow", *allow)
            }
            Self::Conflict => {
                ErrorResponse::new(StatusCode::CONFLICT, "conflict").header("retry-after", "1")
            }
            Self::PreconditionFailed => {
                ErrorResponse::new(StatusCode::PRECONDITION_FAILED, "precondition failed")
            }
            Self::PayloadTooLarge => {
                ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "payload too large")
            }
            Self::UnsupportedMediaType => {
                ErrorResponse::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type")
            }
            Self::Unprocessable(errors) => {
                ErrorResponse::new(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable")
                    .details(errors)
            }
            Self::Internal(_) => {
                ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
            }
            Self::Unavailable { retry_after, .. } => {
                ErrorResponse::new(StatusCode::SERVICE_UNAVAILABLE, "service unavailable")
                    .header("retry-after", retry_after.to_string())
            }
        }
    }
}

/// The `WWW-Authenticate` challenge for an invalid token. It has an error code only if a bearer
/// token was sent (RFC 6750, section 3.1).
fn challenge(error: &TokenError) -> &'static str {
    match error {
        TokenError::NotBearer => "Bearer",
        _ => r#"Bearer error="invalid_token""#,
    }
}

/// The names of the invalid fields, without their values. Unknown names are only counted, because
/// the client chose them.
fn names(errors: &[FieldError]) -> String {
    let (unknown, known): (Vec<_>, Vec<_>) =
        errors.iter().partition(|fault| fault.has_unknown_name());
    let count = (!unknown.is_empty()).then(|| format!("{} unknown", unknown.len()));
    known
        .iter()
        .map(|fault| fault.field.as_ref())
        .chain(count.as_deref())
        .collect::<Vec<_>>()
        .join(", ")
}

impl<'a> ErrorResponse<'a> {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let body = Body {
            success: false,
            error: status.as_u16(),
            message: message.into(),
            code: None,
            details: None,
        };
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    fn code(mut self, code: &'static str) -> Self {
        self.body.code = Some(code);
        self
    }

    /// Adds each field with its rule, but at most [`MAX_UNKNOWN_NAMES`] names that the client
    /// chose.
    fn details(mut self, errors: &'a [FieldError]) -> Self {
        let mut unknown = 0;
        let named = errors.iter().filter(|fault| {
            unknown += usize::from(fault.has_unknown_name());
            !fault.has_unknown_name() || unknown <= MAX_UNKNOWN_NAMES
        });
        self.body.details = Some(named.collect());
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::HeaderMissing => Self::AuthorizationMissing,
            AuthError::InvalidToken(error) => Self::InvalidToken(error),
            AuthError::KeysUnavailable { cause, retry_after } => Self::Unavailable {
                cause: format!("key set: {cause}"),
                retry_after,
            },
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Missing => Self::NotFound,
            store::Error::PreconditionFailed => Self::PreconditionFailed,
            store::Error::InProgress => Self::Conflict,
            store::Error::KeyReused => Self::Unprocessable(vec![FieldError::of(
                "Idempotency-Key",
                "was used with another body; take a new key for a new request",
            )]),
            store::Error::UnknownActors(actors) => {
                let unknown = |(position, id)| {
                    FieldError::of(
                        format!("cast[{position}].actor_id"),
                        format!("there is no actor {id}"),
                    )
                };
                Self::Unprocessable(actors.into_iter().map(unknown).collect())
            }
            store::Error::TooManyChanges => Self::Unprocessable(vec![FieldError::of(
                "cast",
                format!(
                    "may differ from the present cast by at most {MAX_CHANGED_CREDITS} credits a request; send it in several steps"
                ),
            )]),
            store::Error::Contended { .. } => Self::Unavailable {
                cause: error.to_string(),
                retry_after: 1,
            },
            store::Error::Unavailable { .. } => Self::Unavailable {
                cause: error.to_string(),
                retry_after: 1,
            },
            store::Error::Failed { .. }
            | store::Error::Malformed { .. }
            | store::Error::IdsExhausted => Self::Internal(error.to_string()),
        }
    }
}
