//! `DELETE /movies/{movie_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Movie;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::Table;

/// Deletes a movie.
#[derive(Debug)]
pub struct DeleteMovies;

impl Endpoint for DeleteMovies {
    const METHOD: Method = Method::DELETE;
    const ROUTE: &'static Route = route::MOVIE;
    const PERMISSION: Permission = Permission::DeleteMovies;
    type Record = Movie;

    async fn handle(request: Authorized, movies: &Table<Movie>) -> Result<Reply, Error> {
        let id = request.id()?;
        movies.delete(id, &request.precondition()).await?;
        Ok(Reply::deleted(id))
    }
}
