//! Starts the Lambda function of `DELETE /actors/{actor_id}`.

use delete_actors::DeleteActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<DeleteActors>().await
}
