//! Gateway events for the fuzz target.

use lambda_http::request::LambdaRequest;
use lambda_http::{Request, RequestExt};

use super::{Authorized, List, Queried, idempotency, precondition, preference};
use crate::error::Error;
use crate::event::sanitize;
use crate::model::{Id, Input};
use crate::permission::Permissions;
use crate::route::{self, Route};
use crate::store::Precondition;

/// A decoded event. Its methods read each part as an endpoint does; an error is its HTTP status.
pub struct Event {
    authorized: Authorized,
    found: Option<&'static Route>,
}

/// Decodes an event as a function does. Returns `None` if it is not an event. The methods read it
/// as the request of an endpoint on `route`.
pub fn event(json: &[u8], route: &'static Route) -> Option<Event> {
    let request: Request = sanitize(serde_json::from_slice::<LambdaRequest>(json).ok()?).into();
    let found = route::find(None, request.raw_http_path());
    let handling = preference::handling(request.headers());
    let (subject, permissions) = (String::new(), Permissions::all());
    Some(Event {
        authorized: Authorized {
            request,
            route,
            base_path: String::new(),
            subject,
            permissions,
            handling,
        },
        found,
    })
}

impl Event {
    /// The route that matches the path.
    pub fn route(&self) -> Option<&'static Route> {
        self.found
    }

    /// The length of the decoded body, in bytes.
    pub fn body_bytes(&self) -> usize {
        self.authorized.request.body().as_ref().len()
    }

    /// The id in the path.
    ///
    /// # Errors
    /// The status of the error response.
    pub fn id(&self) -> Result<Id, u16> {
        self.authorized.id().map_err(status)
    }

    /// The list that the query asks for.
    ///
    /// # Errors
    /// The status of the error response.
    pub fn list<R: Queried>(&self) -> Result<List<R>, u16> {
        self.authorized.list().map_err(status)
    }

    /// The parsed body.
    ///
    /// # Errors
    /// The status of the error response.
    pub fn body<T: Input>(&self) -> Result<T, u16> {
        self.authorized.body().map_err(status)
    }

    /// The idempotency key.
    ///
    /// # Errors
    /// The status of the error response.
    pub fn idempotency_key(&self) -> Result<Option<&str>, u16> {
        idempotency::key(self.authorized.request.headers()).map_err(status)
    }

    /// The precondition in `If-Match`.
    pub fn precondition(&self) -> Precondition {
        precondition::from_if_match(self.authorized.request.headers())
    }
}

fn status(error: Error) -> u16 {
    error.response().status.as_u16()
}
