//! Starts the Lambda function of `PATCH /actors/{actor_id}`.

use patch_actors::PatchActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PatchActors>().await
}
