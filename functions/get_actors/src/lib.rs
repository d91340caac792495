//! `GET /actors` and `GET /actors/{actor_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::ReadStore;

/// Lists actors page by page, or returns one of them.
#[derive(Debug)]
pub struct GetActors;

impl Endpoint for GetActors {
    const METHOD: Method = Method::GET;
    const ROUTES: &'static [&'static Route] = &[route::ACTORS, route::ACTOR];
    const PERMISSION: Permission = Permission::GetActors;
    type Store = ReadStore<Actor>;

    async fn handle(request: Authorized, actors: &ReadStore<Actor>) -> Result<Reply, Error> {
        if request.route() == route::ACTOR {
            one(&request, actors).await
        } else {
            list(&request, actors).await
        }
    }
}

async fn one(request: &Authorized, actors: &ReadStore<Actor>) -> Result<Reply, Error> {
    let id = request.id()?;
    match request.include::<Actor>()? {
        Some(proof) => Ok(Reply::row_with_credits(
            actors.get_with_credits(id, proof).await?,
        )),
        None => Ok(Reply::row(&actors.get(id).await?)),
    }
}

async fn list(request: &Authorized, actors: &ReadStore<Actor>) -> Result<Reply, Error> {
    let list = request.list::<Actor>()?;
    match list.credits {
        Some(proof) => {
            let page = actors.find_with_credits(&list.query, proof).await?;
            Ok(Reply::page_with_credits(&list, page))
        }
        None => {
            let page = actors.find(&list.query).await?;
            Ok(Reply::page(&list, &page))
        }
    }
}
