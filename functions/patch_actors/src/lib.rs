//! `PATCH /actors/{actor_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Changes the fields of an actor that the body names.
#[derive(Debug)]
pub struct PatchActors;

impl Endpoint for PatchActors {
    const METHOD: Method = Method::PATCH;
    const ROUTES: &'static [&'static Route] = &[route::ACTOR];
    const PERMISSION: Permission = Permission::PatchActors;
    type Store = Table<Actor>;

    async fn handle(request: Authorized, actors: &Table<Actor>) -> Result<Reply, Error> {
        let id = request.id()?;
        let changes = request.changes(actors, id).await?;
        let actor = actors.update(id, &changes, &request.precondition()).await?;
        Ok(Reply::row(&actor))
    }
}
