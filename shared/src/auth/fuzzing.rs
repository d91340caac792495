//! Tokens and key sets for the fuzz targets.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::jwk;
use super::token::{Claims, Token, TokenError};

/// A token that was taken apart.
pub struct Signed<'a>(Token<'a>);

/// A key that may verify RS256.
pub struct Key {
    /// Its id.
    pub kid: String,
    /// Its modulus, big-endian.
    pub modulus: Vec<u8>,
    /// Its exponent, big-endian.
    pub exponent: Vec<u8>,
    key: Arc<DecodingKey>,
}

/// Takes a token apart.
///
/// # Errors
/// [`TokenError`], as for a token that a request carries.
pub fn token(text: &str) -> Result<Signed<'_>, TokenError> {
    Token::parse(text).map(Signed)
}

/// Reads a key document; none if it is no key set.
pub fn key_set(document: &[u8]) -> Option<Vec<Key>> {
    let keys = jwk::read(document)?.into_iter().map(|(kid, key)| {
        let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
            unreachable!("a key set holds RSA keys alone")
        };
        Key { kid, modulus: n.clone(), exponent: e.clone(), key }
    });
    Some(keys.collect())
}

impl Signed<'_> {
    /// The id of the key that the token asks for.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The claims, judged for an issuer, an API and a time in seconds since 1970.
    ///
    /// # Errors
    /// [`TokenError`], as for a token that a request carries.
    pub fn claims(&self, issuer: &str, audience: &str, now: f64) -> Result<Claims, TokenError> {
        self.0.claims(issuer, audience, now)
    }

    /// Whether the token carries the key's signature.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        self.0.is_signed_by(&key.key)
    }
}
