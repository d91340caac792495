//! `DELETE /movies/{movie_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Movie;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::DeleteStore;

/// Deletes a movie and its credits.
#[derive(Debug)]
pub struct DeleteMovies;

impl Endpoint for DeleteMovies {
    const METHOD: Method = Method::DELETE;
    const ROUTES: &'static [&'static Route] = &[route::MOVIE];
    const PERMISSION: Permission = Permission::DeleteMovies;
    type Store = DeleteStore<Movie>;

    async fn handle(request: Authorized, movies: &DeleteStore<Movie>) -> Result<Reply, Error> {
        let id = request.id()?;
        request.no_parameters()?;
        movies.delete(id, &request.precondition()).await?;
        Ok(Reply::deleted(id))
    }
}
