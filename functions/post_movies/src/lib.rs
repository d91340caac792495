//! `POST /movies`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Movie;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Adds a movie.
#[derive(Debug)]
pub struct PostMovies;

impl Endpoint for PostMovies {
    const METHOD: Method = Method::POST;
    const ROUTE: &'static Route = route::MOVIES;
    const PERMISSION: Permission = Permission::PostMovies;
    type Record = Movie;

    async fn handle(request: Authorized, movies: &Table<Movie>) -> Result<Reply, Error> {
        request.create(movies).await
    }
}
