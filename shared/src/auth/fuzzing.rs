//! Tokens and key sets for the fuzz targets.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::jwk;
use super::token::{Claims, Token, TokenError};

/// A parsed token. Its signature is not checked yet.
pub struct UnverifiedToken<'a>(Token<'a>);

/// An RSA key that may verify RS256 signatures.
pub struct Key {
    /// The key's id (`kid`).
    pub kid: String,
    /// The modulus, big-endian.
    pub modulus: Vec<u8>,
    /// The exponent, big-endian.
    pub exponent: Vec<u8>,
    key: Arc<DecodingKey>,
}

/// Parses a token.
///
/// # Errors
/// [`TokenError`], as for the token of a request.
pub fn token(text: &str) -> Result<UnverifiedToken<'_>, TokenError> {
    Token::parse(text).map(UnverifiedToken)
}

/// Reads a key document. Returns `None` if it is not a key set.
pub fn key_set(document: &[u8]) -> Option<Vec<Key>> {
    let keys = jwk::read(document)?.into_iter().map(|(kid, key)| {
        let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
            unreachable!("a key set holds only RSA keys")
        };
        Key {
            kid,
            modulus: n.clone(),
            exponent: e.clone(),
            key,
        }
    });
    Some(keys.collect())
}

impl UnverifiedToken<'_> {
    /// The `kid` of the token's header.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The claims, validated for an issuer, an audience (the API) and a time (`now`, in seconds
    /// since 1970).
    ///
    /// # Errors
    /// [`TokenError`], as for the token of a request.
    pub fn claims(&self, issuer: &str, audience: &str, now: f64) -> Result<Claims, TokenError> {
        self.0.claims(issuer, audience, now)
    }

    /// Whether the key verifies the token's signature.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        self.0.is_signed_by(&key.key)
    }
}
