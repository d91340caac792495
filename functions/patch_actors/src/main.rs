//! The Lambda function of `PATCH /actors/{actor_id}`: the cold start, and nothing else.

use patch_actors::PatchActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PatchActors>().await
}
