//! Whether the API is at its URL: a request without a token has one right response.

use reqwest::Url;
use reqwest::header::LOCATION;

use super::failure::Peer;
use super::http::{Http, Response};
use super::report::{Check, Finding};
use crate::shortened;

/// No row has the id 0. The path has two segments, so that it is no path of the API if the URL
/// itself ends with one, such as `/actors`.
const PATH: &str = "/actors/0";

/// Why a check that needs the API's response is skipped.
pub(super) const NO_RESPONSE: &str = "The API does not respond as it should.";

/// Sends the request. The response is there only if it is this API's: only then may a token follow.
pub(super) async fn check(http: &Http, api: &str, is_here: bool) -> (Check, Option<Response>) {
    let found = |finding| (Check::of("api", vec![finding], ""), None);
    match http.send(http.get(&format!("{api}{PATH}"))).await {
        Err(failure) => found(failure.finding(Peer::Api, api)),
        Ok(response) if is_challenge(&response) => {
            let plain = api.starts_with("http:") && !is_here;
            let findings = plain.then(|| plain_http(api)).into_iter().collect();
            let seen = "It responds, and without a token with 401, as it should.";
            (Check::of("api", findings, seen), Some(response))
        }
        Ok(response) => {
            let elsewhere = match is_wrong_path(&response) {
                true => parent(http, api).await,
                false => None,
            };
            found(finding(api, &response, elsewhere))
        }
    }
}

/// The finding about a token that would be sent in the clear.
fn plain_http(api: &str) -> Finding {
    Finding::new(
        "api-plain-http",
        format!("{api} is not https: everybody on the network path can read the token."),
        "Use https:// in --api.",
    )
}

/// Whether it is this API's response to a request without a token.
fn is_challenge(response: &Response) -> bool {
    response.is_api_error(401) && response.json()["code"] == "authorization_header_missing"
}

/// Whether this API, or a gateway of its kind, has no such path.
fn is_wrong_path(response: &Response) -> bool {
    let message = &response.json()["message"];
    response.is_api_error(404)
        || (response.status == 404 && message == "Not Found")
        || (response.status == 403
            && (message == "Forbidden" || message == "Missing Authentication Token"))
}

/// The nearest URL above this one at which the API is.
async fn parent(http: &Http, api: &str) -> Option<String> {
    let mut url = Url::parse(api).ok()?;
    while url.path() != "/" {
        url.path_segments_mut().ok()?.pop();
        let above = url.as_str().trim_end_matches('/').to_owned();
        let response = http.send(http.get(&format!("{above}{PATH}"))).await;
        if response.is_ok_and(|response| is_challenge(&response)) {
            return Some(above);
        }
    }
    None
}

fn finding(api: &str, response: &Response, elsewhere: Option<String>) -> Finding {
    let shown = response.shown();
    let (name, seen, remedy) = match response.status {
        _ if is_wrong_path(response) => (
            "api-wrong-path",
            format!("The gateway at {api} has no such path: {shown}."),
            match elsewhere {
                Some(url) => format!("Use --api {url}"),
                None => "Use the ApiUrl of the stack's outputs, with the base path of a custom \
                         domain."
                    .into(),
            },
        ),
        300..=399 => {
            let target = response.header(LOCATION).unwrap_or("nowhere");
            // A query may contain a secret.
            let target = target.split(['?', '#']).next().unwrap_or_default();
            (
                "api-redirect",
                format!(
                    "{api} redirects to {}: {}.",
                    shortened(target),
                    response.status
                ),
                "Use the URL of the API itself: no command follows a redirect.".into(),
            )
        }
        421 => (
            "api-host",
            format!(
                "The local stack does not accept the host in {api}: {}.",
                response.status
            ),
            "Start it with --allow-host and that name.".into(),
        ),
        429 => (
            "api-throttled",
            format!("The gateway throttles requests: {shown}."),
            "Try again in a minute; raise the throttling limits if it stays.".into(),
        ),
        500..=599 => (
            "api-error",
            format!("{api} responds with {shown}."),
            "Look at the log of the functions; a missing setting stops their start.".into(),
        ),
        _ => (
            "api-foreign",
            format!("The server at {api} is not this API: it responds with {shown}."),
            "Correct --api: use the ApiUrl of the stack's outputs.".into(),
        ),
    };
    Finding::new(name, seen, remedy)
}
