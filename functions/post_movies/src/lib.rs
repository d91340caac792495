//! `POST /movies`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::MovieStore;

/// Adds a movie with its cast.
#[derive(Debug)]
pub struct PostMovies;

impl Endpoint for PostMovies {
    const METHOD: Method = Method::POST;
    const ROUTES: &'static [&'static Route] = &[route::MOVIES];
    const PERMISSION: Permission = Permission::PostMovies;
    type Store = MovieStore;

    async fn handle(request: Authorized, movies: &MovieStore) -> Result<Reply, Error> {
        let new = request.body()?;
        match request.idempotency_key()? {
            None => Ok(Reply::row(&movies.create(new).await?)),
            Some(key) => Ok(Reply::created(
                movies.create_once(new, &key, Reply::body_of).await?,
            )),
        }
    }
}
