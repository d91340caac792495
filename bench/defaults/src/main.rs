//! The same code as `floor_get`, with everything left as it comes.

#[path = "../../floors/src/floor.rs"]
#[allow(dead_code, reason = "the other floors use the rest")]
mod floor;

use floor::Floor;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    floor::run(Floor::Get, aws_sdk_dynamodb::Client::new(&config)).await
}
