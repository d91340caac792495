//! Which failed calls are tried again.
//!
//! A call that may have been carried out although its response was lost must not simply be sent again where doing it twice is not the same as
//! doing it once: a second PutItem or DeleteItem would find its own work and call it somebody else's.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use futures_util::future::BoxFuture;

use super::error::{self, is_throttling};

/// How often a request is tried that conflicts with other writes of the same items.
const MAX_ATTEMPTS: u32 = 8;
/// The longest pause before the second try; it doubles for each after it, up to eight times this.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Retries while the attempt [conflicts](error::Error::Contended) with another write, with pauses,
/// [`MAX_ATTEMPTS`] times at most.
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

/// Waits for a random part of a time that grows with each attempt (full jitter).
pub(super) async fn pause(attempt: u32) {
    let mut random = [0; 4];
    // Without randomness the pause is the longest: still a pause.
    let part = rand::fill(&mut random).map_or(1.0, |()| f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX));
    tokio::time::sleep((FIRST_PAUSE * 2_u32.pow(attempt.clamp(1, 4) - 1)).mul_f64(part)).await;
}

/// Forbids another attempt unless the last one certainly did nothing.
#[derive(Debug)]
pub(super) struct OnlyIfNothingWasDone<E>(std::marker::PhantomData<fn() -> E>);

impl<E> OnlyIfNothingWasDone<E> {
    pub(super) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> ClassifyRetry for OnlyIfNothingWasDone<E> {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let nothing_was_done = match (error.as_operation_error(), error.as_connector_error()) {
            (Some(refusal), _) => {
                refusal.downcast_ref::<E>().and_then(ProvideErrorMetadata::code).is_some_and(is_throttling)
            }
            // Time ran out while connecting (there is no other time-out in a connector), or nobody listens.
            (_, Some(connector)) => connector.is_timeout() || is_connection_refused(connector),
            _ => false,
        };
        // Where nothing was done, the SDK's own classifiers decide.
        if nothing_was_done { RetryAction::NoActionIndicated } else { RetryAction::RetryForbidden }
    }

    fn name(&self) -> &'static str {
        "only if nothing was done"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // The first to be asked: what it forbids nobody after it allows.
        RetryClassifierPriority::run_before(RetryClassifierPriority::http_status_code_classifier())
    }
}

fn is_connection_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}
