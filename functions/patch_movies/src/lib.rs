//! `PATCH /movies/{movie_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::MovieStore;

/// Changes the fields of a movie that the body names, including its cast.
#[derive(Debug)]
pub struct PatchMovies;

impl Endpoint for PatchMovies {
    const METHOD: Method = Method::PATCH;
    const ROUTES: &'static [&'static Route] = &[route::MOVIE];
    const PERMISSION: Permission = Permission::PatchMovies;
    type Store = MovieStore;

    async fn handle(request: Authorized, movies: &MovieStore) -> Result<Reply, Error> {
        let id = request.id()?;
        let changes = request.changes(movies.movies(), id).await?;
        let movie = movies.update(id, &changes, &request.precondition()).await?;
        Ok(Reply::row(&movie))
    }
}
