//! The three checks of a token: the token itself, its permissions, and what the API does with it.

use super::endpoints::{self, Verdicts};
use super::keys::KeySet;
use super::permissions;
use super::report::{Check, Finding};
use super::token::{Given, Token};
use super::validity::Expected;
use super::{Settings, USUAL_AUDIENCE};
use crate::shortened;

/// The checks of a token, with what they depend on.
pub(super) struct Checks<'a> {
    pub(super) settings: &'a Settings,
    pub(super) verdicts: Option<&'a Verdicts>,
    /// The keys of the token's own issuer.
    pub(super) keys: Option<&'a KeySet>,
    /// The API's time in seconds since 1970.
    pub(super) now: f64,
}

impl Checks<'_> {
    pub(super) fn all(&self, given: &Given<'_>) -> [Check; 3] {
        let without = |token, why| {
            let skipped = |name| Check::skipped(name, why);
            [token, skipped("permissions"), skipped("endpoints")]
        };
        match given {
            Given::Token(token) => [
                self.token(token),
                self.permissions(token),
                self.endpoints(token),
            ],
            Given::Unreadable(finding) => without(
                Check::of("token", vec![finding.clone()], ""),
                "The token cannot be read.",
            ),
            Given::Missing(why) => without(Check::skipped("token", why), "There is no token."),
        }
    }

    fn accepted(&self) -> Option<bool> {
        self.verdicts.and_then(Verdicts::accepted)
    }

    fn token(&self, token: &Token<'_>) -> Check {
        let audience = self.settings.audience.as_deref();
        let expected = Expected {
            issuer: self.settings.issuer.as_deref(),
            audience: audience.unwrap_or(USUAL_AUDIENCE),
            keys: self.keys,
            now: self.now,
        };
        let mut findings = token.findings(&expected);
        match self.accepted() {
            Some(true) => findings.retain_mut(|finding| self.is_wrong_setting(finding)),
            Some(false) if findings.iter().all(|one| one.name == "token-lifetime-long") => {
                findings.push(rejected(token, &expected));
            }
            _ => {}
        }
        Check::of(
            "token",
            findings,
            token.summary().sentence(self.keys.is_some()),
        )
    }

    /// Whether a finding stays although the API accepts the token. A wrong issuer or audience is
    /// then one of the settings given here, if there was any.
    fn is_wrong_setting(&self, finding: &mut Finding) -> bool {
        let (name, given, flag) = match finding.name {
            "token-issuer" => (
                "settings-issuer",
                self.settings.issuer.is_some(),
                "--issuer",
            ),
            "token-audience" | "token-id-token" => (
                "settings-audience",
                self.settings.audience.is_some(),
                "--audience",
            ),
            _ => return true,
        };
        let seen = format!(
            "The API accepts the token, so {flag} is not its setting: {}",
            finding.seen
        );
        *finding = Finding::new(name, seen, format!("Correct {flag}, or its variable."));
        given
    }

    fn permissions(&self, token: &Token<'_>) -> Check {
        match token.is_id_token() {
            true => Check::skipped("permissions", "An ID token has none."),
            false => permissions::check(token),
        }
    }

    fn endpoints(&self, token: &Token<'_>) -> Check {
        match self.verdicts {
            Some(verdicts) => endpoints::check(verdicts, &permissions::granted(token)),
            None => Check::skipped("endpoints", "The token was not sent."),
        }
    }
}

/// The finding about a token in which nothing is wrong, and which the API rejects.
fn rejected(token: &Token<'_>, expected: &Expected<'_>) -> Finding {
    let issuer = shortened(token.issuer().unwrap_or_default());
    let verified = match expected.keys {
        Some(_) => "has signed it",
        None => "could not be asked for its keys",
    };
    let seen = format!(
        "The API rejects the token (401). Its claims are right for {}, and {issuer} {verified}.",
        expected.audience
    );
    let remedy = "Compare Auth0Domain and ApiAudience of the deployment with the token's iss and \
                  aud.";
    Finding::new("token-rejected", seen, remedy)
}
