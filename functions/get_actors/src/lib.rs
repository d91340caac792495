//! `GET /actors`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Lists the actors, page by page.
#[derive(Debug)]
pub struct GetActors;

impl Endpoint for GetActors {
    const METHOD: Method = Method::GET;
    const ROUTE: &'static Route = route::ACTORS;
    const PERMISSION: Permission = Permission::GetActors;
    type Record = Actor;

    async fn handle(request: Authorized, actors: &Table<Actor>) -> Result<Reply, Error> {
        let bounds = request.bounds()?;
        let listing = actors.list(bounds).await?;
        Ok(Reply::page(Self::ROUTE, bounds, &listing))
    }
}
