//! What an endpoint is, and what it gets to see.

mod body;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod idempotency;
mod precondition;
mod query;
mod reply;

use std::future::Future;

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt};

use crate::auth::{self, Claims};
use crate::error::Error;
use crate::model::{Id, Input};
use crate::permission::Permission;
use crate::route::Route;
use crate::store::{Bounds, Created, IdempotencyKey, Precondition, Record, Table};

pub use body::MAX_BODY_BYTES;
pub(crate) use precondition::tag;
pub use reply::Reply;
pub(crate) use reply::json;

/// One method of one path. It cannot be written without naming its permission.
pub trait Endpoint: Send + Sync + 'static {
    /// The method.
    const METHOD: Method;
    /// The path.
    const ROUTE: &'static Route;
    /// What a token must grant for the endpoint to be called.
    const PERMISSION: Permission;
    /// The rows that the endpoint works on.
    type Record: Record;

    /// Answers a request whose token and permission have been checked.
    ///
    /// # Errors
    /// Any [`Error`]; each is an answer of the contract.
    fn handle(request: Authorized, table: &Table<Self::Record>) -> impl Future<Output = Result<Reply, Error>> + Send;
}

/// A request whose bearer may call the endpoint that it is for.
///
/// The one way to make it is the pipeline's permission check, so reading an id or a body before the check cannot be written:
///
/// ```compile_fail,E0451
/// fn unchecked(request: lambda_http::Request) -> shared::endpoint::Authorized {
///     shared::endpoint::Authorized { request, route: shared::route::ACTORS, subject: String::new() }
/// }
/// ```
///
/// ```compile_fail,E0624
/// fn unchecked(
///     request: lambda_http::Request, claims: &shared::auth::Claims, route: &shared::route::Route, permission: shared::permission::Permission,
/// ) -> shared::endpoint::Authorized {
///     shared::endpoint::Authorized::check(request, claims, route, permission).unwrap()
/// }
/// ```
pub struct Authorized {
    request: Request,
    route: &'static Route,
    subject: String,
}

impl Authorized {
    /// Lets the request through if the claims hold the permission.
    pub(crate) fn check(
        request: Request,
        claims: &Claims,
        route: &'static Route,
        permission: Permission,
    ) -> Result<Self, Error> {
        if auth::holds(claims, permission) {
            Ok(Self { request, route, subject: claims.subject.clone() })
        } else {
            Err(Error::PermissionMissing(permission))
        }
    }

    /// The id in the path.
    ///
    /// # Errors
    /// [`Error::NotFound`] for any spelling but the one that [`Id::parse`] takes.
    pub fn id(&self) -> Result<Id, Error> {
        let parameters = self.request.path_parameters_ref();
        let text = self.route.parameter.and_then(|name| parameters?.first(name));
        text.and_then(Id::parse).ok_or(Error::NotFound)
    }

    /// The body, read as what the endpoint takes.
    ///
    /// # Errors
    /// [`Error::PayloadTooLarge`], [`Error::UnsupportedMediaType`], [`Error::BadRequest`] or [`Error::Unprocessable`], judged in this order.
    pub fn body<T: Input>(&self) -> Result<T, Error> {
        body::read(&self.request)
    }

    /// The part of a list that the query asks for.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] for a bad `limit` or `after`.
    pub fn bounds(&self) -> Result<Bounds, Error> {
        query::bounds(&self.request)
    }

    /// What the write demands of the row, by `If-Match`.
    pub fn precondition(&self) -> Precondition {
        precondition::demanded(self.request.headers())
    }

    /// Creates the row that the body describes: once this request, or with an `Idempotency-Key` once that key.
    ///
    /// # Errors
    /// As [`Self::body`]; [`Error::Unprocessable`] for a key that is none or that came with another body before; [`Error::Conflict`] while another
    /// request with the key is under way; and the store's.
    pub async fn create<R: Record>(&self, table: &Table<R>) -> Result<Reply, Error> {
        let new = self.body()?;
        match idempotency::key(self.request.headers())? {
            None => Ok(Reply::row(&table.create(new).await?)),
            Some(key) => {
                let key = IdempotencyKey::new(&self.subject, self.route.path, key, self.request.body());
                match table.create_once(new, &key, Reply::body_of).await? {
                    Created::Now(row) => Ok(Reply::row(&row)),
                    Created::Before(body, version) => Ok(Reply::again(body, version)),
                }
            }
        }
    }
}
