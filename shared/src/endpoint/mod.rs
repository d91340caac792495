//! What an endpoint is, and what it gets to see.

mod body;
mod cursor;
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
use crate::store::{IdempotencyKey, Precondition, Store};

pub use body::MAX_BODY_BYTES;
pub(crate) use precondition::tag;
pub use query::{List, Queried};
pub use reply::Reply;
pub(crate) use reply::json;

/// One method of one resource, on one path or two. It cannot be written without naming its permission.
pub trait Endpoint: Send + Sync + 'static {
    /// The method.
    const METHOD: Method;
    /// The paths.
    const ROUTES: &'static [&'static Route];
    /// What a token must grant for the endpoint to be called.
    const PERMISSION: Permission;
    /// What the endpoint works on.
    type Store: Store;

    /// Answers a request whose token and permission have been checked.
    ///
    /// # Errors
    /// Any [`Error`]; each is an answer of the contract.
    fn handle(request: Authorized, store: &Self::Store) -> impl Future<Output = Result<Reply, Error>> + Send;
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

    /// The route that the request came by.
    pub fn route(&self) -> &'static Route {
        self.route
    }

    /// The list that the query asks for.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] for each parameter that breaks its rule.
    pub fn list<R: Queried>(&self) -> Result<List<R>, Error> {
        query::list(&self.request, self.route)
    }

    /// Whether the query asks for the credits of rows.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] where `include` names anything else.
    pub fn includes_credits<R: Queried>(&self) -> Result<bool, Error> {
        query::includes_credits::<R>(&self.request)
    }

    /// What the write demands of the row, by `If-Match`.
    pub fn precondition(&self) -> Precondition {
        precondition::demanded(self.request.headers())
    }

    /// The key that the client gave the request with its body, if it gave one.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] for a key that is none.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Error> {
        let key = idempotency::key(self.request.headers())?;
        Ok(key.map(|key| IdempotencyKey::new(&self.subject, self.route.path, key, self.request.body())))
    }
}
