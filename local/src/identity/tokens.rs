//! The roles, and the tokens issued to them.

use std::str::FromStr;
use std::sync::Arc;

use chrono::Utc;
use serde_json::{Value, json};
use shared::permission::Permission;

use super::key::SigningKey;
use super::signed_in::SignedIn;

/// A token's lifetime, in seconds, unless another is set: one day.
pub const TOKEN_SECONDS: i64 = 86_400;

/// Who can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Casting Assistant: sees actors and movies.
    Assistant,
    /// Casting Director: also adds and deletes actors, and changes actors and movies.
    Director,
    /// Executive Producer: also adds and deletes movies.
    Producer,
    /// Someone with a valid token and no permission, for tests.
    Nobody,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Assistant,
        Self::Director,
        Self::Producer,
        Self::Nobody,
    ];

    /// The name to sign in with.
    pub fn user_name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Director => "director",
            Self::Producer => "producer",
            Self::Nobody => "nobody",
        }
    }

    /// The role's title in the agency.
    pub fn title(self) -> &'static str {
        match self {
            Self::Assistant => "Casting Assistant",
            Self::Director => "Casting Director",
            Self::Producer => "Executive Producer",
            Self::Nobody => "Nobody",
        }
    }

    /// What the role may do.
    pub fn permissions(self) -> Vec<Permission> {
        use Permission::*;
        let of_assistant = [GetActors, GetMovies];
        let of_director = [PostActors, DeleteActors, PatchActors, PatchMovies];
        let of_producer = [PostMovies, DeleteMovies];
        match self {
            Self::Nobody => Vec::new(),
            Self::Assistant => of_assistant.to_vec(),
            Self::Director => [of_assistant.as_slice(), &of_director].concat(),
            Self::Producer => [of_assistant.as_slice(), &of_director, &of_producer].concat(),
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(user_name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|role| role.user_name() == user_name)
            .ok_or(())
    }
}

/// Issues tokens of one issuer for one API.
#[derive(Clone)]
pub struct Tokens {
    key: Arc<SigningKey>,
    issuer: String,
    audience: String,
    seconds: i64,
}

impl Tokens {
    /// Creates an issuer that signs with `key`; `issuer` is a URL that ends in a slash.
    pub fn new(key: Arc<SigningKey>, issuer: &str, audience: &str) -> Self {
        Self {
            key,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            seconds: TOKEN_SECONDS,
        }
    }

    /// Sets the tokens' lifetime, in seconds.
    #[must_use]
    pub fn with_lifetime(self, seconds: i64) -> Self {
        Self { seconds, ..self }
    }

    /// The tokens' lifetime, in seconds.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The issuer: the tokens' `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The API identifier: the tokens' `aud`.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Issues a token for the role, as an Auth0 tenant would.
    ///
    /// # Errors
    /// If signing fails.
    pub fn issue(&self, role: Role) -> Result<String, String> {
        self.sign(role, json!({ "sub": subject(role), "azp": "local" }))
    }

    /// Issues a token for a program named after the role, as Auth0's client credentials grant does.
    ///
    /// # Errors
    /// If signing fails.
    pub(super) fn issue_to_client(&self, role: Role) -> Result<String, String> {
        let client = role.user_name();
        self.sign(role, json!({ "sub": format!("{client}@clients"), "azp": client, "gty": "client-credentials" }))
    }

    /// Issues an access token to a client that a user has signed in at.
    ///
    /// # Errors
    /// If signing fails.
    pub(super) fn issue_after(&self, signed_in: &SignedIn) -> Result<String, String> {
        let (role, client) = (signed_in.role, &signed_in.client_id);
        let subject = subject(role);
        self.sign(role, json!({ "sub": subject, "azp": client }))
    }

    /// Issues an ID token (OpenID Connect Core, section 2). `sid` names the session for logout.
    ///
    /// # Errors
    /// If signing fails.
    pub(super) fn id_token(&self, signed_in: &SignedIn) -> Result<String, String> {
        let role = signed_in.role;
        let mut claims = json!({
            "sub": subject(role), "aud": signed_in.client_id, "auth_time": signed_in.at,
        });
        let name = signed_in.scope.profile.then(|| role.title());
        for (claim, value) in [
            ("nonce", signed_in.nonce.as_deref()),
            ("sid", signed_in.session.as_deref()),
            ("name", name),
        ] {
            if let Some(value) = value {
                claims[claim] = json!(value);
            }
        }
        self.sign_claims(claims)
    }

    /// The claims of an ID token that this issuer has issued, even if it has expired. An access
    /// token is none: it is for the API.
    pub(super) fn read_id_token(&self, token: &str) -> Option<Value> {
        let claims: Value = serde_json::from_slice(&self.key.verified(token)?).ok()?;
        let is_id_token = claims["iss"] == self.issuer.as_str()
            && claims["aud"] != self.audience.as_str()
            && claims.get("auth_time").is_some();
        is_id_token.then_some(claims)
    }

    fn sign(&self, role: Role, mut claims: Value) -> Result<String, String> {
        let permissions: Vec<_> = role
            .permissions()
            .into_iter()
            .map(Permission::as_str)
            .collect();
        claims["aud"] = json!(self.audience);
        claims["permissions"] = json!(permissions);
        self.sign_claims(claims)
    }

    fn sign_claims(&self, mut claims: Value) -> Result<String, String> {
        let now = Utc::now().timestamp();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key.id() });
        claims["iss"] = json!(self.issuer);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + self.seconds);
        self.key.sign(&header.to_string(), &claims.to_string())
    }
}

/// The `sub` of a user who has signed in as this role.
fn subject(role: Role) -> String {
    format!("local|{}", role.user_name())
}
