//! One Query with the trimmed SDK, its whole page as JSON, and one RS256 verification per request,
//! and nothing else.

use floors::{Floor, client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    floors::run(Floor::Query, client::trimmed()?).await
}
