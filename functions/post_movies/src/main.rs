//! The Lambda function of `POST /movies`: the cold start, and nothing else.

use post_movies::PostMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PostMovies>().await
}
