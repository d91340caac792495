//! Who has signed in, and what was issued for it: codes, sessions and refresh tokens, in memory
//! only.

use std::time::{Duration, Instant};

use super::code::{Challenge, Code};
use super::kept::{Kept, secret};
use super::scope::Scope;
use super::tokens::Role;

/// How long a code may be exchanged.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a session and the refresh tokens after one sign-in last, as by default at Auth0.
const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// A sign-in of one user at one client.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) client_id: String,
    pub(super) role: Role,
    pub(super) scope: Scope,
    /// The client's nonce, for the first ID token.
    pub(super) nonce: Option<String>,
    /// When the user picked the role, as a Unix time.
    pub(super) at: i64,
    /// The session's id, if there is a session.
    pub(super) session: Option<String>,
}

/// A user's session in one browser.
#[derive(Clone)]
pub(super) struct Session {
    /// The public id: the cookie holds another, secret one.
    pub(super) id: String,
    pub(super) role: Role,
    /// When it began, as a Unix time.
    pub(super) at: i64,
}

/// The refresh tokens that follow from one code: one is valid, and each use replaces it.
struct Family {
    /// The code that the first one was issued for.
    code: String,
    /// The valid token's second half. The first half is the family's key.
    secret: String,
    signed_in: SignedIn,
}

/// Everything that was issued and can still be used.
pub(super) struct SignIns {
    codes: Kept<Code>,
    sessions: Kept<Session>,
    families: Kept<Family>,
}

impl Default for SignIns {
    fn default() -> Self {
        Self {
            codes: Kept::new(CODE_LIFETIME),
            sessions: Kept::new(SESSION_LIFETIME),
            families: Kept::new(SESSION_LIFETIME),
        }
    }
}

impl SignIns {
    /// Starts a session in place of that of an earlier cookie, and returns it with its cookie's
    /// value. The same user keeps the id, so that earlier ID tokens still name the session.
    pub(super) fn start_session(
        &mut self,
        now: Instant,
        earlier: Option<&str>,
        role: Role,
        at: i64,
    ) -> Result<(String, Session), String> {
        let earlier = earlier.and_then(|cookie| self.sessions.remove(now, cookie));
        let id = match earlier.filter(|session| session.role == role) {
            Some(session) => session.id,
            None => secret()?,
        };
        let session = Session { id, role, at };
        Ok((self.sessions.insert(now, session.clone())?, session))
    }

    /// The session of this cookie.
    pub(super) fn session(&mut self, now: Instant, cookie: &str) -> Option<Session> {
        self.sessions.get_mut(now, cookie).cloned()
    }

    /// Ends the session of this cookie.
    pub(super) fn end_session(&mut self, now: Instant, cookie: &str) {
        if let Some(session) = self.sessions.remove(now, cookie) {
            self.revoke(&session.id);
        }
    }

    /// Revokes the codes and refresh tokens that were issued in the session with this id.
    pub(super) fn revoke(&mut self, session: &str) {
        let is_other = |signed_in: &SignedIn| signed_in.session.as_deref() != Some(session);
        self.codes.retain(|code| is_other(&code.signed_in));
        self.families.retain(|family| is_other(&family.signed_in));
    }

    /// Issues a code.
    pub(super) fn issue_code(
        &mut self,
        now: Instant,
        signed_in: SignedIn,
        redirect_uri: String,
        challenge: Challenge,
    ) -> Result<String, String> {
        let code = Code {
            signed_in,
            redirect_uri,
            challenge,
        };
        self.codes.insert(now, code)
    }

    /// Exchanges a code, once: a request with a wrong client, redirect URI or verifier uses it up
    /// too. A second use revokes the refresh tokens that the first one led to (RFC 6749, section
    /// 4.1.2).
    pub(super) fn exchange(
        &mut self,
        now: Instant,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Option<(SignedIn, Option<String>)>, String> {
        let Some(issued) = self.codes.remove(now, code) else {
            self.families.retain(|family| family.code != code);
            return Ok(None);
        };
        if !issued.is_for(client_id, redirect_uri, verifier) {
            return Ok(None);
        }
        let signed_in = issued.signed_in;
        let refresh_token = match signed_in.scope.offline_access {
            true => Some(self.start_family(now, code, signed_in.clone())?),
            false => None,
        };
        Ok(Some((signed_in, refresh_token)))
    }

    fn start_family(
        &mut self,
        now: Instant,
        code: &str,
        signed_in: SignedIn,
    ) -> Result<String, String> {
        let family = Family {
            code: code.to_owned(),
            secret: secret()?,
            signed_in: SignedIn {
                nonce: None, // it belongs to the first ID token alone (OpenID Connect Core, 12.2)
                ..signed_in
            },
        };
        let half = family.secret.clone();
        Ok(format!("{}.{half}", self.families.insert(now, family)?))
    }

    /// Replaces a refresh token, once. A second use, or one by another client, means that it was
    /// stolen: it revokes all tokens of the family (RFC 9700, section 4.14).
    pub(super) fn refresh(
        &mut self,
        now: Instant,
        token: &str,
        client_id: &str,
    ) -> Result<Option<(SignedIn, String)>, String> {
        let Some((key, half)) = token.split_once('.') else {
            return Ok(None);
        };
        let next = secret()?;
        let Some(family) = self.families.get_mut(now, key) else {
            return Ok(None);
        };
        if family.secret != half || family.signed_in.client_id != client_id {
            self.families.remove(now, key);
            return Ok(None);
        }
        family.secret.clone_from(&next);
        Ok(Some((family.signed_in.clone(), format!("{key}.{next}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn signed_in() -> SignedIn {
        SignedIn {
            client_id: "console".into(),
            role: Role::Director,
            scope: Scope::granted("openid offline_access"),
            nonce: Some("n".into()),
            at: 0,
            session: Some("s".into()),
        }
    }

    fn code(sign_ins: &mut SignIns, now: Instant) -> String {
        let challenge = CHALLENGE.parse().expect("a challenge");
        sign_ins
            .issue_code(now, signed_in(), "http://x/".into(), challenge)
            .expect("a code")
    }

    fn exchange(sign_ins: &mut SignIns, now: Instant, code: &str) -> Option<Option<String>> {
        let exchanged = sign_ins.exchange(now, code, "console", "http://x/", VERIFIER);
        exchanged
            .expect("randomness")
            .map(|(_, refresh_token)| refresh_token)
    }

    #[test]
    fn a_code_can_be_exchanged_for_a_minute() {
        let (mut sign_ins, now) = (SignIns::default(), Instant::now());
        let in_time = code(&mut sign_ins, now);
        let within = now + Duration::from_secs(59);
        assert!(exchange(&mut sign_ins, within, &in_time).is_some());
        let late = code(&mut sign_ins, now);
        let after = now + Duration::from_secs(60);
        assert!(exchange(&mut sign_ins, after, &late).is_none());
    }

    #[test]
    fn refresh_tokens_end_a_week_after_the_sign_in_however_often_they_are_used() {
        let (mut sign_ins, now) = (SignIns::default(), Instant::now());
        let issued = code(&mut sign_ins, now);
        let mut token = exchange(&mut sign_ins, now, &issued)
            .flatten()
            .expect("a token");
        for day in 0..7 {
            let then = now + Duration::from_secs(day * 86_400);
            let refreshed = sign_ins.refresh(then, &token, "console");
            let (signed_in, next) = refreshed.expect("randomness").expect("a token");
            assert_eq!(signed_in.nonce, None);
            token = next;
        }
        let then = now + Duration::from_secs(7 * 86_400);
        let refreshed = sign_ins.refresh(then, &token, "console");
        assert!(refreshed.expect("randomness").is_none());
    }
}
