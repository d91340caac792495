//! The Lambda function of `DELETE /movies/{movie_id}`: the cold start, and nothing else.

use delete_movies::DeleteMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<DeleteMovies>().await
}
