//! One GetItem with the trimmed SDK and one RS256 verification per request, and nothing else.

use floors::{Floor, client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    floors::run(Floor::Get, client::trimmed()?).await
}
