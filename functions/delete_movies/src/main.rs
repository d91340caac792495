//! Starts the Lambda function of `DELETE /movies/{movie_id}`.

use delete_movies::DeleteMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<DeleteMovies>().await
}
