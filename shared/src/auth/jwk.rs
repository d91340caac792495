//! Reads the issuer's key document (RFC 7517) and selects the RSA keys that may verify RS256.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The keys by id.
pub(super) type Keys = HashMap<String, Arc<DecodingKey>>;

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    n: String,
    e: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

/// The usable keys of a document, or `None` if it is not a key set. Malformed keys and keys for
/// other purposes are skipped. If two usable keys have the same id, the first one counts.
pub(super) fn read(document: &[u8]) -> Option<Keys> {
    let mut document: HashMap<String, &RawValue> = serde_json::from_slice(document).ok()?;
    let members: Vec<&RawValue> = serde_json::from_str(document.remove("keys")?.get()).ok()?;
    let mut keys = Keys::new();
    // A derived `Deserialize` also accepts an array, with its elements in the order of the fields.
    for jwk in members.into_iter().filter(|jwk| jwk.get().starts_with('{')) {
        if let Some((kid, key)) = serde_json::from_str::<Jwk>(jwk.get()).ok().and_then(usable) {
            keys.entry(kid).or_insert(Arc::new(key));
        }
    }
    Some(keys)
}

/// The key and its id, if the key is meant for RS256 signatures and strong enough: an odd modulus
/// of 2048 to 8192 bits, and an exponent that [`is_accepted_exponent`] accepts.
fn usable(jwk: Jwk) -> Option<(String, DecodingKey)> {
    let meant = jwk.kty == "RSA"
        && !jwk.kid.is_empty()
        && jwk.alg.is_none_or(|alg| alg == "RS256")
        && jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk
            .key_ops
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    let (modulus, exponent) = (number(&jwk.n)?, number(&jwk.e)?);
    let strong = (2048..=8192).contains(&bits(&modulus))
        && is_odd(&modulus)
        && is_accepted_exponent(&exponent);
    (meant && strong).then(|| {
        (
            jwk.kid,
            DecodingKey::from_rsa_raw_components(&modulus, &exponent),
        )
    })
}

/// Decodes a Base64urlUInt (RFC 7518, section 2) and drops the leading zeros that some issuers
/// write.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

fn bits(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1)
}

/// Whether an exponent is odd, at least 65537 (NIST SP 800-56B, section 6.2) and at most 33 bits
/// long, which keeps verification fast.
fn is_accepted_exponent(exponent: &[u8]) -> bool {
    is_odd(exponent) && (17..=33).contains(&bits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::DecodingKeyKind;
    use serde_json::{Value, json};

    fn jwk(change: &Value) -> Value {
        let mut jwk = json!({"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": modulus(256), "e": "AQAB"});
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(jwk.as_object_mut().unwrap().remove(name)),
                value => jwk[name] = value.clone(),
            }
        }
        jwk
    }

    fn modulus(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0xff; bytes])
    }

    fn ids(keys: Vec<Value>) -> Vec<String> {
        let mut ids: Vec<_> = read(json!({ "keys": keys }).to_string().as_bytes())
            .unwrap()
            .into_keys()
            .collect();
        ids.sort();
        ids
    }

    #[test]
    fn only_strong_rs256_signing_keys_are_accepted() {
        let zeros = URL_SAFE_NO_PAD.encode([&[0_u8][..], &[0xff; 256]].concat());
        let taken = [
            json!({}),
            json!({"use": null}),
            json!({"alg": null}),
            json!({"key_ops": ["verify"]}),
            json!({"key_ops": ["encrypt", "verify"]}),
            json!({"n": modulus(512)}),
            json!({"n": modulus(1024)}),
            json!({"n": zeros}),
            json!({"x5c": ["x"], "other": {"deep": []}}),
        ];
        for change in taken {
            assert_eq!(ids(vec![jwk(&change)]), ["k"], "{change}");
        }
        let even = URL_SAFE_NO_PAD.encode([vec![0xff; 255], vec![0xfe]].concat());
        let refused = [
            json!({"kty": "EC"}),
            json!({"kty": "oct"}),
            json!({"kty": null}),
            json!({"kid": null}),
            json!({"kid": ""}),
            json!({"kid": 1}),
            json!({"use": "enc"}),
            json!({"use": "SIG"}),
            json!({"alg": "RS512"}),
            json!({"alg": "HS256"}),
            json!({"alg": 1}),
            json!({"key_ops": []}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": "verify"}),
            json!({"n": null}),
            json!({"n": ""}),
            json!({"n": modulus(255)}),
            json!({"n": modulus(1025)}),
            json!({"n": even}),
            json!({"n": "!"}),
            json!({"n": format!("{}=", modulus(256))}),
            json!({"e": null}),
            json!({"e": ""}),
            json!({"e": "AQ"}),
            json!({"e": "Aw"}),
            json!({"e": "AQAA"}),
            json!({"e": "AA"}),
            json!({"e": modulus(256)}),
        ];
        for change in refused {
            assert!(ids(vec![jwk(&change)]).is_empty(), "{change}");
        }
    }

    #[test]
    fn unusable_entries_in_a_key_set_are_skipped() {
        let keys = vec![
            json!(1),
            json!(null),
            json!([]),
            jwk(&json!({})),
            jwk(&json!({"kid": "j"})),
            jwk(&json!({"use": "enc", "kid": "j"})),
        ];
        assert_eq!(ids(keys), ["j", "k"]);
    }

    #[test]
    fn the_first_of_two_keys_with_the_same_id_is_used() {
        let document =
            json!({"keys": [jwk(&json!({"n": modulus(256)})), jwk(&json!({"n": modulus(512)}))]})
                .to_string();
        let keys = read(document.as_bytes()).unwrap();
        let DecodingKeyKind::RsaModulusExponent { n, .. } = keys["k"].kind() else {
            panic!("not an RSA key")
        };
        assert_eq!((keys.len(), n.len()), (1, 256));
    }

    #[test]
    fn a_document_without_a_keys_array_is_not_a_key_set() {
        for text in [
            "",
            "{}",
            "[]",
            "[[]]",
            "null",
            r#"{"keys": {}}"#,
            r#"{"keys": null}"#,
            "<html>",
            r#"{"keys": []"#,
        ] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
        let deep = format!(
            r#"{{"keys": [{}{}]}}"#,
            "[".repeat(50_000),
            "]".repeat(50_000)
        );
        assert!(read(deep.as_bytes()).unwrap().is_empty());
    }
}
