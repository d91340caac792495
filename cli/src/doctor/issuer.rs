//! The issuer: its discovery document (OpenID Connect Discovery 1.0) and its keys.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::LOCATION;

use super::failure::{Failure, Peer};
use super::http::{Http, Response};
use super::keys::KeySet;
use super::report::{Check, Finding};
use crate::shortened;

/// The largest key document that the API reads, in bytes.
const MAX_KEY_BYTES: usize = 150_000;

/// Parses what identifies an issuer: a domain, as in `AUTH0_DOMAIN`, or a URL. The result is the
/// `iss` of its tokens, with a slash at its end.
///
/// # Errors
/// If it is neither.
pub fn issuer_url(issuer: &str) -> Result<String, String> {
    const RULE: &str = "an issuer is a domain, such as your-tenant.eu.auth0.com, or a URL \
                        without a path";
    let url = match issuer.contains("://") {
        true => issuer.to_owned(),
        false => format!("https://{issuer}"),
    };
    let url = format!("{}/", url.strip_suffix('/').unwrap_or(&url));
    let parsed = Url::parse(&url).map_err(|_| RULE)?;
    // A URL that parses to the same text has no default port, upper case or stray character.
    let is_plain = parsed.as_str() == url && parsed.path() == "/" && crate::api::is_plain(&parsed);
    match ["http", "https"].contains(&parsed.scheme()) && is_plain {
        true => Ok(url),
        false => Err(RULE.into()),
    }
}

/// What the two checks of an issuer found, and its keys if they could be read.
pub(super) struct Examined {
    pub(super) checks: [Check; 2],
    pub(super) keys: Option<KeySet>,
}

/// Fetches the discovery document and the keys of an issuer, which ends with a slash.
pub(super) async fn examine(issuer: &str, timeout: Duration) -> Examined {
    let http = Url::parse(issuer).map_err(|error| error.to_string());
    let http = match http.and_then(|url| Http::new(&url, timeout)) {
        Ok(http) => http,
        Err(cause) => return unreached(Failure::Unreachable(cause).finding(Peer::Issuer, issuer)),
    };
    let url = format!("{issuer}.well-known/openid-configuration");
    let discovery = match http.send(http.get(&url)).await {
        Ok(response) => response,
        Err(failure) => return unreached(failure.finding(Peer::Issuer, issuer)),
    };
    let issuer_check = Check::of(
        "issuer",
        discovery_findings(issuer, &url, &discovery),
        format!("{issuer} publishes its configuration."),
    );
    let url = key_set_url(issuer);
    let keys = match http.send(http.get(&url)).await {
        Ok(response) => read_keys(&url, &response),
        Err(failure) => Err(failure.finding(Peer::Issuer, &url)),
    };
    let (keys_check, keys) = match keys {
        Ok(keys) => (keys_check(&url, &keys), Some(keys)),
        Err(finding) => (Check::of("keys", vec![finding], ""), None),
    };
    Examined {
        checks: [issuer_check, keys_check],
        keys,
    }
}

fn unreached(finding: Finding) -> Examined {
    let checks = [
        Check::of("issuer", vec![finding], ""),
        Check::skipped("keys", "The issuer cannot be reached."),
    ];
    Examined { checks, keys: None }
}

/// The URL from which the API fetches the keys. It does not read the discovery document.
fn key_set_url(issuer: &str) -> String {
    format!("{issuer}.well-known/jwks.json")
}

/// What is wrong with the discovery document; at most one finding, since the rest would follow
/// from it.
fn discovery_findings(issuer: &str, url: &str, response: &Response) -> Vec<Finding> {
    let document = response.json();
    if response.status != 200 || document.is_null() {
        return vec![Finding::new(
            "issuer-discovery",
            format!("{url} is no discovery document: {}.", with_target(response)),
            "Correct the issuer's domain: use the one in the token's iss.",
        )];
    }
    if document["issuer"] != issuer {
        let named = document["issuer"].as_str().unwrap_or("no issuer");
        return vec![Finding::new(
            "issuer-mismatch",
            format!("{url} names {} as its issuer.", shortened(named)),
            "Set Auth0Domain and --issuer to the domain that the document names.",
        )];
    }
    if document["jwks_uri"] != key_set_url(issuer) {
        let named = document["jwks_uri"].as_str().unwrap_or("no address");
        return vec![Finding::new(
            "issuer-jwks-uri",
            format!(
                "The issuer's keys are at {}, but the API reads {}.",
                shortened(named),
                key_set_url(issuer)
            ),
            "Use an issuer that publishes its keys at /.well-known/jwks.json.",
        )];
    }
    Vec::new()
}

/// The status, and where a redirect leads to.
fn with_target(response: &Response) -> String {
    match response.header(LOCATION) {
        Some(target) => format!("{} to {}", response.status, shortened(target)),
        None => response.shown(),
    }
}

fn read_keys(url: &str, response: &Response) -> Result<KeySet, Finding> {
    let keys = KeySet::read(&response.json());
    let keys = keys.filter(|_| response.status == 200 && response.body.len() <= MAX_KEY_BYTES);
    keys.ok_or_else(|| {
        Finding::new(
            "keys-missing",
            format!("{url} is no key set: {}.", with_target(response)),
            "Correct the issuer's domain, or let it publish its key set there.",
        )
    })
}

fn keys_check(url: &str, keys: &KeySet) -> Check {
    let (usable, all) = (keys.usable(), keys.len());
    let mut findings = Vec::new();
    if usable == 0 {
        let why = match keys.a_reason() {
            Some(reason) => format!(", for example since {reason}"),
            None => String::new(),
        };
        findings.push(Finding::new(
            "keys-unusable",
            format!("{url} has {all} keys, and none verifies RS256{why}."),
            "Set the API's signing algorithm to RS256 in the tenant.",
        ));
    }
    Check::of(
        "keys",
        findings,
        format!("{usable} of {all} can verify RS256."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_domain_or_a_url_without_a_path() {
        let check = |issuer: &str, expected: &str| {
            assert_eq!(issuer_url(issuer).as_deref(), Ok(expected));
        };
        check("tenant.example", "https://tenant.example/");
        check("tenant.example/", "https://tenant.example/");
        check("https://tenant.example", "https://tenant.example/");
        check("http://127.0.0.1:3001/", "http://127.0.0.1:3001/");
        for bad in [
            "",
            "/",
            "https://",
            "Tenant.example",
            "a b",
            "t.example/x",
            "ftp://t.example",
            "t.example?x",
            "u@t.example",
            "https://t.example:443",
        ] {
            assert!(issuer_url(bad).is_err(), "{bad}");
        }
    }
}
