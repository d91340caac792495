//! Starts the Lambda function of `POST /movies`.

use post_movies::PostMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PostMovies>().await
}
