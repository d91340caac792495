//! The SDK's client, with this API's time-outs and attempts, and nothing in it that a function does not need.

use std::time::Duration;

use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::endpoint::ResolveEndpoint;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, disable_interceptor, dyn_dispatch_hint};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use futures_util::FutureExt;
use url::Url;

use crate::https::Https;

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
pub fn endpoint(config: &SdkConfig) -> Option<Url> {
    if let Some(url) = config.endpoint_url() {
        return Url::parse(url).ok();
    }
    let region = config.region()?.to_string();
    let params = aws_sdk_dynamodb::config::endpoint::Params::builder().region(region).build().ok()?;
    let resolver = aws_sdk_dynamodb::config::endpoint::DefaultResolver::new();
    let resolved = resolver.resolve_endpoint(&params).now_or_never()?.ok()?;
    Url::parse(resolved.url()).ok()
}

/// A DynamoDB client with this API's time-outs and attempts, whatever `config` says of them.
pub fn client(config: &SdkConfig, https: &Https) -> Client {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT).build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    // Retries come out of a budget, so that an outage is not made worse; this client's own, not one shared with the rest of the process. It fills up again by
    // itself, so that what an outage has used up is not missed for long after it.
    let tokens = TokenBucket::builder().capacity(RETRY_BUDGET).refill_rate(RETRY_REFILL).build();
    let budget = RetryPartition::custom("casting-agency").token_bucket(tokens).build();
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(retries)
        .retry_partition(budget)
        .http_client(https.clone())
        // An attempt's own time-out ends what stalls.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(NoTelemetry);
    Client::from_conf(config.build())
}

/// Leaves out the headers in which the SDK tells AWS of itself, its attempts and its caller's machine: nothing depends on them, and each call would make, sign and send
/// them anew.
#[derive(Debug)]
struct NoTelemetry;

#[dyn_dispatch_hint]
impl Intercept for NoTelemetry {
    fn name(&self) -> &'static str {
        "no telemetry"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        const CAUSE: &str = "nothing depends on it";
        let layer = config.interceptor_state();
        layer.store_put(disable_interceptor::<UserAgentInterceptor>(CAUSE));
        layer.store_put(disable_interceptor::<InvocationIdInterceptor>(CAUSE));
        layer.store_put(disable_interceptor::<RequestInfoInterceptor>(CAUSE));
        Ok(())
    }
}
