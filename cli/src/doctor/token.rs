//! The access token: parses it, and says what it contains.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::permissions;
use super::report::Finding;
use super::time::rfc_3339;
use crate::{escaped, shortened};

/// The longest token that the API accepts, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// The claims of a profile, which Auth0 puts into ID tokens and not into access tokens.
const PROFILE: [&str; 8] = [
    "nonce", "at_hash", "c_hash", "email", "name", "nickname", "picture", "sid",
];

/// A signed token (RFC 7515), which is not verified yet.
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
}

/// The token that was given.
pub(super) enum Given<'a> {
    Token(Token<'a>),
    /// It cannot be parsed.
    Unreadable(Finding),
    /// There is none, and why.
    Missing(&'a str),
}

impl<'a> Given<'a> {
    /// Parses the token, or keeps the reason for which there is none.
    pub(super) fn parse(token: &'a Result<String, String>) -> Self {
        match token.as_ref().map(|token| Token::parse(token.trim())) {
            Ok(Ok(token)) => Self::Token(token),
            Ok(Err(finding)) => Self::Unreadable(finding),
            Err(why) => Self::Missing(why),
        }
    }

    pub(super) fn token(&self) -> Option<&Token<'a>> {
        match self {
            Self::Token(token) => Some(token),
            _ => None,
        }
    }
}

/// What a token says about itself, except for whose it is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TokenSummary {
    issuer: Option<String>,
    audience: Vec<String>,
    /// In RFC 3339.
    expires: Option<String>,
    permissions: Option<Vec<String>>,
    /// The role with exactly these permissions.
    role: Option<&'static str>,
}

impl<'a> Token<'a> {
    /// Parses a token without white space around it.
    pub(super) fn parse(token: &'a str) -> Result<Self, Finding> {
        if let Some(finding) = badly_copied(token) {
            return Err(finding);
        }
        let segments: Vec<_> = token.split('.').collect();
        let [header, claims, signature] = segments[..] else {
            return Err(no_jwt(token, segments.len()));
        };
        if token.len() > MAX_BYTES {
            return Err(malformed(
                "It is longer than the 8 KiB that the API accepts.",
            ));
        }
        let (Some(header), Some(claims)) = (object(header), object(claims)) else {
            return Err(if token.starts_with("eyJ") {
                malformed("Its header or claims are not base64url JSON: a part is missing.")
            } else {
                no_jwt(token, 0)
            });
        };
        if signature.is_empty() || URL_SAFE_NO_PAD.decode(signature).is_err() {
            return Err(malformed(
                "Its signature is not base64url: a part is missing.",
            ));
        }
        Ok(Self {
            text: token,
            header,
            claims,
            signed: &token[..token.len() - signature.len() - 1],
            signature,
        })
    }

    /// The `iss` claim.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// The `permissions` claim.
    pub(super) fn permissions(&self) -> Option<&Value> {
        self.claims.get("permissions")
    }

    /// The `scope` claim, which grants nothing.
    pub(super) fn scope(&self) -> Option<&str> {
        self.claims.get("scope")?.as_str()
    }

    pub(super) fn audience(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(only)) => vec![only],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is the ID token of a sign-in: for a client and not for an API, with a profile,
    /// and with nothing that grants anything.
    pub(super) fn is_id_token(&self) -> bool {
        let has = |claim: &&str| self.claims.contains_key(*claim);
        PROFILE.iter().any(has) && !["permissions", "scope", "gty"].iter().any(has)
    }

    pub(super) fn summary(&self) -> TokenSummary {
        let owned = |text: &str| escaped(&shortened(text)).into_owned();
        let permissions = self.permissions().and_then(Value::as_array);
        TokenSummary {
            issuer: self.issuer().map(owned),
            audience: self.audience().into_iter().map(owned).collect(),
            expires: self.seconds("exp").and_then(rfc_3339),
            permissions: permissions
                .map(|all| all.iter().filter_map(Value::as_str).map(owned).collect()),
            role: permissions::role(&permissions::granted(self)),
        }
    }

    /// A claim that is a number, for example of seconds since 1970.
    pub(super) fn seconds(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim)?.as_f64()
    }
}

/// The finding about a token with characters in it that no token has.
fn badly_copied(token: &str) -> Option<Finding> {
    let scheme = token.get(..7);
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) {
        let seen = "It begins with \"Bearer \", which is not part of it.";
        return Some(malformed(seen));
    }
    let is_foreign = |character: char| character.is_whitespace() || "\"',{}".contains(character);
    token
        .contains(is_foreign)
        .then(|| malformed("It has quotation marks or white space in it."))
}

/// The finding about a token without the three segments of a signed one.
fn no_jwt(token: &str, segments: usize) -> Finding {
    if token.starts_with("eyJ") && segments < 3 {
        return malformed("It has less than three segments: its end is missing.");
    }
    let seen = match segments {
        5 => "It is encrypted (five segments), so only its issuer can read it.",
        _ => "It is opaque: no signed token (JWT) of three segments.",
    };
    let remedy = "Request it with the audience parameter; without one, Auth0 issues these.";
    Finding::new("token-opaque", seen, remedy)
}

fn malformed(seen: &str) -> Finding {
    Finding::new(
        "token-malformed",
        seen,
        "Copy the whole access token, and nothing else.",
    )
}

fn object(segment: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

impl TokenSummary {
    /// The token in a sentence.
    pub(super) fn sentence(&self, is_verified: bool) -> String {
        let unverified = match is_verified {
            true => "",
            false => " Its signature was not verified, since there are no keys.",
        };
        format!(
            "An RS256 access token of {} for {}, valid until {}.{unverified}",
            self.issuer.as_deref().unwrap_or_default(),
            self.audience.join(", "),
            self.expires.as_deref().unwrap_or_default()
        )
    }
}
