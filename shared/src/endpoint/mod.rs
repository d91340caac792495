//! Endpoints, and the request that each one receives.

mod body;
mod cursor;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod idempotency;
mod precondition;
mod preference;
mod query;
mod reply;

use std::future::Future;

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt};

use crate::auth::Claims;
use crate::error::Error;
use crate::model::{Handling, Id, Input};
use crate::permission::{MayRead, Permission, Permissions};
use crate::route::Route;
use crate::store::{IdempotencyKey, Precondition, Record, Store, Table};

pub use body::MAX_BODY_BYTES;
pub(crate) use precondition::tag;
pub(crate) use preference::applied;
pub use query::{List, Queried};
pub use reply::Reply;
pub(crate) use reply::json;

/// One method of one resource, on one path or two. An endpoint without a permission does not
/// compile.
pub trait Endpoint: Send + Sync + 'static {
    /// The HTTP method that the endpoint serves.
    const METHOD: Method;
    /// The paths that it serves: two for GET (the list and one row), otherwise one.
    const ROUTES: &'static [&'static Route];
    /// The permission that a token must grant.
    const PERMISSION: Permission;
    /// The store that the endpoint uses.
    type Store: Store;

    /// Handles a request whose token and permission have been checked.
    ///
    /// # Errors
    /// Any [`Error`]; each one maps to a response of the contract.
    fn handle(
        request: Authorized,
        store: &Self::Store,
    ) -> impl Future<Output = Result<Reply, Error>> + Send;
}

/// A request whose token grants the permission of its endpoint.
///
/// Only the pipeline's permission check creates one, so code that reads an id or a body before the
/// check does not compile:
///
/// ```compile_fail,E0451
/// fn unchecked(request: lambda_http::Request) -> shared::endpoint::Authorized {
///     shared::endpoint::Authorized {
///         request,
///         route: shared::route::ACTORS,
///         base_path: String::new(),
///         subject: String::new(),
///         permissions: Default::default(),
///         handling: Default::default(),
///     }
/// }
/// ```
///
/// ```compile_fail,E0624
/// fn unchecked(
///     request: lambda_http::Request,
///     claims: &shared::auth::Claims,
///     route: &'static shared::route::Route,
///     permission: shared::permission::Permission,
/// ) -> shared::endpoint::Authorized {
///     let base_path = String::new();
///     shared::endpoint::Authorized::check(request, claims, route, base_path, permission).unwrap()
/// }
/// ```
pub struct Authorized {
    request: Request,
    route: &'static Route,
    /// What precedes the route's path in the request's: nothing, or a custom domain's base path.
    base_path: String,
    subject: String,
    permissions: Permissions,
    handling: Handling,
}

impl Authorized {
    /// Authorizes the request if the claims grant the permission.
    pub(crate) fn check(
        request: Request,
        claims: &Claims,
        route: &'static Route,
        base_path: String,
        permission: Permission,
    ) -> Result<Self, Error> {
        if claims.permissions.contains(permission) {
            let (subject, handling) = (
                claims.subject.clone(),
                preference::handling(request.headers()),
            );
            Ok(Self {
                request,
                route,
                base_path,
                subject,
                permissions: claims.permissions,
                handling,
            })
        } else {
            Err(Error::PermissionMissing(permission))
        }
    }

    /// The id in the path.
    ///
    /// # Errors
    /// [`Error::NotFound`] for anything that [`Id::parse`] does not accept.
    pub fn id(&self) -> Result<Id, Error> {
        let parameters = self.request.path_parameters_ref();
        let text = self
            .route
            .parameter
            .and_then(|name| parameters?.first(name));
        text.and_then(Id::parse).ok_or(Error::NotFound)
    }

    /// The body, parsed as the endpoint's input.
    ///
    /// # Errors
    /// [`Error::PayloadTooLarge`], [`Error::UnsupportedMediaType`], [`Error::BadRequest`],
    /// [`Error::PermissionMissing`] (for a field about the other resource) or
    /// [`Error::Unprocessable`], checked in this order.
    pub fn body<T: Input>(&self) -> Result<T, Error> {
        body::read(self)
    }

    /// Rejects query parameters in strict mode, for an endpoint that reads neither query nor body.
    ///
    /// # Errors
    /// [`Error::Unprocessable`], which lists every parameter.
    pub fn no_parameters(&self) -> Result<(), Error> {
        let unknown = query::unknown(self);
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(Error::Unprocessable(unknown))
        }
    }

    /// How the client wants unknown names to be handled.
    pub(crate) fn handling(&self) -> Handling {
        self.handling
    }

    /// The body of a PATCH of the row with this id. If the body is rejected, this reads the row and
    /// reports a missing row rather than the errors in the body. A missing permission is reported
    /// without that read.
    ///
    /// # Errors
    /// As [`Self::body`], or [`Error::NotFound`].
    pub async fn changes<R: Record>(&self, rows: &Table<R>, id: Id) -> Result<R::Changes, Error> {
        match self.body() {
            Err(error) if !matches!(error, Error::PermissionMissing(_)) => {
                rows.get(id).await?;
                Err(error)
            }
            read => read,
        }
    }

    /// The route that the request matches.
    pub fn route(&self) -> &'static Route {
        self.route
    }

    /// The list that the query asks for.
    ///
    /// # Errors
    /// [`Error::PermissionMissing`] for a parameter about the other resource, or
    /// [`Error::Unprocessable`], which lists every invalid parameter.
    pub fn list<R: Queried>(&self) -> Result<List<R>, Error> {
        query::list(self)
    }

    /// Whether the query asks for the row's credits. If so, returns proof that the token may read
    /// the other resource.
    ///
    /// # Errors
    /// [`Error::PermissionMissing`], or [`Error::Unprocessable`] if `include` has any other value.
    pub fn include<R: Queried>(&self) -> Result<Option<MayRead<R::Counterpart>>, Error> {
        query::include_alone::<R>(self)
    }

    /// The precondition of the write, from `If-Match`.
    pub fn precondition(&self) -> Precondition {
        precondition::from_if_match(self.request.headers())
    }

    /// The request's idempotency key, if it has one, bound to the subject, the route and the body.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] for a malformed key.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Error> {
        let key = idempotency::key(self.request.headers())?;
        Ok(key.map(|key| {
            IdempotencyKey::new(&self.subject, self.route.path, key, self.request.body())
        }))
    }
}
