//! Authentication: validates the access token of a request against the issuer's keys.
//!
//! The rules are those of RFC 7515 (signatures), RFC 7519 (claims), RFC 6750 (the `Authorization`
//! header) and RFC 8725 (best current practices). This module knows no HTTP status.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod json;
mod jwk;
mod keys;
mod token;
mod token_cache;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_http::http::HeaderMap;
use lambda_http::http::header::AUTHORIZATION;

use crate::config::IssuerConfig;
use crate::https::Https;
use keys::KeySet;
use token::Token;
use token_cache::{CachedToken, TokenCache, fingerprint};

pub use keys::KeysError;
pub use token::{Claims, TokenError};

/// Why a request is not authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum AuthError {
    /// No `Authorization` header was sent.
    HeaderMissing,
    /// The `Authorization` header holds no valid access token.
    InvalidToken(TokenError),
    /// The token cannot be verified, because the issuer's keys are not available.
    KeysUnavailable {
        /// The cause, for the log.
        cause: KeysError,
        /// Whole seconds until the keys may be fetched again.
        retry_after: u32,
    },
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        Self::InvalidToken(error)
    }
}

/// Validates the access tokens of one issuer for one API. It caches the issuer's keys, so a
/// function creates one verifier and keeps it.
pub struct Verifier {
    issuer: String,
    audience: String,
    keys: KeySet,
    cache: TokenCache,
}

impl Verifier {
    /// Creates a verifier without fetching anything, so an issuer that is down never fails a cold
    /// start.
    pub fn new(config: &IssuerConfig, https: &Https) -> Self {
        Self {
            issuer: config.issuer.as_str().to_owned(),
            audience: config.audience.clone(),
            keys: KeySet::new(config, https),
            cache: TokenCache::default(),
        }
    }

    /// Fetches the issuer's keys before the first token arrives. An error is reported only when a
    /// token needs a key.
    pub async fn prefetch(&self) {
        self.keys.prefetch().await;
    }

    /// Validates the request's access token and returns its claims.
    ///
    /// # Errors
    /// [`AuthError`]. All checks that need no key come before the key is looked up.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Arc<Claims>, AuthError> {
        let (text, now) = (bearer(headers)?, now());
        let fingerprint = fingerprint(text);
        // A cached token still needs its key: the issuer may have withdrawn it, or replaced it
        // under the same id.
        if let Some(cached) = self.cache.get(&fingerprint, now)
            && let Some(key) = self.keys.key(&cached.kid).await?
            && Arc::ptr_eq(&key, &cached.key)
        {
            return Ok(cached.claims);
        }
        let token = Token::parse(text)?;
        let claims = Arc::new(token.claims(&self.issuer, &self.audience, now)?);
        let key = self
            .keys
            .key(&token.kid)
            .await?
            .ok_or(TokenError::UnknownKey)?;
        if !token.is_signed_by(&key) {
            return Err(TokenError::Signature.into());
        }
        let valid = CachedToken {
            claims: Arc::clone(&claims),
            kid: token.kid,
            key,
            checked: now,
        };
        self.cache.insert(fingerprint, valid);
        Ok(claims)
    }
}

/// The current time, in seconds since 1970-01-01T00:00:00Z.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// The bearer token of the only `Authorization` header (RFC 6750, section 2.1). A token in any
/// other place is ignored.
fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::HeaderMissing)?;
    let value = value.to_str().map_err(|_| TokenError::NotBearer)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::NotBearer)?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(TokenError::NotBearer.into());
    }
    if values.next().is_some() {
        Err(TokenError::SeveralTokens.into())
    } else {
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&[u8]], expected: Result<&str, AuthError>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                lambda_http::http::HeaderValue::from_bytes(value).unwrap(),
            );
        }
        assert_eq!(bearer(&headers), expected, "{values:?}");
    }

    #[test]
    fn only_a_single_bearer_token_is_accepted() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER  a.b.c",
            "Bearer a.b.c ",
        ] {
            check(&[value.as_bytes()], Ok("a.b.c"));
        }
        check(&[], Err(AuthError::HeaderMissing));
        for value in [
            "",
            " ",
            "Bearer",
            "Bearer ",
            "Basic dTpw",
            "a.b.c",
            "Bearera.b.c",
            "Bearer\ta.b.c",
            "Token a.b.c",
        ] {
            check(&[value.as_bytes()], Err(TokenError::NotBearer.into()));
        }
        check(&[b"Bearer \xff"], Err(TokenError::NotBearer.into()));
        check(
            &[b"Bearer a.b.c", b"Bearer a.b.c"],
            Err(TokenError::SeveralTokens.into()),
        );
    }
}
