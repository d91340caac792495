//! `POST /actors`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Adds an actor.
#[derive(Debug)]
pub struct PostActors;

impl Endpoint for PostActors {
    const METHOD: Method = Method::POST;
    const ROUTES: &'static [&'static Route] = &[route::ACTORS];
    const PERMISSION: Permission = Permission::PostActors;
    type Store = Table<Actor>;

    async fn handle(request: Authorized, actors: &Table<Actor>) -> Result<Reply, Error> {
        let new = request.body()?;
        match request.idempotency_key()? {
            None => Ok(Reply::row(&actors.create(new).await?)),
            Some(key) => Ok(Reply::created(
                actors.create_once(new, &key, Reply::body_of).await?,
            )),
        }
    }
}
