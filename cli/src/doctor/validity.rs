//! What is wrong with a token, by the rules of `docs/api.md`. The API says only that it is invalid.

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::keys::KeySet;
use super::report::Finding;
use super::time::{duration, moment};
use super::token::Token;
use crate::shortened;

/// The difference between clocks that the API tolerates, in seconds.
pub(super) const LEEWAY_SECONDS: f64 = 30.0;
/// The usual lifetime, which is Auth0's default: a day, in seconds.
const USUAL_SECONDS: f64 = 86_400.0;
/// The longest time until a token expires that the API accepts: 30 days, in seconds.
const MAX_SECONDS: f64 = 30.0 * USUAL_SECONDS;

/// What a token should be like.
pub(super) struct Expected<'a> {
    /// The issuer, if it is known.
    pub(super) issuer: Option<&'a str>,
    pub(super) audience: &'a str,
    /// The keys of the token's own issuer.
    pub(super) keys: Option<&'a KeySet>,
    /// The time in seconds since 1970.
    pub(super) now: f64,
}

impl Token<'_> {
    /// What the issuer, the keys and the claims make wrong with it.
    pub(super) fn findings(&self, expected: &Expected<'_>) -> Vec<Finding> {
        if let Some(finding) = self.header_finding() {
            return vec![finding];
        }
        let named = [
            self.issuer_finding(expected.issuer),
            self.audience_finding(expected.audience),
            self.subject_finding(),
            self.expiry_finding(expected.now),
            self.start_finding(expected.now),
            self.lifetime_finding(expected.now),
            expected.keys.and_then(|keys| self.signature_finding(keys)),
        ];
        named.into_iter().flatten().collect()
    }

    fn header_finding(&self) -> Option<Finding> {
        let algorithm = self.header.get("alg").and_then(Value::as_str);
        if algorithm != Some("RS256") {
            let seen = format!(
                "It is signed with {}, and the API accepts RS256 alone.",
                shortened(algorithm.unwrap_or("no algorithm"))
            );
            let remedy = "In Auth0, set the API's signing algorithm to RS256; get a new token.";
            return Some(Finding::new("token-algorithm", seen, remedy));
        }
        let unsupported = ["crit", "b64", "zip", "enc", "cty"]
            .into_iter()
            .find(|member| self.header.contains_key(*member));
        let types = ["JWT", "at+jwt", "application/at+jwt"];
        let is_known = |typ: &Value| {
            typ.as_str()
                .is_some_and(|typ| types.iter().any(|known| typ.eq_ignore_ascii_case(known)))
        };
        let wrong = match self.header.get("typ") {
            Some(typ) if !is_known(typ) => Some("typ"),
            _ => unsupported,
        }?;
        Some(Finding::new(
            "token-header",
            format!("The API does not accept the {wrong} in its header."),
            "Use an access token that Auth0 issued for this API.",
        ))
    }

    fn issuer_finding(&self, expected: Option<&str>) -> Option<Finding> {
        let Some(issuer) = self.issuer() else {
            return Some(claim("iss"));
        };
        let expected = expected.filter(|expected| *expected != issuer)?;
        let slash = if issuer.trim_end_matches('/') == expected.trim_end_matches('/') {
            " They differ in the slash at the end."
        } else {
            ""
        };
        Some(Finding::new(
            "token-issuer",
            format!("Its iss is {}, not {expected}.{slash}", shortened(issuer)),
            "Get the token there, or set Auth0Domain to the domain in iss.",
        ))
    }

    fn audience_finding(&self, expected: &str) -> Option<Finding> {
        let audience = self.audience();
        if self.is_id_token() && !audience.contains(&expected) {
            return Some(Finding::new(
                "token-id-token",
                "It is an ID token: it says who signed in and is for the application.",
                "Send the access_token of the same response, requested with an audience.",
            ));
        }
        if audience.contains(&expected) {
            return None;
        }
        let shown = match audience[..] {
            [] => "missing".to_owned(),
            _ => shortened(&audience.join(", ")),
        };
        Some(Finding::new(
            "token-audience",
            format!("Its aud is {shown}, which is not {}.", shortened(expected)),
            format!("Request the token with audience={}.", shortened(expected)),
        ))
    }

    fn subject_finding(&self) -> Option<Finding> {
        let subject = self.claims.get("sub").and_then(Value::as_str);
        match subject.is_some_and(|subject| !subject.is_empty()) {
            true => None,
            false => Some(claim("sub")),
        }
    }

    fn expiry_finding(&self, now: f64) -> Option<Finding> {
        let Some(expiry) = self.seconds("exp") else {
            return Some(claim("exp"));
        };
        (now >= expiry + LEEWAY_SECONDS).then(|| {
            Finding::new(
                "token-expired",
                format!(
                    "It expired {} ago ({}).",
                    duration(now - expiry),
                    moment(expiry)
                ),
                "Get a new token.",
            )
        })
    }

    fn start_finding(&self, now: f64) -> Option<Finding> {
        let name = ["nbf", "iat"]
            .into_iter()
            .find(|name| match self.claims.get(*name) {
                None => false,
                Some(value) => value
                    .as_f64()
                    .is_none_or(|start| start > now + LEEWAY_SECONDS),
            })?;
        let Some(start) = self.seconds(name) else {
            return Some(claim(name));
        };
        Some(Finding::new(
            "token-not-yet-valid",
            format!("By its {name}, it is valid from {} on.", moment(start)),
            "Set the clocks of the issuer and of the API's machine.",
        ))
    }

    fn lifetime_finding(&self, now: f64) -> Option<Finding> {
        let expiry = self.seconds("exp")?;
        let begin = self.seconds("iat").unwrap_or(now);
        let remedy = "In Auth0, lower the API's Token Expiration to 86400 seconds.";
        if expiry > now + MAX_SECONDS + LEEWAY_SECONDS {
            let seen = format!(
                "It expires in {}; the API accepts 30 days at most.",
                duration(expiry - now)
            );
            return Some(Finding::new("token-lifetime-rejected", seen, remedy));
        }
        (expiry - begin > USUAL_SECONDS + LEEWAY_SECONDS).then(|| {
            let seen = format!(
                "It is valid for {}, and a stolen one for as long; a day is usual.",
                duration(expiry - begin)
            );
            Finding::new("token-lifetime-long", seen, remedy)
        })
    }

    fn signature_finding(&self, keys: &KeySet) -> Option<Finding> {
        let kid = self
            .header
            .get("kid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (shown, remedy) = (shortened(kid), "Get a new token of this issuer.");
        let unknown = |seen: String| Some(Finding::new("token-key-unknown", seen, remedy));
        match keys.get(kid) {
            None if kid.is_empty() => unknown("Its header names no key (kid).".into()),
            None => unknown(format!("Its issuer publishes no key {shown} (kid).")),
            Some(Err(why)) => unknown(format!("Its key {shown} is not used: {}.", why.0)),
            Some(Ok(key)) => {
                let signed = self.signed.as_bytes();
                let verified =
                    jsonwebtoken::crypto::verify(self.signature, signed, key, Algorithm::RS256);
                (!verified.unwrap_or(false)).then(|| {
                    let seen = format!("The issuer's key {shown} does not verify its signature.");
                    let remedy = "Copy the token again; if it is whole, it is forged.";
                    Finding::new("token-signature", seen, remedy)
                })
            }
        }
    }
}

/// The finding about a claim that is missing, or of another type.
fn claim(name: &str) -> Finding {
    Finding::new(
        "token-claims",
        format!("The claim {name} is missing or malformed."),
        "Use an access token that Auth0 issued for this API.",
    )
}
