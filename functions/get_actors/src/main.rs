//! The Lambda function of `GET /actors`: the cold start, and nothing else.

use get_actors::GetActors;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run::<GetActors>().await
}
