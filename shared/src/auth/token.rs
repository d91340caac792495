//! Parses an access token and validates its header and claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::json;
use crate::permission::Permissions;

/// The maximum length of a token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The maximum difference between the issuer's clock and ours, in seconds.
const LEEWAY_SECONDS: f64 = 30.0;
/// The maximum time until a token expires, in seconds: Auth0 issues access tokens for at most 30
/// days.
const MAX_LIFETIME_SECONDS: f64 = 30.0 * 86_400.0;

/// Why a token is rejected. Clients see one message for all of these; the log has the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The `Authorization` header has another scheme, or no token.
    #[error("no bearer token")]
    NotBearer,
    /// More than one `Authorization` header was sent.
    #[error("several authorization headers")]
    SeveralTokens,
    /// The token is longer than 8 KiB, or is not three segments of canonical base64url.
    #[error("not three segments of base64url")]
    Shape,
    /// The token's header is not a JSON object, or asks for something that is not supported.
    #[error("header: {0}")]
    Header(&'static str),
    /// The claims are not a JSON object, or a claim is missing, malformed or not accepted.
    #[error("claim: {0}")]
    Claim(&'static str),
    /// The issuer has published no usable key with this id.
    #[error("unknown key")]
    UnknownKey,
    /// The key does not verify the signature.
    #[error("signature")]
    Signature,
}

/// What a token says about its bearer.
#[derive(Debug, PartialEq)]
pub struct Claims {
    /// The bearer's id at the issuer (`sub`).
    pub subject: String,
    pub(crate) permissions: Permissions,
    /// When the token expires (`exp`), in seconds since 1970.
    pub(super) expiry: f64,
}

/// A parsed token. Its signature is not checked yet.
pub(super) struct Token<'a> {
    pub(super) kid: String,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Shape);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Shape)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Shape)?;
        let (header, claims) = (decode(header)?, decode(claims)?);
        decode(signature)?;
        let header = json::object(&header).ok_or(TokenError::Header("no JSON object"))?;
        let kid = key_id(&header)?;
        let claims = json::object(&claims).ok_or(TokenError::Claim("no JSON object"))?;
        Ok(Self {
            kid,
            claims,
            signed,
            signature,
        })
    }

    /// The claims, if they are from this issuer, for this API (`audience`) and valid at `now` (in
    /// seconds since 1970).
    pub(super) fn claims(
        &self,
        issuer: &str,
        audience: &str,
        now: f64,
    ) -> Result<Claims, TokenError> {
        if self.text("iss") != Some(issuer) {
            return Err(TokenError::Claim("iss"));
        }
        if !is_for(self.claims.get("aud"), audience) {
            return Err(TokenError::Claim("aud"));
        }
        let expiry = self
            .claims
            .get("exp")
            .and_then(Value::as_f64)
            .ok_or(TokenError::Claim("exp"))?;
        if now >= expiry + LEEWAY_SECONDS {
            return Err(TokenError::Claim("exp has passed"));
        }
        if expiry > now + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS {
            return Err(TokenError::Claim("exp is too far ahead"));
        }
        self.not_in_the_future("nbf", now)?;
        self.not_in_the_future("iat", now)?;
        let subject = self
            .text("sub")
            .filter(|subject| !subject.is_empty())
            .ok_or(TokenError::Claim("sub"))?;
        Ok(Claims {
            subject: subject.to_owned(),
            permissions: permissions(self.claims.get("permissions")),
            expiry,
        })
    }

    /// Whether the key verifies the token's RS256 signature (RFC 7518, section 3.3).
    pub(super) fn is_signed_by(&self, key: &DecodingKey) -> bool {
        jsonwebtoken::crypto::verify(
            self.signature,
            self.signed.as_bytes(),
            key,
            Algorithm::RS256,
        )
        .unwrap_or(false)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    fn not_in_the_future(&self, claim: &'static str, now: f64) -> Result<(), TokenError> {
        match self.claims.get(claim) {
            None => Ok(()),
            Some(Value::Number(time))
                if time
                    .as_f64()
                    .is_some_and(|time| time <= now + LEEWAY_SECONDS) =>
            {
                Ok(())
            }
            Some(_) => Err(TokenError::Claim(claim)),
        }
    }
}

/// Decodes a segment. It must not be empty, and must be canonical base64url without padding (RFC
/// 7515, section 2).
fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .ok()
        .filter(|bytes| !bytes.is_empty())
        .ok_or(TokenError::Shape)
}

/// The key id of a header that asks for RS256 and for nothing that is not supported. Keys that a
/// header contains or references (`jwk`, `jku`, `x5u`, `x5c`, `x5t`) are ignored and never fetched.
fn key_id(header: &Map<String, Value>) -> Result<String, TokenError> {
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(TokenError::Header("alg"));
    }
    for extension in ["crit", "b64", "zip", "enc", "cty"] {
        if header.contains_key(extension) {
            return Err(TokenError::Header(extension));
        }
    }
    if !header.get("typ").is_none_or(is_access_token_type) {
        return Err(TokenError::Header("typ"));
    }
    let kid = header
        .get("kid")
        .and_then(Value::as_str)
        .filter(|kid| !kid.is_empty());
    kid.map(str::to_owned).ok_or(TokenError::Header("kid"))
}

/// Whether `typ` belongs to one of Auth0's two access-token profiles. Media types are compared
/// case-insensitively (RFC 7515, section 4.1.9).
fn is_access_token_type(typ: &Value) -> bool {
    let known = ["JWT", "at+jwt", "application/at+jwt"];
    typ.as_str()
        .is_some_and(|typ| known.iter().any(|known| typ.eq_ignore_ascii_case(known)))
}

/// Whether `aud` is the API identifier, or an array of strings that contains it.
fn is_for(audiences: Option<&Value>, audience: &str) -> bool {
    match audiences {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(several)) => {
            several.iter().all(Value::is_string)
                && several.iter().any(|one| one.as_str() == Some(audience))
        }
        _ => false,
    }
}

/// The permissions that the `permissions` claim grants. Anything but an array of strings grants
/// none. `scope` and roles grant nothing.
fn permissions(claim: Option<&Value>) -> Permissions {
    let strings = claim.and_then(Value::as_array);
    let strings =
        strings.and_then(|array| array.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    Permissions::named(strings.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: f64 = 1_800_000_000.0;

    fn token(header: &str, claims: &str) -> String {
        format!(
            "{}.{}.c2ln",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        )
    }

    fn header(change: Value) -> Result<String, TokenError> {
        let header = merged(json!({"alg": "RS256", "typ": "JWT", "kid": "k"}), change);
        Token::parse(&token(&header, "{}")).map(|token| token.kid)
    }

    fn claims(change: Value) -> Result<Claims, TokenError> {
        let claims = merged(
            json!({
                "iss": "https://i/", "sub": "auth0|1", "aud": "api", "iat": NOW, "exp": NOW + 60.0, "permissions": ["get:actors"],
            }),
            change,
        );
        let token = token(r#"{"alg":"RS256","kid":"k"}"#, &claims);
        Token::parse(&token)?.claims("https://i/", "api", NOW)
    }

    /// `base` with the members of `change` set, or removed where they are null.
    fn merged(mut base: Value, change: Value) -> String {
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
                value => base[name] = value.clone(),
            }
        }
        base.to_string()
    }

    #[test]
    fn a_malformed_token_is_rejected() {
        let good = token(r#"{"alg":"RS256","kid":"k"}"#, "{}");
        assert!(Token::parse(&good).is_ok());
        let (head, rest) = good.split_once('.').unwrap();
        let refused = [
            String::new(),
            ".".into(),
            "..".into(),
            "a.b".into(),
            head.into(),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.e30"),
            format!("{good}.e30.e30"),
            format!("{head}..{rest}"),
            format!("{head}=.{rest}"),
            format!("{good}="),
            format!("{head}.e30."),
            format!("{head}.e31.c2ln"),
            format!("{head}. e30.c2ln"),
            format!("{head}.e30.c2l+"),
            format!("{head}.e30.c2l/"),
            format!("{head}.e30.c2ln\n"),
            format!("{head}.e30.{}", "A".repeat(MAX_TOKEN_BYTES)),
            format!("{head}.é30.c2ln"),
            format!("{head}.e30.c2ln,{good}"),
        ];
        for token in refused {
            assert_eq!(
                Token::parse(&token).err(),
                Some(TokenError::Shape),
                "{token}"
            );
        }
        for head in [
            "[]",
            "1",
            "{}{}",
            "{\"alg\":\"RS256\",\"kid\":\"k\",\"kid\":\"j\"}",
            "\u{feff}{}",
            " ",
        ] {
            assert_eq!(
                Token::parse(&token(head, "{}")).err(),
                Some(TokenError::Header("no JSON object")),
                "{head}"
            );
        }
        for claims in [
            "[]",
            "\"x\"",
            "{} {}",
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"exp":1e999}"#,
        ] {
            let token = token(r#"{"alg":"RS256","kid":"k"}"#, claims);
            assert_eq!(
                Token::parse(&token).err(),
                Some(TokenError::Claim("no JSON object")),
                "{claims}"
            );
        }
    }

    #[test]
    fn a_token_header_must_have_rs256_a_key_id_and_no_unsupported_member() {
        let taken = [
            json!({}),
            json!({"typ": null}),
            json!({"typ": "at+jwt"}),
            json!({"typ": "application/at+jwt"}),
            json!({"typ": "jwt"}),
            json!({"typ": "AT+jwt"}),
            json!({"typ": "Application/AT+JWT"}),
            json!({"jwk": {"kty": "RSA"}, "jku": "http://evil/", "x5u": "http://evil/", "x5c": ["x"], "x5t": "x"}),
        ];
        for change in taken {
            assert_eq!(header(change.clone()).as_deref(), Ok("k"), "{change}");
        }
        let refused = [
            ("alg", json!({"alg": null})),
            ("alg", json!({"alg": "none"})),
            ("alg", json!({"alg": "HS256"})),
            ("alg", json!({"alg": "RS384"})),
            ("alg", json!({"alg": "PS256"})),
            ("alg", json!({"alg": "rs256"})),
            ("alg", json!({"alg": ["RS256"]})),
            ("alg", json!({"alg": ""})),
            ("kid", json!({"kid": null})),
            ("kid", json!({"kid": ""})),
            ("kid", json!({"kid": 1})),
            ("kid", json!({"kid": ["k"]})),
            ("typ", json!({"typ": "JWE"})),
            ("typ", json!({"typ": "id+jwt"})),
            ("typ", json!({"typ": ""})),
            ("typ", json!({"typ": 1})),
            ("crit", json!({"crit": ["exp"]})),
            ("crit", json!({"crit": []})),
            ("b64", json!({"b64": false})),
            ("b64", json!({"b64": true})),
            ("zip", json!({"zip": "DEF"})),
            ("enc", json!({"enc": "A256GCM"})),
            ("cty", json!({"cty": "JWT"})),
        ];
        for (reason, change) in refused {
            assert_eq!(
                header(change.clone()),
                Err(TokenError::Header(reason)),
                "{change}"
            );
        }
    }

    #[test]
    fn claims_must_have_the_right_issuer_audience_times_and_a_subject() {
        let taken = [
            json!({}),
            json!({"aud": ["other", "api"]}),
            json!({"iat": null}),
            json!({"nbf": NOW}),
            json!({"nbf": NOW + 30.0}),
            json!({"iat": NOW + 30.0}),
            json!({"exp": NOW - 29.5}),
            json!({"exp": NOW + 0.5}),
            json!({"exp": NOW + 2_592_000.0}),
            json!({"nbf": -1}),
            json!({"nbf": 0}),
        ];
        for change in taken {
            assert!(claims(change.clone()).is_ok(), "{change}");
        }
        let refused = [
            json!({"iss": null}),
            json!({"iss": "https://i"}),
            json!({"iss": "https://i//"}),
            json!({"iss": ["https://i/"]}),
            json!({"iss": "HTTPS://I/"}),
            json!({"aud": null}),
            json!({"aud": "API"}),
            json!({"aud": []}),
            json!({"aud": ["other"]}),
            json!({"aud": ["api", 1]}),
            json!({"aud": {"api": 1}}),
            json!({"aud": "api "}),
            json!({"aud": [["api"]]}),
            json!({"exp": null}),
            json!({"exp": (NOW + 60.0).to_string()}),
            json!({"exp": NOW - 30.0}),
            json!({"exp": 0}),
            json!({"exp": -1}),
            json!({"exp": true}),
            json!({"exp": NOW + 2_592_031.0}),
            json!({"exp": u64::MAX}),
            json!({"exp": i64::MIN}),
            json!({"exp": 1e300}),
            json!({"exp": -1e300}),
            json!({"exp": [NOW]}),
            json!({"nbf": NOW + 31.0}),
            json!({"nbf": "0"}),
            json!({"nbf": u64::MAX}),
            json!({"nbf": false}),
            json!({"iat": NOW + 31.0}),
            json!({"iat": "now"}),
            json!({"iat": 1e300}),
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": 1}),
            json!({"sub": ["auth0|1"]}),
        ];
        for change in refused {
            assert!(
                matches!(claims(change.clone()), Err(TokenError::Claim(_))),
                "{change}"
            );
        }
    }

    #[test]
    fn only_a_permissions_claim_with_an_array_of_strings_grants_permissions() {
        assert_eq!(
            claims(json!({})).unwrap().permissions,
            Permissions::named(["get:actors"])
        );
        for nothing in [
            json!(null),
            json!("get:actors"),
            json!({"get:actors": true}),
            json!(["get:actors", 1]),
            json!([["get:actors"]]),
            json!([]),
        ] {
            let change =
                json!({"permissions": nothing, "scope": "get:actors", "roles": ["get:actors"]});
            assert_eq!(
                claims(change.clone()).unwrap().permissions,
                Permissions::default(),
                "{change}"
            );
        }
    }
}
