//! A token that parses is three canonical segments that ask for RS256, and no forged signature
//! verifies.
//!
//! Each input is tried twice: as a whole token, and as decoded header, claims and signature on
//! separate lines, so that the fuzzer can see through base64.

#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use shared::fuzzing::{self, Key};

/// 2027-01-15, fixed so that the claims in the corpus stay valid.
const NOW: f64 = 1_800_000_000.0;

/// A key that has signed nothing.
static KEY: LazyLock<Key> = LazyLock::new(|| {
    let modulus = URL_SAFE_NO_PAD.encode([0xff; 256]);
    let document = json!({"keys": [{"kty": "RSA", "kid": "k", "n": modulus, "e": "AQAB"}]}).to_string();
    fuzzing::key_set(document.as_bytes()).unwrap().remove(0)
});

fn check(token: &str) {
    let Ok(signed) = fuzzing::token(token) else { return };
    let segments: Vec<_> = token.split('.').collect();
    assert!(segments.len() == 3 && token.len() <= 8192);
    let decoded = segments.iter().map(|segment| {
        let bytes = URL_SAFE_NO_PAD.decode(segment).unwrap();
        assert!(!bytes.is_empty() && URL_SAFE_NO_PAD.encode(&bytes) == **segment);
        bytes
    });
    let decoded: Vec<_> = decoded.collect();
    let header = fuzz::members(&decoded[0]).unwrap();
    let claims = json!(fuzz::members(&decoded[1]).unwrap());
    assert!(header["alg"] == "RS256" && header["kid"] == signed.kid() && !signed.kid().is_empty());
    assert!(["crit", "b64", "zip", "enc", "cty"].iter().all(|extension| !header.contains_key(*extension)));
    if let Ok(judged) = signed.claims("https://i/", "api", NOW) {
        assert_eq!((&claims["iss"], claims["sub"].as_str()), (&json!("https://i/"), Some(judged.subject.as_str())));
        assert!(claims["aud"] == "api" || claims["aud"].as_array().unwrap().contains(&json!("api")));
        let within = |claim: &str, span: std::ops::Range<f64>| span.contains(&claims[claim].as_f64().unwrap_or(NOW));
        assert!(claims["exp"].is_number() && within("exp", NOW - 30.0..NOW + 2_592_031.0));
        assert!(within("nbf", f64::MIN..NOW + 31.0) && within("iat", f64::MIN..NOW + 31.0));
    }
    assert!(!signed.is_signed_by(&KEY));
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
    let segments: Vec<_> = data.split(|byte| *byte == b'\n').map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
    check(&segments.join("."));
});
