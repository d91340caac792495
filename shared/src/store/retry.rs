//! Which failed calls are retried.
//!
//! A call whose response was lost may have been executed. It must not be retried unless doing it
//! twice has the same effect as doing it once: a second PutItem or DeleteItem would find its own
//! work and take it for another request's.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use futures_util::future::BoxFuture;

use super::error::{self, is_throttling};

/// The most attempts of a request that conflicts with other writes of the same items.
const MAX_ATTEMPTS: u32 = 8;
/// The longest pause before the second attempt; it doubles for each later one, up to eight times
/// this.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Retries while the attempt [conflicts](error::Error::Contended) with another write, with pauses.
/// Makes at most [`MAX_ATTEMPTS`] attempts.
pub(super) async fn retry_on_conflict<'a, T>(
    attempt: impl Fn() -> BoxFuture<'a, Result<T, error::Error>>,
) -> Result<T, error::Error> {
    for tries in 1..MAX_ATTEMPTS {
        match attempt().await {
            Err(error::Error::Contended { .. }) => pause(tries).await,
            outcome => return outcome,
        }
    }
    attempt().await
}

/// Sleeps for a random part of a time that grows with each attempt (full jitter).
pub(super) async fn pause(attempt: u32) {
    let mut random = [0; 4];
    // If no random bytes are available, pause for the longest time.
    let part = rand::fill(&mut random).map_or(1.0, |()| {
        f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX)
    });
    tokio::time::sleep((FIRST_PAUSE * 2_u32.pow(attempt.clamp(1, 4) - 1)).mul_f64(part)).await;
}

/// Forbids a retry unless the last attempt certainly did nothing.
#[derive(Debug)]
pub(super) struct OnlyIfNothingWasDone<E>(std::marker::PhantomData<fn() -> E>);

impl<E> OnlyIfNothingWasDone<E> {
    pub(super) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> ClassifyRetry
    for OnlyIfNothingWasDone<E>
{
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let nothing_was_done = match (error.as_operation_error(), error.as_connector_error()) {
            (Some(error), _) => error
                .downcast_ref::<E>()
                .and_then(ProvideErrorMetadata::code)
                .is_some_and(is_throttling),
            // The connection timed out (a connector has no other timeout) or was refused.
            (_, Some(connector)) => connector.is_timeout() || is_connection_refused(connector),
            _ => false,
        };
        // If nothing was done, the SDK's own classifiers decide.
        if nothing_was_done {
            RetryAction::NoActionIndicated
        } else {
            RetryAction::RetryForbidden
        }
    }

    fn name(&self) -> &'static str {
        "only if nothing was done"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // Runs first: later classifiers cannot allow what this one forbids.
        RetryClassifierPriority::run_before(RetryClassifierPriority::http_status_code_classifier())
    }
}

fn is_connection_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            return true;
        }
        cause = error.source();
    }
    false
}
