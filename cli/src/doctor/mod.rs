//! `casting doctor`: says why requests to a deployment do not work, without writing anything.
//!
//! [`examine`] sends the requests; each check turns what it saw into findings. The token goes to
//! the API alone, and only after the API has identified itself.

mod checks;
mod clock;
mod cors;
mod endpoints;
mod failure;
mod http;
mod issuer;
mod keys;
mod permissions;
mod reach;
mod report;
mod time;
mod token;
mod validity;

use std::time::Duration;

use reqwest::Url;

use self::checks::Checks;
use self::endpoints::Verdicts;
use self::http::Http;
use self::keys::KeySet;
use self::report::Check;
use self::token::{Given, Token};

pub use cors::origin;
pub use issuer::issuer_url;
pub use report::{Finding, Report};

/// What to examine.
pub struct Settings {
    /// The API's URL, as [`crate::api_url`] accepts it.
    pub api: Url,
    /// Whether the API is on this machine, where `http:` is safe.
    pub is_here: bool,
    /// The access token, or why there is none.
    pub token: Result<String, String>,
    /// The issuer that the deployment trusts, as [`issuer_url`] returns it; the token's own if it
    /// is not known.
    pub issuer: Option<String>,
    /// The API identifier that the deployment expects, if it is known.
    pub audience: Option<String>,
    /// The origin of a page that calls the API.
    pub origin: Option<String>,
    /// The longest time that a response may take.
    pub timeout: Duration,
}

/// The API identifier of a deployment with the template's defaults.
pub const USUAL_AUDIENCE: &str = "casting-agency";

/// Examines a deployment.
///
/// # Errors
/// If this machine cannot make an HTTP client.
pub async fn examine(settings: &Settings) -> Result<Report, String> {
    let http = Http::new(&settings.api, settings.timeout)?;
    let api = settings.api.as_str().trim_end_matches('/');
    let (reached, response) = reach::check(&http, api, settings.is_here).await;
    let origin = settings.origin.as_deref();
    let cors = cors::check(&http, api, origin, response.is_some()).await;
    let given = Given::parse(&settings.token);
    let ([issuer, key_set], keys) = examine_issuer(settings, given.token()).await;
    let verdicts = match (&response, given.token()) {
        (Some(_), Some(token)) => Some(endpoints::probe(&http, api, token).await),
        _ => None,
    };
    let skew = response.as_ref().and_then(clock::skew);
    let of_token = Checks {
        settings,
        verdicts: verdicts.as_ref(),
        keys: keys.as_ref(),
        now: clock::now() + skew.unwrap_or_default(),
    };
    let clock = clock::check(response.as_ref());
    let mut checks = vec![reached, clock, cors, issuer, key_set];
    checks.extend(of_token.all(&given));
    checks.push(version(verdicts.as_ref()));
    Ok(Report {
        api: api.to_owned(),
        checks,
        token: given.token().map(Token::summary),
        endpoints: verdicts.map(|verdicts| verdicts.probed).unwrap_or_default(),
    })
}

/// Examines the issuer that is known, or else the token's own.
async fn examine_issuer(
    settings: &Settings,
    token: Option<&Token<'_>>,
) -> ([Check; 2], Option<KeySet>) {
    let own = token.and_then(Token::issuer);
    let issuer = match (&settings.issuer, own) {
        (Some(known), _) => Some(known.clone()),
        (None, Some(own)) => issuer_url(own).ok().filter(|url| url == own),
        (None, None) => None,
    };
    let Some(issuer) = issuer else {
        return (unknown_issuer(own), None);
    };
    let examined = issuer::examine(&issuer, settings.timeout).await;
    // Another issuer's keys say nothing about the token.
    let keys = examined.keys.filter(|_| own == Some(issuer.as_str()));
    (examined.checks, keys)
}

fn unknown_issuer(own: Option<&str>) -> [Check; 2] {
    let why = match own {
        Some(_) => "The token's iss is not the URL of an issuer.",
        None => "Give the issuer's domain with --issuer, or a token.",
    };
    ["issuer", "keys"].map(|name| Check::skipped(name, why))
}

fn version(verdicts: Option<&Verdicts>) -> Check {
    let own = concat!("casting ", env!("CARGO_PKG_VERSION"));
    let findings = match verdicts.and_then(|verdicts| verdicts.is_strict) {
        Some(false) => vec![Finding::new(
            "version-older",
            format!("The API ignores Prefer: handling=strict, on which {own} relies."),
            "Deploy the version of the API that this casting belongs to.",
        )],
        _ => Vec::new(),
    };
    Check::of(
        "version",
        findings,
        format!("{own}; the API does not state its own."),
    )
}
