//! What an endpoint is, and what it gets to see.

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
    /// Any [`Error`]; each is a response of the contract.
    fn handle(request: Authorized, store: &Self::Store) -> impl Future<Output = Result<Reply, Error>> + Send;
}

/// A request whose bearer may call the endpoint that it is for.
///
/// The one way to make it is the pipeline's permission check, so reading an id or a body before the check cannot be written:
///
/// ```compile_fail,E0451
/// fn unchecked(request: lambda_http::Request) -> shared::endpoint::Authorized {
///     let (route, subject, permissions) = (shared::route::ACTORS, String::new(), Default::default());
///     shared::endpoint::Authorized { request, route, subject, permissions, handling: Default::default() }
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
    permissions: Permissions,
    handling: Handling,
}

impl Authorized {
    /// Lets the request through if the claims hold the permission.
    pub(crate) fn check(
        request: Request,
        claims: &Claims,
        route: &'static Route,
        permission: Permission,
    ) -> Result<Self, Error> {
        if claims.permissions.contain(permission) {
            let (subject, handling) = (claims.subject.clone(), preference::handling(request.headers()));
            Ok(Self { request, route, subject, permissions: claims.permissions, handling })
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
    /// [`Error::PayloadTooLarge`], [`Error::UnsupportedMediaType`], [`Error::BadRequest`], [`Error::PermissionMissing`] (of a
    /// field that is about the other resource) or [`Error::Unprocessable`], checked in this order.
    pub fn body<T: Input>(&self) -> Result<T, Error> {
        body::read(self)
    }

    /// Makes sure, in strict mode, that there are no query parameters: for an endpoint that reads neither query nor body.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] for each parameter.
    pub fn no_parameters(&self) -> Result<(), Error> {
        let unknown = query::unknown(self);
        if unknown.is_empty() { Ok(()) } else { Err(Error::Unprocessable(unknown)) }
    }

    /// How the client wants unknown names to be handled.
    pub(crate) fn handling(&self) -> Handling {
        self.handling
    }

    /// The body of a PATCH of the row with this id. Where the row does not exist, that is reported and not what is wrong
    /// with the body; the row is read only then.
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

    /// The route that the request came by.
    pub fn route(&self) -> &'static Route {
        self.route
    }

    /// The list that the query asks for.
    ///
    /// # Errors
    /// [`Error::PermissionMissing`] for a parameter that is about the other resource, or [`Error::Unprocessable`] for each
    /// parameter that breaks its rule.
    pub fn list<R: Queried>(&self) -> Result<List<R>, Error> {
        query::list(self)
    }

    /// Whether the query asks for the credits of the row: then with the proof that their other side may be shown.
    ///
    /// # Errors
    /// [`Error::PermissionMissing`], or [`Error::Unprocessable`] where `include` names anything else.
    pub fn include<R: Queried>(&self) -> Result<Option<MayRead<R::Counterpart>>, Error> {
        query::include_alone::<R>(self)
    }

    /// What the write demands of the row, by `If-Match`.
    pub fn precondition(&self) -> Precondition {
        precondition::from_if_match(self.request.headers())
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
