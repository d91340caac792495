//! The Lambda function of `GET /movies`: the cold start, and nothing else.

use get_movies::GetMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<GetMovies>().await
}
