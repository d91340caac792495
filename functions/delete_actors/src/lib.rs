//! `DELETE /actors/{actor_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::DeleteStore;

/// Deletes an actor and their credits.
#[derive(Debug)]
pub struct DeleteActors;

impl Endpoint for DeleteActors {
    const METHOD: Method = Method::DELETE;
    const ROUTES: &'static [&'static Route] = &[route::ACTOR];
    const PERMISSION: Permission = Permission::DeleteActors;
    type Store = DeleteStore<Actor>;

    async fn handle(request: Authorized, actors: &DeleteStore<Actor>) -> Result<Reply, Error> {
        let id = request.id()?;
        request.no_parameters()?;
        actors.delete(id, &request.precondition()).await?;
        Ok(Reply::deleted(id))
    }
}
