//! The DynamoDB client of the SDK, with this API's timeouts and retries, and without the parts that
//! a function does not need.

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
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, disable_interceptor, dyn_dispatch_hint,
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use futures_util::FutureExt;
use url::Url;

use crate::https::Https;

/// The longest that one attempt of a call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(700);
/// The longest that a call may take, including all attempts and the pauses between them.
const CALL_TIMEOUT: Duration = Duration::from_millis(2000);
/// The most attempts of a call, the first included.
const MAX_ATTEMPTS: u32 = 3;
/// The longest pause before the second attempt; it doubles for the third. Each pause is random
/// (full jitter).
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
/// The longest pause before any attempt.
const MAX_BACKOFF: Duration = Duration::from_millis(400);
/// The capacity of the retry budget, in tokens: a retry costs about 10, and a success returns some.
/// It is the SDK's default.
const RETRY_BUDGET: usize = 500;
/// How many tokens the budget regains each second.
const RETRY_REFILL: f32 = 100.0;

/// The URL of DynamoDB that the SDK derives from these settings; `None` if they name no known
/// region or contradict each other.
pub fn endpoint(config: &SdkConfig) -> Option<Url> {
    let params = aws_sdk_dynamodb::config::endpoint::Params::builder()
        .set_endpoint(config.endpoint_url().map(str::to_owned))
        .region(config.region()?.to_string())
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .build()
        .ok()?;
    let resolver = aws_sdk_dynamodb::config::endpoint::DefaultResolver::new();
    let resolved = resolver.resolve_endpoint(&params).now_or_never()?.ok()?;
    Url::parse(resolved.url()).ok()
}

/// Builds a DynamoDB client with this API's timeouts and retries, which override those in `config`.
pub fn client(config: &SdkConfig, https: &Https) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    // Retries draw on a budget, so that they do not make an outage worse. The budget is this
    // client's own, not the SDK's process-wide one. It refills with time, so that an outage does
    // not disable retries long after it has ended.
    let tokens = TokenBucket::builder()
        .capacity(RETRY_BUDGET)
        .refill_rate(RETRY_REFILL)
        .build();
    let budget = RetryPartition::custom("casting-agency")
        .token_bucket(tokens)
        .build();
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(retries)
        .retry_partition(budget)
        .http_client(https.clone())
        // The attempt timeout ends a stalled stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(NoTelemetry);
    Client::from_conf(config.build())
}

/// Omits the headers in which the SDK describes itself, its attempts and the machine. Nothing
/// depends on them, and each call would build, sign and send them again.
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
