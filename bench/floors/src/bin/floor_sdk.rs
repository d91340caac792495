//! One RS256 verification per request, and the calls of one floor with the SDK. The name of the
//! function says which floor it is.

use std::env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), floors::Error> {
    floors::run(env::var("AWS_LAMBDA_FUNCTION_NAME")?.parse()?).await
}
