//! What an endpoint is, and what it gets to see.

mod body;
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
use crate::store::{Bounds, Record, Table};

pub use body::MAX_BODY_BYTES;
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
///     shared::endpoint::Authorized { request, parameter: None }
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
    parameter: Option<&'static str>,
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
            Ok(Self { request, parameter: route.parameter })
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
        let text = self.parameter.and_then(|name| parameters?.first(name));
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
}
