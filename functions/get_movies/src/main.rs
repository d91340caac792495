//! Starts the Lambda function of `GET /movies` and `GET /movies/{movie_id}`.

use get_movies::GetMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<GetMovies>().await
}
