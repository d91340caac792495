//! The Lambda function of `PATCH /movies/{movie_id}`: the cold start, and nothing else.

use patch_movies::PatchMovies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PatchMovies>().await
}
