//! `DELETE /actors/{actor_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Deletes an actor.
#[derive(Debug)]
pub struct DeleteActors;

impl Endpoint for DeleteActors {
    const METHOD: Method = Method::DELETE;
    const ROUTE: &'static Route = route::ACTOR;
    const PERMISSION: Permission = Permission::DeleteActors;
    type Record = Actor;

    async fn handle(request: Authorized, actors: &Table<Actor>) -> Result<Reply, Error> {
        let id = request.id()?;
        actors.delete(id, &request.precondition()).await?;
        Ok(Reply::deleted(id))
    }
}
