//! The issuer's key set (RFC 7517), and which of its keys the API uses.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

/// The keys by id.
pub(super) struct KeySet(HashMap<String, Result<DecodingKey, Unusable>>);

/// Why the API does not use a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unusable(pub(super) &'static str);

impl KeySet {
    /// Reads the document; `None` if it is not a key set. Keys without an id are left out: no token
    /// can name them.
    pub(super) fn read(document: &Value) -> Option<Self> {
        let mut keys = HashMap::new();
        for jwk in document["keys"].as_array()? {
            if let Some(kid) = jwk["kid"].as_str().filter(|kid| !kid.is_empty()) {
                // Of two keys with the same id, the API takes the first that is usable.
                let key = usable(jwk);
                let known = keys.entry(kid.to_owned()).or_insert(Err(Unusable("")));
                if known.is_err() {
                    *known = key;
                }
            }
        }
        Some(Self(keys))
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Result<DecodingKey, Unusable>> {
        self.0.get(kid)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn usable(&self) -> usize {
        self.0.values().filter(|key| key.is_ok()).count()
    }

    /// A reason for which a key is unusable, if there is one.
    pub(super) fn a_reason(&self) -> Option<&'static str> {
        self.0.values().find_map(|key| Some(key.as_ref().err()?.0))
    }
}

/// The key, if the API would verify RS256 signatures with it.
fn usable(jwk: &Value) -> Result<DecodingKey, Unusable> {
    if jwk["kty"] != "RSA" {
        return Err(Unusable("it is not an RSA key"));
    }
    if !is_absent_or(&jwk["alg"], "RS256") {
        return Err(Unusable("it is for another algorithm than RS256"));
    }
    if !is_absent_or(&jwk["use"], "sig") || !may_verify(&jwk["key_ops"]) {
        return Err(Unusable("it is not for signatures"));
    }
    let (Some(modulus), Some(exponent)) = (number(&jwk["n"]), number(&jwk["e"])) else {
        return Err(Unusable("its numbers are malformed"));
    };
    if !(2048..=8192).contains(&bits(&modulus)) || !is_odd(&modulus) {
        return Err(Unusable("its modulus does not have 2048 to 8192 bits"));
    }
    if !(17..=33).contains(&bits(&exponent)) || !is_odd(&exponent) {
        return Err(Unusable("its exponent is not accepted"));
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn is_absent_or(value: &Value, expected: &str) -> bool {
    value.is_null() || value == expected
}

fn may_verify(operations: &Value) -> bool {
    let verify = |operations: &Vec<Value>| operations.iter().any(|one| one == "verify");
    operations.is_null() || operations.as_array().is_some_and(verify)
}

/// Decodes a Base64urlUInt (RFC 7518, section 2), without its leading zeros.
fn number(value: &Value) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwk(name: &str, value: &Value) -> Value {
        let modulus = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let mut jwk = json!({"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256"});
        (jwk["n"], jwk["e"]) = (json!(modulus), json!("AQAB"));
        jwk[name] = value.clone();
        jwk
    }

    #[test]
    fn a_key_that_the_api_does_not_use_has_a_reason() {
        let check = |name: &str, value: Value, expected: Option<&'static str>| {
            let reason = usable(&jwk(name, &value)).err();
            assert_eq!(reason, expected.map(Unusable), "{name}: {value}");
        };
        check("kid", json!("k"), None);
        check("alg", json!(null), None);
        check("use", json!(null), None);
        check("key_ops", json!(["verify"]), None);
        check("kty", json!("EC"), Some("it is not an RSA key"));
        let algorithm = Some("it is for another algorithm than RS256");
        check("alg", json!("RS512"), algorithm);
        check("use", json!("enc"), Some("it is not for signatures"));
        check("key_ops", json!(["sign"]), Some("it is not for signatures"));
        check("n", json!("!"), Some("its numbers are malformed"));
        let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
        let bits = Some("its modulus does not have 2048 to 8192 bits");
        check("n", json!(short), bits);
        check("e", json!("Aw"), Some("its exponent is not accepted"));
    }

    #[test]
    fn a_key_set_keeps_unusable_keys_apart() {
        let keys = json!({"keys": [jwk("kty", &json!("EC")), jwk("kid", &json!("j")), 1, {}]});
        let keys = KeySet::read(&keys).unwrap();
        assert_eq!((keys.len(), keys.usable()), (2, 1));
        assert_eq!(keys.a_reason(), Some("it is not an RSA key"));
        assert!(keys.get("j").unwrap().is_ok() && keys.get("x").is_none());
        let first = json!({"keys": [jwk("kty", &json!("EC")), jwk("kid", &json!("k"))]});
        assert!(KeySet::read(&first).unwrap().get("k").unwrap().is_ok());
        assert!(KeySet::read(&json!({"keys": {}})).is_none());
        assert!(KeySet::read(&json!(null)).is_none());
    }
}
