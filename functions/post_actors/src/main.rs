//! Starts the Lambda function of `POST /actors`.

use post_actors::PostActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PostActors>().await
}
