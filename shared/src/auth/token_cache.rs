//! A cache of valid tokens, so that a repeated token is not validated in full each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;

use super::token::Claims;

/// The maximum number of cached tokens.
const MAX_TOKENS: usize = 64;
/// How long a token is cached, in seconds.
const CACHE_SECONDS: f64 = 300.0;

/// The SHA-256 of a whole token, including its signature, so that no other token has the same.
pub(super) type Fingerprint = [u8; 32];

/// A token that was valid when it was checked.
#[derive(Clone)]
pub(super) struct CachedToken {
    pub(super) claims: Arc<Claims>,
    /// The id of the key that verified the token; `key` is that key.
    pub(super) kid: String,
    pub(super) key: Arc<DecodingKey>,
    /// When it was checked, in seconds since 1970.
    pub(super) checked: f64,
}

impl CachedToken {
    /// Whether the token may be used at `now` without a new check, if its key is still valid. A
    /// token past `exp` is validated in full again, and so is one that was checked before the clock
    /// was set back.
    fn is_fresh(&self, now: f64) -> bool {
        now >= self.checked && now < self.checked + CACHE_SECONDS && now < self.claims.expiry
    }
}

/// The cached tokens, by fingerprint.
#[derive(Default)]
pub(super) struct TokenCache(Mutex<HashMap<Fingerprint, CachedToken>>);

pub(super) fn fingerprint(token: &str) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    fingerprint
}

impl TokenCache {
    /// The cached token with this fingerprint, if it is fresh. The caller must check that the
    /// issuer still publishes its key.
    pub(super) fn get(&self, fingerprint: &Fingerprint, now: f64) -> Option<CachedToken> {
        self.tokens()
            .get(fingerprint)
            .filter(|token| token.is_fresh(now))
            .cloned()
    }

    /// Caches a token. A full cache drops the tokens that are not fresh and, if it is still full,
    /// the one that was checked first.
    pub(super) fn insert(&self, fingerprint: Fingerprint, token: CachedToken) {
        let mut tokens = self.tokens();
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, cached| cached.is_fresh(token.checked));
        }
        if tokens.len() >= MAX_TOKENS {
            let first = tokens
                .iter()
                .min_by(|one, other| one.1.checked.total_cmp(&other.1.checked));
            if let Some(first) = first.map(|(fingerprint, _)| *fingerprint) {
                tokens.remove(&first);
            }
        }
        tokens.insert(fingerprint, token);
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<Fingerprint, CachedToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permissions;

    fn sound(checked: f64, expiry: f64) -> CachedToken {
        let claims = Claims {
            subject: "x".into(),
            permissions: Permissions::default(),
            expiry,
        };
        let key = DecodingKey::from_rsa_raw_components(&[0xff; 256], &[1, 0, 1]);
        CachedToken {
            claims: Arc::new(claims),
            kid: "k".into(),
            key: Arc::new(key),
            checked,
        }
    }

    #[test]
    fn a_token_is_cached_until_it_expires_but_at_most_five_minutes() {
        for (expiry, last) in [(2000.0, 1299.9), (1100.0, 1099.9)] {
            let verified = TokenCache::default();
            verified.insert([1; 32], sound(1000.0, expiry));
            for (now, known) in [
                (1000.0, true),
                (last, true),
                (last + 0.2, false),
                (999.0, false),
            ] {
                assert_eq!(
                    verified.get(&[1; 32], now).is_some(),
                    known,
                    "expiry {expiry}, now {now}"
                );
            }
            assert!(verified.get(&[2; 32], 1000.0).is_none());
        }
    }

    #[test]
    fn the_cache_keeps_the_latest_64_tokens() {
        let verified = TokenCache::default();
        let name = |number: u8| [number; 32];
        for number in 0..200 {
            verified.insert(
                name(number),
                sound(1000.0 + f64::from(number) / 1000.0, 9000.0),
            );
        }
        assert_eq!(verified.tokens().len(), MAX_TOKENS);
        for number in 0..200 {
            assert_eq!(
                verified.get(&name(number), 1001.0).is_some(),
                number >= 136,
                "{number}"
            );
        }
        // Tokens that are not fresh are dropped first.
        verified.insert(name(250), sound(1300.15, 9000.0));
        assert_eq!(verified.tokens().len(), 200 - 151 + 1);
    }

    #[test]
    fn different_tokens_have_different_fingerprints() {
        assert_ne!(fingerprint("a.b.c"), fingerprint("a.b.d"));
        assert_ne!(fingerprint("a.b.c"), fingerprint("a.b.c "));
        assert_eq!(fingerprint("a.b.c"), fingerprint("a.b.c"));
    }
}
