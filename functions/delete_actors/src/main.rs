//! The Lambda function of `DELETE /actors/{actor_id}`: the cold start, and nothing else.

use delete_actors::DeleteActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<DeleteActors>().await
}
