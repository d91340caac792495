//! The issuer's key set: fetched while a function starts or at first need, kept, and fetched again
//! when it may have changed.
//!
//! What a request for the key `kid` does depends on the age of the last set that was fetched:
//!
//! | age | if the set has `kid` | if it does not |
//! |---|---|---|
//! | no set yet | | waits for the fetch; if it fails, 503 |
//! | under the cache time | uses the key | waits for the fetch; without the key, 401 |
//! | under cache time + cool-down | uses the key; fetches in the background | waits; 401, or 503 if the fetch failed |
//! | under cache time + 1 hour | waits for the fetch, at most 0.5 s; uses the key unless the new set lacks it | waits; 401, or 503 if the fetch failed |
//! | older | waits; 503 if the fetch failed | waits; 401, or 503 if the fetch failed |
//!
//! A request never waits for a fetch that may not start: at most one is in flight, and one starts
//! at least a cool-down after the last one (one second while there is no set). So unknown ids cause
//! at most one fetch per cool-down. A fetch runs in a task of its own, and no lock is held across
//! it: all waiting requests share one fetch, and a slow issuer delays a known key by 0.5 s at most.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::DecodingKey;
use reqwest::header::CONTENT_ENCODING;
use reqwest::{StatusCode, Url};
use tokio::sync::watch;

use super::AuthError;
use super::jwk::{self, Keys};
use crate::config::IssuerConfig;
use crate::https::Https;

/// The time-out of a fetch, from connecting to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum size of a key document, in bytes.
const MAX_DOCUMENT_BYTES: usize = 150_000;
/// A fetch that lasts this much longer than its time-out was frozen with its environment.
const FREEZE: Duration = Duration::from_secs(1);
/// The maximum time that a request whose key is known waits for a fetch that may remove the key. An
/// issuer usually responds well within this time.
const KNOWN_KEY_WAIT: Duration = Duration::from_millis(500);
/// How long past the cache time the last key set is used while fetches fail.
const STALE_IF_ERROR: Duration = Duration::from_secs(3600);
/// The minimum time between two fetches while there is no key set.
const FIRST_NEED_COOLDOWN: Duration = Duration::from_secs(1);

/// Why the issuer's keys could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// No connection, no response within the time-out, or a truncated response.
    #[error("no response from the issuer")]
    NoResponse,
    /// A status other than 200; redirects are not followed.
    #[error("the issuer responded with status {0}")]
    Status(u16),
    /// The document is longer than the limit, or has a `Content-Encoding`.
    #[error("the issuer's document is too long or encoded")]
    Unreadable,
    /// The document is not a key set, or has no usable key.
    #[error("the issuer's document holds no usable key")]
    NoKeys,
}

/// The key set of one issuer.
pub(super) struct KeySet {
    shared: Arc<Shared>,
}

struct Shared {
    https: Https,
    url: Url,
    cache: Duration,
    cooldown: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cached: Option<CachedKeys>,
    /// When the last fetch started, for the cool-down. `None` if the next one may start at once.
    last_started: Option<Instant>,
    /// The error of the last fetch, if it failed.
    failure: Option<KeysError>,
    /// Set while a fetch is in flight; the channel closes when the fetch ends.
    in_flight: Option<watch::Receiver<()>>,
}

/// The last key set that was fetched successfully.
struct CachedKeys {
    keys: Keys,
    fetched: Instant,
    /// The same by the wall clock, since a monotonic clock may stop while the environment is
    /// frozen.
    fetched_at: SystemTime,
}

impl CachedKeys {
    fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.fetched)
            .max(self.fetched_at.elapsed().unwrap_or_default())
    }
}

/// What a request for a key does next.
enum Step {
    /// The result: the key, or `None` if the issuer has not published it.
    Done(Result<Option<Arc<DecodingKey>>, AuthError>),
    /// Wait for the fetch in flight, at most this long, then look the key up again.
    Wait(watch::Receiver<()>, Duration),
}

impl KeySet {
    pub(super) fn new(config: &IssuerConfig, https: &Https) -> Self {
        let shared = Shared {
            https: https.clone(),
            url: config.issuer.key_set_url(),
            cache: config.cache,
            cooldown: config.cooldown,
            state: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Fetches the set before a request needs it, and waits until the fetch has ended. If the fetch
    /// fails, the first request starts another one at once.
    pub(super) async fn prefetch(&self) {
        let in_flight = self
            .shared
            .fetch(&mut self.shared.state(), Instant::now(), true);
        if let Some(mut in_flight) = in_flight {
            drop(in_flight.changed().await);
        }
    }

    /// The key with this id, or `None` if the issuer has not published it; see the table above.
    pub(super) async fn key(&self, kid: &str) -> Result<Option<Arc<DecodingKey>>, AuthError> {
        let began = Instant::now();
        let mut waits = 0;
        loop {
            // A fetch that was frozen with its environment fails at once when the environment
            // thaws. So a request whose first wait was short waits for a second fetch.
            let waited = waits >= 2 || began.elapsed() >= KNOWN_KEY_WAIT && waits >= 1;
            match self.shared.step(kid, waited, Instant::now()) {
                Step::Done(result) => return result,
                // The sender is dropped when the fetch ends, which ends the wait; nothing is ever
                // sent.
                Step::Wait(mut in_flight, longest) => {
                    drop(tokio::time::timeout(longest, in_flight.changed()).await)
                }
            }
            waits += 1;
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request for the key `kid` does now. With `waited`, the request has waited long enough
    /// and starts no fetch.
    fn step(self: &Arc<Self>, kid: &str, waited: bool, now: Instant) -> Step {
        let mut state = self.state();
        // A set that is too old to use counts as none.
        let age = state
            .cached
            .as_ref()
            .map(|cached| cached.age(now))
            .filter(|age| *age < self.cache + STALE_IF_ERROR);
        let key = state
            .cached
            .as_ref()
            .and_then(|cached| cached.keys.get(kid).cloned());
        let usable = key.filter(|_| age.is_some());
        let fresh = age.is_some_and(|age| age < self.cache);
        if fresh && usable.is_some() {
            return Step::Done(Ok(usable));
        }
        let in_flight = if waited {
            None
        } else {
            self.fetch(&mut state, now, false)
        };
        let may_be_withdrawn = age.is_some_and(|age| age >= self.cache + self.cooldown);
        let started = state.last_started.unwrap_or(now);
        let wait = match (&usable, may_be_withdrawn) {
            // The fetch's own time-out ends this wait.
            (None, _) => Duration::MAX,
            (Some(_), true) => (started + KNOWN_KEY_WAIT).saturating_duration_since(now),
            (Some(_), false) => Duration::ZERO,
        };
        match in_flight {
            Some(in_flight) if wait > Duration::ZERO => Step::Wait(in_flight, wait),
            _ => Step::Done(match usable {
                Some(key) => Ok(Some(key)),
                // An unknown id is rejected only if the set is fresh or the last fetch succeeded.
                None if fresh || (age.is_some() && state.failure.is_none()) => Ok(None),
                None => Err(state.unavailable(self.cooldown)),
            }),
        }
    }

    /// Returns the fetch in flight, and starts one first if there is none and the cool-down has
    /// passed. `ahead` marks a prefetch.
    fn fetch(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        ahead: bool,
    ) -> Option<watch::Receiver<()>> {
        // A closed channel means that the fetch has ended, even by a panic.
        let idle = state
            .in_flight
            .as_ref()
            .is_none_or(|in_flight| in_flight.has_changed().is_err());
        if idle
            && state.last_started.is_none_or(|last_started| {
                now.duration_since(last_started) >= state.pause(self.cooldown)
            })
        {
            let (ended, in_flight) = watch::channel(());
            state.last_started = Some(now);
            state.in_flight = Some(in_flight);
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                let fetched = shared.fetch_keys().await;
                let mut state = shared.state();
                // A failed prefetch starts no cool-down, and neither does a fetch that was frozen
                // with its environment.
                if ahead && fetched.is_err() || now.elapsed() > FETCH_TIMEOUT + FREEZE {
                    state.last_started = None;
                }
                state.take(fetched);
                drop(state);
                drop(ended); // Wakes whoever waits; a panic above drops it too.
            });
        }
        state.in_flight.clone()
    }

    async fn fetch_keys(&self) -> Result<Keys, KeysError> {
        // The time-out also covers the body, so a slow document cannot keep a fetch open.
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.fetch_document()).await;
        let document = fetched.unwrap_or(Err(KeysError::NoResponse))?;
        jwk::read(&document)
            .filter(|keys| !keys.is_empty())
            .ok_or(KeysError::NoKeys)
    }

    async fn fetch_document(&self) -> Result<Vec<u8>, KeysError> {
        let mut response = self
            .https
            .get(self.url.clone())
            .await
            .map_err(|_| KeysError::NoResponse)?;
        if response.status() != StatusCode::OK {
            return Err(KeysError::Status(response.status().as_u16()));
        }
        if response.headers().contains_key(CONTENT_ENCODING) {
            return Err(KeysError::Unreadable);
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| KeysError::NoResponse)? {
            document.extend_from_slice(&chunk);
            if document.len() > MAX_DOCUMENT_BYTES {
                return Err(KeysError::Unreadable);
            }
        }
        Ok(document)
    }
}

impl State {
    /// Stores the result of a fetch. A failed fetch keeps the last good set.
    fn take(&mut self, fetched: Result<Keys, KeysError>) {
        self.in_flight = None;
        self.failure = fetched.as_ref().err().copied();
        if let Ok(keys) = fetched {
            self.cached = Some(CachedKeys {
                keys,
                fetched: Instant::now(),
                fetched_at: SystemTime::now(),
            });
        }
    }

    /// The minimum time between two fetches: shorter while there is no key set.
    fn pause(&self, cooldown: Duration) -> Duration {
        if self.cached.is_none() {
            cooldown.min(FIRST_NEED_COOLDOWN)
        } else {
            cooldown
        }
    }

    fn unavailable(&self, cooldown: Duration) -> AuthError {
        let retry_after = u32::try_from(self.pause(cooldown).as_secs())
            .unwrap_or(u32::MAX)
            .max(1);
        AuthError::KeysUnavailable {
            cause: self.failure.unwrap_or(KeysError::NoResponse),
            retry_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::https::Roots;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A key set that was fetched just now, from an issuer that can no longer be reached.
    fn warm() -> (Arc<Shared>, Instant) {
        let issuer = "http://127.0.0.1:9".parse().unwrap();
        let set = KeySet::new(
            &IssuerConfig::new(issuer, ""),
            &Https::new(&Roots::public()),
        );
        let key = DecodingKey::from_rsa_raw_components(&[0xff; 256], &[1, 0, 1]);
        set.shared
            .state()
            .take(Ok(Keys::from([("k".to_owned(), Arc::new(key))])));
        let fetched = set.shared.state().cached.as_ref().unwrap().fetched;
        (set.shared, fetched)
    }

    fn outcome(step: Step) -> &'static str {
        match step {
            Step::Wait(..) => "wait",
            Step::Done(Ok(Some(_))) => "key",
            Step::Done(Ok(None)) => "none",
            Step::Done(Err(_)) => "unavailable",
        }
    }

    #[tokio::test]
    async fn a_stale_key_is_refetched_in_the_background_before_requests_wait() {
        let (set, fetched) = warm();
        let (cache, cooldown) = (IssuerConfig::CACHE, IssuerConfig::COOLDOWN);
        let moment = Duration::from_millis(1);
        assert_eq!(
            outcome(set.step("k", false, fetched + cache - moment)),
            "key"
        );
        assert!(set.state().in_flight.is_none());
        assert_eq!(
            outcome(set.step("k", false, fetched + cache + moment)),
            "key"
        );
        assert!(
            set.state().in_flight.is_some(),
            "the fetch goes on in the background"
        );
        // The fetch under way started long before, so the request does not wait for it.
        assert_eq!(
            outcome(set.step("k", false, fetched + cache + cooldown + moment)),
            "key"
        );
        set.state().take(Err(KeysError::NoResponse));
        set.state().in_flight = None;
        let later = fetched + cache + cooldown + cooldown;
        assert_eq!(outcome(set.step("k", false, later)), "wait");
        assert_eq!(outcome(set.step("k", false, later + KNOWN_KEY_WAIT)), "key");
        assert_eq!(
            outcome(set.step("j", false, later + KNOWN_KEY_WAIT)),
            "wait"
        );
    }

    #[tokio::test]
    async fn a_failed_prefetch_starts_no_cool_down() {
        let issuer = "http://127.0.0.1:9".parse().unwrap();
        let set = KeySet::new(
            &IssuerConfig::new(issuer, ""),
            &Https::new(&Roots::public()),
        );
        set.prefetch().await;
        assert_eq!(set.shared.state().failure, Some(KeysError::NoResponse));
        assert_eq!(outcome(set.shared.step("k", false, Instant::now())), "wait");
        // A request started that fetch, so the next one waits for the cool-down.
        drop(set.key("k").await);
        assert_eq!(
            outcome(set.shared.step("k", false, Instant::now())),
            "unavailable"
        );
    }

    #[tokio::test]
    async fn the_last_key_set_is_used_for_an_hour_after_it_expires() {
        let (set, fetched) = warm();
        let last = fetched + IssuerConfig::CACHE + HOUR;
        assert_eq!(
            outcome(set.step("k", true, last - Duration::from_secs(1))),
            "key"
        );
        set.state().take(Err(KeysError::NoResponse));
        assert_eq!(
            outcome(set.step("k", true, last - Duration::from_secs(1))),
            "key"
        );
        assert_eq!(
            outcome(set.step("j", true, last - Duration::from_secs(1))),
            "unavailable"
        );
        assert_eq!(outcome(set.step("j", true, fetched)), "none");
        assert_eq!(outcome(set.step("k", true, last)), "unavailable");
        assert_eq!(outcome(set.step("j", true, last)), "unavailable");
    }

    #[tokio::test]
    async fn a_key_set_that_is_too_old_rejects_no_token_during_the_cool_down() {
        let (set, fetched) = warm();
        let last = fetched + IssuerConfig::CACHE + HOUR;
        // The monotonic clock may stop while an environment is frozen, so the last fetch may have
        // started a moment ago.
        set.state().last_started = Some(last);
        assert_eq!(outcome(set.step("k", false, last)), "unavailable");
        assert_eq!(outcome(set.step("j", false, last)), "unavailable");
    }

    #[tokio::test]
    async fn a_failed_fetch_keeps_the_last_good_key_set() {
        let (set, fetched) = warm();
        for failure in [
            KeysError::NoResponse,
            KeysError::Status(500),
            KeysError::Unreadable,
            KeysError::NoKeys,
        ] {
            set.state().take(Err(failure));
            assert_eq!(outcome(set.step("k", false, fetched)), "key", "{failure:?}");
        }
    }
}
