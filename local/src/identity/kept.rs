//! Values that the service keeps in memory for a time: codes, sessions and refresh tokens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The most values of one kind. Whoever asks for more makes the service forget the oldest.
const CAPACITY: usize = 1000;

/// A random text of 256 bits, which nobody can guess.
///
/// # Errors
/// If the system has no randomness.
pub(super) fn secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "the system has no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Values under secret keys, each kept for the same time.
pub(super) struct Kept<T> {
    lifetime: Duration,
    values: HashMap<String, (Instant, T)>,
}

impl<T> Kept<T> {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            values: HashMap::new(),
        }
    }

    /// Keeps a value and returns its key.
    ///
    /// # Errors
    /// As [`secret`].
    pub(super) fn insert(&mut self, now: Instant, value: T) -> Result<String, String> {
        let lifetime = self.lifetime;
        self.values
            .retain(|_, (kept, _)| now.duration_since(*kept) < lifetime);
        if self.values.len() >= CAPACITY {
            let oldest = self.values.iter().min_by_key(|(_, (kept, _))| *kept);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.values.remove(&key);
            }
        }
        let key = secret()?;
        self.values.insert(key.clone(), (now, value));
        Ok(key)
    }

    /// The value under the key, unless its time is over.
    pub(super) fn get_mut(&mut self, now: Instant, key: &str) -> Option<&mut T> {
        let lifetime = self.lifetime;
        let (kept, value) = self.values.get_mut(key)?;
        (now.duration_since(*kept) < lifetime).then_some(value)
    }

    /// Takes the value out, unless its time is over.
    pub(super) fn remove(&mut self, now: Instant, key: &str) -> Option<T> {
        let (kept, value) = self.values.remove(key)?;
        (now.duration_since(kept) < self.lifetime).then_some(value)
    }

    /// Keeps only the values that the predicate is true for.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&T) -> bool) {
        self.values.retain(|_, (_, value)| is_kept(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_gone_when_its_time_is_over() {
        let (mut kept, now) = (Kept::new(Duration::from_secs(60)), Instant::now());
        let key = kept.insert(now, ()).expect("a key");
        let (within, after) = (now + Duration::from_secs(59), now + Duration::from_secs(60));
        assert!(kept.get_mut(within, &key).is_some());
        assert!(kept.get_mut(after, &key).is_none());
        assert!(kept.remove(after, &key).is_none());
        let key = kept.insert(now, ()).expect("a key");
        assert!(kept.remove(within, &key).is_some());
        assert!(kept.remove(within, &key).is_none(), "it was taken");
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_value_is_forgotten() {
        let (mut kept, start) = (Kept::new(Duration::from_secs(60)), Instant::now());
        let at = |number: u64| start + Duration::from_millis(number);
        let insert = |kept: &mut Kept<u64>, number| kept.insert(at(number), number).expect("a key");
        let keys: Vec<_> = (0..1001).map(|number| insert(&mut kept, number)).collect();
        assert_eq!(kept.values.len(), CAPACITY);
        assert_eq!(kept.get_mut(at(1001), &keys[0]), None);
        assert_eq!(kept.get_mut(at(1001), &keys[1]), Some(&mut 1));
        insert(&mut kept, 90_000);
        assert_eq!(kept.values.len(), 1, "values whose time is over are freed");
    }

    #[test]
    fn a_secret_has_256_bits_and_no_other_has_the_same() {
        let secrets = [secret(), secret()].map(|secret| secret.expect("a secret"));
        assert_eq!(secrets[0].len(), 43);
        assert_ne!(secrets[0], secrets[1]);
    }
}
