//! One RS256 verification per request, with a known key.

use std::env;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::Error;

/// Verifies tokens with the key in the environment: `FLOOR_MODULUS` and `FLOOR_EXPONENT`, as in a
/// JWK.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    #[expect(dead_code, reason = "it is only parsed")]
    permissions: Vec<String>,
}

impl Verifier {
    /// Reads the key and the audience.
    ///
    /// # Errors
    /// If a setting is missing or is no key.
    pub fn from_env() -> Result<Self, Error> {
        let key = DecodingKey::from_rsa_components(
            &env::var("FLOOR_MODULUS")?,
            &env::var("FLOOR_EXPONENT")?,
        )?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[env::var("API_AUDIENCE")?]);
        Ok(Self { key, validation })
    }

    /// Verifies the token in an `authorization` header.
    ///
    /// # Errors
    /// If there is no valid token in it.
    pub fn verify(&self, authorization: Option<&str>) -> Result<(), Error> {
        let token = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or("no token")?;
        jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)?;
        Ok(())
    }
}
