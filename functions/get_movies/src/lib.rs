//! `GET /movies`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Movie;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Lists the movies, page by page.
#[derive(Debug)]
pub struct GetMovies;

impl Endpoint for GetMovies {
    const METHOD: Method = Method::GET;
    const ROUTE: &'static Route = route::MOVIES;
    const PERMISSION: Permission = Permission::GetMovies;
    type Record = Movie;

    async fn handle(request: Authorized, movies: &Table<Movie>) -> Result<Reply, Error> {
        let bounds = request.bounds()?;
        let listing = movies.list(bounds).await?;
        Ok(Reply::page(Self::ROUTE, bounds, &listing))
    }
}
