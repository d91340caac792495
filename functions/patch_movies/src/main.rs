//! Starts the Lambda function of `PATCH /movies/{movie_id}`.

use patch_movies::PatchMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PatchMovies>().await
}
