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

/// A decoded event, of which each part can be asked for as an endpoint would; an error is its status.
pub struct Event {
    authorized: Authorized,
    found: Option<&'static Route>,
}

/// Decodes an event as a function does; none if it is no event at all. The endpoint's checks are on `route`.
pub fn event(json: &[u8], route: &'static Route) -> Option<Event> {
    let request: Request = sanitize(serde_json::from_slice::<LambdaRequest>(json).ok()?).into();
    let found = route::find(None, request.raw_http_path());
    let handling = preference::handling(request.headers());
    let (subject, permissions) = (String::new(), Permissions::all());
    Some(Event { authorized: Authorized { request, route, subject, permissions, handling }, found })
}

impl Event {
    /// The route that the path leads to.
    pub fn route(&self) -> Option<&'static Route> {
        self.found
    }

    /// The length of the body, decoded.
    pub fn body_bytes(&self) -> usize {
        self.authorized.request.body().as_ref().len()
    }

    /// The id in the path.
    ///
    /// # Errors
    /// The status of the refusal.
    pub fn id(&self) -> Result<Id, u16> {
        self.authorized.id().map_err(status)
    }

    /// The list.
    ///
    /// # Errors
    /// The status of the refusal.
    pub fn list<R: Queried>(&self) -> Result<List<R>, u16> {
        self.authorized.list().map_err(status)
    }

    /// The body.
    ///
    /// # Errors
    /// The status of the refusal.
    pub fn body<T: Input>(&self) -> Result<T, u16> {
        self.authorized.body().map_err(status)
    }

    /// The idempotency key.
    ///
    /// # Errors
    /// The status of the refusal.
    pub fn idempotency_key(&self) -> Result<Option<&str>, u16> {
        idempotency::key(self.authorized.request.headers()).map_err(status)
    }

    /// What `If-Match` demands.
    pub fn precondition(&self) -> Precondition {
        precondition::from_if_match(self.authorized.request.headers())
    }
}

fn status(error: Error) -> u16 {
    error.response().status.as_u16()
}
