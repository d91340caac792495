//! The verdict of the API on each endpoint, without writing anything.
//!
//! GET requests are real. The others cannot write, whatever the token grants: a POST has no body
//! (400), and PATCH and DELETE name the id 0, which no row can have (404). The API checks the
//! permission before the id and the body, so 403 means that the permission is missing.

use reqwest::Method;
use serde::Serialize;

use super::http::{Http, Response};
use super::permissions::counted;
use super::report::{Check, Finding};
use super::token::Token;

/// An endpoint, and the permission that it needs.
pub(super) struct Endpoint {
    method: Method,
    /// `actors` or `movies`.
    resource: &'static str,
    /// Whether the path names one row.
    is_row: bool,
    pub(super) permission: &'static str,
}

const fn endpoint(
    method: Method,
    resource: &'static str,
    is_row: bool,
    permission: &'static str,
) -> Endpoint {
    Endpoint {
        method,
        resource,
        is_row,
        permission,
    }
}

/// The endpoints, in the order of `docs/api.md`.
pub(super) const ENDPOINTS: [Endpoint; 10] = [
    endpoint(Method::GET, "actors", false, "get:actors"),
    endpoint(Method::POST, "actors", false, "post:actors"),
    endpoint(Method::GET, "actors", true, "get:actors"),
    endpoint(Method::PATCH, "actors", true, "patch:actors"),
    endpoint(Method::DELETE, "actors", true, "delete:actors"),
    endpoint(Method::GET, "movies", false, "get:movies"),
    endpoint(Method::POST, "movies", false, "post:movies"),
    endpoint(Method::GET, "movies", true, "get:movies"),
    endpoint(Method::PATCH, "movies", true, "patch:movies"),
    endpoint(Method::DELETE, "movies", true, "delete:movies"),
];

/// What the API did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The token has the permission.
    Allowed,
    /// The token does not have the permission.
    Forbidden,
    /// The API rejects the token.
    Rejected,
    /// An error of the API or its gateway, for example 503.
    Failed,
    /// No response, or one that is not this API's.
    Unexpected,
}

/// An endpoint with the API's verdict.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Probed {
    endpoint: String,
    permission: &'static str,
    /// `None` without a response.
    status: Option<u16>,
    verdict: Verdict,
    /// Whether the request reads from DynamoDB.
    #[serde(skip)]
    reads: bool,
}

impl Endpoint {
    /// The name, for example `GET /actors/{actor_id}`.
    pub(super) fn name(&self) -> String {
        let id = match self.is_row {
            true => format!("/{{{}_id}}", self.resource.trim_end_matches('s')),
            false => String::new(),
        };
        format!("{} /{}{id}", self.method, self.resource)
    }

    /// The path and query of the request; `id` is that of an existing row, or 0.
    fn path(&self, id: u64) -> String {
        match (self.is_row, self.method == Method::GET) {
            (true, true) => format!("/{}/{id}", self.resource),
            (true, false) => format!("/{}/0", self.resource),
            (false, true) => format!("/{}?limit=1", self.resource),
            (false, false) => format!("/{}", self.resource),
        }
    }

    fn is_list(&self) -> bool {
        self.method == Method::GET && !self.is_row
    }

    fn verdict(&self, response: &Response) -> Verdict {
        let is_success = response.status == 200 && response.json()["success"] == true;
        let is_allowed = match (&self.method, self.is_row) {
            (&Method::GET, false) => is_success,
            (&Method::GET, true) => is_success || response.is_api_error(404),
            (&Method::POST, _) => response.is_api_error(400),
            _ => response.is_api_error(404),
        };
        match response.status {
            _ if is_allowed => Verdict::Allowed,
            401 if response.is_api_error(401) => Verdict::Rejected,
            403 if response.is_api_error(403) => Verdict::Forbidden,
            429 | 500..=599 => Verdict::Failed,
            _ => Verdict::Unexpected,
        }
    }
}

impl Probed {
    /// The line of the text report.
    pub(super) fn line(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Forbidden => "forbidden",
            Verdict::Rejected => "token rejected",
            Verdict::Failed | Verdict::Unexpected => "not known",
        };
        let status = self
            .status
            .map_or("none".to_owned(), |status| status.to_string());
        columns(&self.endpoint, self.permission, verdict, &status)
    }
}

/// The head of the lines of the text report.
pub(super) fn head() -> String {
    columns("endpoint", "permission", "verdict", "status")
}

fn columns(endpoint: &str, permission: &str, verdict: &str, status: &str) -> String {
    format!("{endpoint:<28}{permission:<16}{verdict:<16}{status}")
}

/// What the endpoints responded.
pub(super) struct Verdicts {
    pub(super) probed: Vec<Probed>,
    /// Whether the first list applied strict mode; `None` if there was no list.
    pub(super) is_strict: Option<bool>,
}

impl Verdicts {
    /// Whether the API accepts the token; `None` if no response says so.
    pub(super) fn accepted(&self) -> Option<bool> {
        let has = |verdict| self.probed.iter().any(|probed| probed.verdict == verdict);
        match has(Verdict::Allowed) || has(Verdict::Forbidden) {
            true => Some(true),
            false => has(Verdict::Rejected).then_some(false),
        }
    }
}

/// Calls the endpoints with the token, until the API rejects it or sends no response.
pub(super) async fn probe(http: &Http, api: &str, token: &Token<'_>) -> Verdicts {
    let (mut probed, mut is_strict, mut id) = (Vec::new(), None, 0);
    for endpoint in &ENDPOINTS {
        let url = format!("{api}{}", endpoint.path(id));
        let request = http
            .request(endpoint.method.clone(), &url)
            .bearer_auth(token.text)
            .header("prefer", "handling=strict");
        let response = http.send(request).await.ok();
        let verdict = response
            .as_ref()
            .map_or(Verdict::Unexpected, |response| endpoint.verdict(response));
        if let (Some(response), true) = (&response, endpoint.is_list()) {
            id = first_id(endpoint, response);
            is_strict = is_strict.or(applies_strict_mode(response));
        }
        probed.push(Probed {
            endpoint: endpoint.name(),
            permission: endpoint.permission,
            status: response.as_ref().map(|response| response.status),
            verdict,
            reads: endpoint.method == Method::GET && (!endpoint.is_row || id > 0),
        });
        // Without a response, each further request might wait as long.
        if verdict == Verdict::Rejected || response.is_none() {
            break;
        }
    }
    Verdicts { probed, is_strict }
}

/// The id of the first row of a list, or 0.
fn first_id(endpoint: &Endpoint, response: &Response) -> u64 {
    response.json()[endpoint.resource][0]["id"]
        .as_u64()
        .unwrap_or(0)
}

fn applies_strict_mode(response: &Response) -> Option<bool> {
    let applied = response.header("preference-applied");
    (response.status == 200).then(|| applied == Some("handling=strict"))
}

/// Compares the verdicts with the permissions that the token grants.
pub(super) fn check(verdicts: &Verdicts, granted: &[&str]) -> Check {
    let probed = &verdicts.probed;
    if verdicts.accepted() == Some(false) {
        return Check::skipped("endpoints", "The API rejects the token.");
    }
    let expects = |one: &&Probed| granted.contains(&one.permission);
    let forbidden = among(probed, |one| {
        one.verdict == Verdict::Forbidden && expects(&one)
    });
    let open = among(probed, |one| {
        one.verdict == Verdict::Allowed && !expects(&one)
    });
    let findings = [
        named(
            "endpoint-forbidden",
            &forbidden,
            "The token has the permission, but the API says 403:",
            "Deploy again: the functions and the template are not of one version.",
        ),
        named(
            "endpoint-open",
            &open,
            "The token does not have the permission, but the API allows:",
            "Deploy again at once: the permission check does not work.",
        ),
        failures(probed),
        named(
            "endpoint-unexpected",
            &among(probed, |one| one.verdict == Verdict::Unexpected),
            "The response is missing, or not this API's:",
            "Deploy again: routes are missing, or something else responds in between.",
        ),
    ];
    let allowed = among(probed, |one| one.verdict == Verdict::Allowed).len();
    Check::of(
        "endpoints",
        findings.into_iter().flatten().collect(),
        format!(
            "{allowed} of {} allowed, as the permissions say. Nothing was written.",
            counted(probed.len(), "endpoint")
        ),
    )
}

fn among(probed: &[Probed], holds: impl Fn(&Probed) -> bool) -> Vec<&Probed> {
    probed.iter().filter(|one| holds(one)).collect()
}

fn named(name: &'static str, probed: &[&Probed], seen: &str, remedy: &str) -> Option<Finding> {
    let shown = |one: &&Probed| match one.status {
        Some(status) => format!("{} ({status})", one.endpoint),
        None => format!("{} (no response)", one.endpoint),
    };
    let list: Vec<_> = probed.iter().map(shown).collect();
    (!list.is_empty()).then(|| Finding::new(name, format!("{seen} {}.", list.join(", ")), remedy))
}

/// The finding about errors. Which endpoints fail says what the API cannot reach: a request that
/// fails without reading from DynamoDB has failed at the token's key.
fn failures(probed: &[Probed]) -> Option<Finding> {
    let failed = among(probed, |one| one.verdict == Verdict::Failed);
    if failed.iter().any(|one| one.status == Some(429)) {
        return named(
            "api-throttled",
            &failed,
            "The gateway throttles requests:",
            "Try again in a minute; raise the throttling limits if it stays.",
        );
    }
    let all_503 = failed.len() == probed.len() && failed.iter().all(|one| one.status == Some(503));
    match (all_503, failed.iter().all(|one| one.reads)) {
        (true, _) => named(
            "api-keys",
            &failed,
            "Requests that need no database fail too:",
            "Correct Auth0Domain: the API cannot fetch the issuer's keys. See the log.",
        ),
        (_, true) => named(
            "api-database",
            &failed,
            "Only requests that read rows fail:",
            "Check tables and the functions' roles: the log names the failed call.",
        ),
        _ => named(
            "endpoint-failed",
            &failed,
            "The API or its gateway fails:",
            "Look at the log of the functions, at this time.",
        ),
    }
}
