//! `GET /movies` and `GET /movies/{movie_id}`.

use lambda_http::http::Method;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::model::Movie;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::ReadStore;

/// Lists movies page by page, or returns one of them.
#[derive(Debug)]
pub struct GetMovies;

impl Endpoint for GetMovies {
    const METHOD: Method = Method::GET;
    const ROUTES: &'static [&'static Route] = &[route::MOVIES, route::MOVIE];
    const PERMISSION: Permission = Permission::GetMovies;
    type Store = ReadStore<Movie>;

    async fn handle(request: Authorized, movies: &ReadStore<Movie>) -> Result<Reply, Error> {
        if request.route() == route::MOVIE {
            one(&request, movies).await
        } else {
            list(&request, movies).await
        }
    }
}

async fn one(request: &Authorized, movies: &ReadStore<Movie>) -> Result<Reply, Error> {
    let id = request.id()?;
    match request.include::<Movie>()? {
        Some(proof) => Ok(Reply::row_with_credits(
            movies.get_with_credits(id, proof).await?,
        )),
        None => Ok(Reply::row(&movies.get(id).await?)),
    }
}

async fn list(request: &Authorized, movies: &ReadStore<Movie>) -> Result<Reply, Error> {
    let list = request.list::<Movie>()?;
    match list.credits {
        Some(proof) => {
            let page = movies.find_with_credits(&list.query, proof).await?;
            Ok(Reply::page_with_credits(&list, page))
        }
        None => {
            let page = movies.find(&list.query).await?;
            Ok(Reply::page(&list, &page))
        }
    }
}
