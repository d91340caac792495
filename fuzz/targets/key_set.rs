//! Every key that is read from a document is in that document, strong enough for RS256 and usable.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use shared::fuzzing;

/// The header and claims of a well-formed token; the test adds a signature that no key has made.
const HEAD_AND_CLAIMS: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30";

fn bits(number: &[u8]) -> usize {
    number.len() * 8 - number[0].leading_zeros() as usize
}

/// The ids of the document's RSA keys, as another parser reads them.
fn ids(document: &[u8]) -> Vec<String> {
    let document: HashMap<String, &RawValue> = serde_json::from_slice(document).unwrap();
    let keys: Vec<&RawValue> = serde_json::from_str(document["keys"].get()).unwrap();
    let keys = keys.iter().filter_map(|key| fuzz::members(key.get().as_bytes()));
    keys.filter(|key| key.get("kty").is_some_and(|kty| kty == "RSA"))
        .filter_map(|key| Some(key.get("kid")?.as_str()?.to_owned()))
        .collect()
}

fuzz_target!(|document: &[u8]| {
    let Some(keys) = fuzzing::key_set(document) else { return };
    for key in &keys {
        assert!((2048..=8192).contains(&bits(&key.modulus)) && key.modulus.last().unwrap() % 2 == 1);
        assert!((17..=33).contains(&bits(&key.exponent)) && key.exponent.last().unwrap() % 2 == 1);
        assert!(!key.kid.is_empty() && ids(document).contains(&key.kid), "{}", key.kid);
        let token = format!("{HEAD_AND_CLAIMS}.{}", "A".repeat((key.modulus.len() * 4).div_ceil(3)));
        assert!(!fuzzing::token(&token).unwrap().is_signed_by(key));
    }
});
