//! Rows in DynamoDB.

mod table;

mod casting;
mod creation;
mod credits;
mod find;
mod index;
mod removal;

mod answer;
mod error;
mod precondition;
mod record;
mod retry;
mod transaction;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::ResolveEndpoint;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};

pub use casting::{Casting, MOST_CHANGES};
pub use creation::{Created, IdempotencyKey};
pub use credits::{COUNTERPART, CREDITS_TABLE, Credited, Credits, OWNER};
pub use error::Error;
pub use find::{Catalogue, Listed, MOST_CREDITS, Page, Wanted, WithCredits};
pub use index::{Index, SHARDS};
pub use precondition::{Precondition, Version, Versioned};
pub use record::{Attributes, Item, Malformed, Readable, Record};
pub use removal::Removal;
pub use table::{BUCKET, Bounds, ID, Listing, MAX_BUCKETS, MAX_LIMIT, Table};

use futures_util::FutureExt;
use lambda_http::http::Uri;

use crate::https::Https;

/// What an endpoint works on: one table or several.
pub trait Store: Send + Sync + 'static {
    /// The settings that hold the names of its tables.
    const TABLES: &'static [&'static str];

    /// The tables, by their names.
    fn open(client: &Client, names: &TableNames) -> Self;
}

/// The names of tables, by the settings that hold them.
#[derive(Clone, Debug, Default)]
pub struct TableNames(HashMap<&'static str, String>);

impl TableNames {
    /// The name that the setting holds; empty where it is not one of those that were read.
    pub(crate) fn get(&self, setting: &str) -> &str {
        self.0.get(setting).map_or("", String::as_str)
    }
}

impl FromIterator<(&'static str, String)> for TableNames {
    fn from_iter<T: IntoIterator<Item = (&'static str, String)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

/// The longest that one attempt at a call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(700);
/// The longest that a call may take, with all its attempts and the pauses between them.
const CALL_TIMEOUT: Duration = Duration::from_millis(2000);
/// How often a call is tried, the first time included.
const MAX_ATTEMPTS: u32 = 3;
/// The longest pause before the second attempt; it doubles for the third. The pause itself is random (full jitter).
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
/// The longest pause before any attempt.
const MAX_BACKOFF: Duration = Duration::from_millis(400);
/// The tokens that retries are paid with: some 10 each, and won back by successes. The SDK's own default.
const RETRY_BUDGET: usize = 500;
/// How many of them come back each second.
const RETRY_REFILL: f32 = 100.0;

/// Where DynamoDB is by these settings, as the SDK has it; none where they name no region that there is.
pub fn endpoint(config: &SdkConfig) -> Option<Uri> {
    if let Some(url) = config.endpoint_url() {
        return url.parse().ok();
    }
    let region = config.region()?.to_string();
    let params = aws_sdk_dynamodb::config::endpoint::Params::builder().region(region).build().ok()?;
    let resolver = aws_sdk_dynamodb::config::endpoint::DefaultResolver::new();
    let resolved = resolver.resolve_endpoint(&params).now_or_never()?.ok()?;
    resolved.url().parse().ok()
}

/// A DynamoDB client with this API's time-outs and attempts, whatever `config` says of them.
pub fn client(config: &SdkConfig, https: &Https) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    // Retries come out of a budget, so that an outage is not made worse; this client's own, not one shared with the rest of the process. It fills up again by
    // itself, so that what an outage has used up is not missed for long after it.
    let tokens = TokenBucket::builder().capacity(RETRY_BUDGET).refill_rate(RETRY_REFILL).build();
    let budget = RetryPartition::custom("casting-agency").token_bucket(tokens).build();
    let config = aws_sdk_dynamodb::config::Builder::from(config).timeout_config(timeouts).retry_config(retries);
    Client::from_conf(config.retry_partition(budget).http_client(https.clone()).build())
}
