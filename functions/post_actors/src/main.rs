//! The Lambda function of `POST /actors`: the cold start, and nothing else.

use post_actors::PostActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<PostActors>().await
}
