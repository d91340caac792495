//! Starts the Lambda function of `GET /actors` and `GET /actors/{actor_id}`.

use get_actors::GetActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<GetActors>().await
}
