//! Rows in DynamoDB.

mod error;
mod record;
mod table;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;

pub use error::Error;
pub use record::{Attributes, Item, Malformed, Record};
pub use table::{BUCKET, Bounds, ID, Listing, MAX_BUCKETS, MAX_LIMIT, Table};

/// The longest that connecting to DynamoDB may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that one attempt at a call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// The longest that a call may take, with all its attempts and the pauses between them.
const CALL_TIMEOUT: Duration = Duration::from_millis(2300);
/// How often a call is tried, the first time included.
const MAX_ATTEMPTS: u32 = 3;

/// A DynamoDB client with this API's time-outs and attempts, whatever `config` says of them.
pub fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
    let config = aws_sdk_dynamodb::config::Builder::from(config).timeout_config(timeouts).retry_config(retries);
    Client::from_conf(config.build())
}
