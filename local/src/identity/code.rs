//! Authorization codes, bound to their client by PKCE (RFC 7636).

use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::signed_in::SignedIn;

/// A code challenge of the method S256: the SHA-256 of the client's secret verifier.
pub(super) struct Challenge([u8; 32]);

impl FromStr for Challenge {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let hash = URL_SAFE_NO_PAD.decode(text).map_err(drop)?;
        hash.try_into().map(Self).map_err(drop)
    }
}

/// What a code stands for.
pub(super) struct Code {
    pub(super) signed_in: SignedIn,
    pub(super) redirect_uri: String,
    pub(super) challenge: Challenge,
}

impl Code {
    /// Whether the client that requests the exchange is the one that the code was issued to.
    pub(super) fn is_for(&self, client_id: &str, redirect_uri: &str, verifier: &str) -> bool {
        let hash = digest(&SHA256, verifier.as_bytes());
        self.signed_in.client_id == client_id
            && self.redirect_uri == redirect_uri
            && verify_slices_are_equal(&self.challenge.0, hash.as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_a_sha_256_in_base64url() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(challenge.parse::<Challenge>().is_ok());
        for text in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cMAA",
        ] {
            assert!(text.parse::<Challenge>().is_err(), "{text}");
        }
    }
}
