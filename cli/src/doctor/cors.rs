//! CORS: whether a page of an origin may call the API (Fetch standard, section 3.3).

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN,
};
use reqwest::{Method, Url};

use super::failure::Peer;
use super::http::{Http, Response};
use super::reach::NO_RESPONSE;
use super::report::{Check, Finding};
use crate::shortened;

/// The methods that are not always allowed, as GET and POST are.
const METHODS: [&str; 2] = ["PATCH", "DELETE"];
/// The request headers of `docs/api.md` that a page may send.
const HEADERS: [&str; 5] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "prefer",
];
/// The response headers of `docs/api.md` that a page may read.
const EXPOSED: [&str; 7] = [
    "etag",
    "idempotency-replayed",
    "link",
    "preference-applied",
    "retry-after",
    "www-authenticate",
    "x-correlation-id",
];

/// Parses an origin as a browser sends it.
///
/// # Errors
/// If it is something else, with the origin that was probably meant.
pub fn origin(text: &str) -> Result<String, String> {
    let origin = Url::parse(text)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()))
        .map(|url| url.origin().ascii_serialization());
    match origin {
        Some(origin) if origin == text => Ok(origin),
        Some(origin) => Err(format!("an origin has no path and no usual port: {origin}")),
        None => Err("an origin is a scheme and a host, such as https://app.example.com".into()),
    }
}

/// Sends a preflight and a request as a page of this origin would, if the API responds at all.
pub(super) async fn check(http: &Http, api: &str, origin: Option<&str>, responds: bool) -> Check {
    let Some(origin) = origin else {
        return Check::skipped("cors", "Give the origin of the web page with --origin.");
    };
    if !responds {
        return Check::skipped("cors", NO_RESPONSE);
    }
    let url = format!("{api}/actors/0");
    let preflight = http
        .request(Method::OPTIONS, &url)
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "PATCH")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, HEADERS.join(","));
    let plain = http.get(&url).header(ORIGIN, origin);
    let findings = match (http.send(preflight).await, http.send(plain).await) {
        (Ok(preflight), Ok(plain)) => findings(origin, &preflight, &plain),
        (Err(failure), _) | (_, Err(failure)) => vec![failure.finding(Peer::Api, &url)],
    };
    Check::of(
        "cors",
        findings,
        format!("Pages of {origin} may call the API."),
    )
}

fn findings(origin: &str, preflight: &Response, plain: &Response) -> Vec<Finding> {
    let allowed = [preflight, plain].map(|response| response.header(ACCESS_CONTROL_ALLOW_ORIGIN));
    let is_allowed =
        |allowed: &Option<&str>| allowed.is_some_and(|one| one == origin || one == "*");
    if let Some(other) = allowed.iter().find(|allowed| !is_allowed(allowed)) {
        return vec![Finding::new(
            "cors-origin",
            format!(
                "Pages of {origin} may not call the API; it allows {}.",
                other.map_or("no origin by name".to_owned(), shortened)
            ),
            format!("Deploy with AllowedOrigin={origin}"),
        )];
    }
    if !(200..300).contains(&preflight.status) {
        return vec![Finding::new(
            "cors-preflight",
            format!(
                "The response to the preflight is {}, not 2xx.",
                preflight.shown()
            ),
            "Let the gateway respond to OPTIONS itself: deploy the template's CORS.",
        )];
    }
    let remedy = "Deploy the template's CorsConfiguration again.";
    let lacking = |name, response, header, needed: &[&'static str], what| {
        let missing = missing(response, header, needed);
        (!missing.is_empty())
            .then(|| Finding::new(name, format!("{what}: {}.", missing.join(", ")), remedy))
    };
    [
        lacking(
            "cors-methods",
            preflight,
            ACCESS_CONTROL_ALLOW_METHODS,
            &METHODS,
            "Pages may not use these methods",
        ),
        lacking(
            "cors-headers",
            preflight,
            ACCESS_CONTROL_ALLOW_HEADERS,
            &HEADERS,
            "Pages may not send these headers",
        ),
        lacking(
            "cors-exposed",
            plain,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &EXPOSED,
            "Pages cannot read these headers",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The names that the header's list lacks. `*` stands for every name but `authorization`.
fn missing(
    response: &Response,
    header: reqwest::header::HeaderName,
    needed: &[&'static str],
) -> Vec<&'static str> {
    let values = response.headers.get_all(header);
    let values: Vec<_> = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let listed = |needed: &str| {
        let names = values
            .iter()
            .flat_map(|value| value.split(','))
            .map(str::trim);
        names.into_iter().any(|name| {
            name.eq_ignore_ascii_case(needed) || (name == "*" && needed != "authorization")
        })
    };
    needed
        .iter()
        .copied()
        .filter(|needed| !listed(needed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in ["https://app.example", "http://localhost:8080"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        let meant = |text: &str| {
            origin(text)
                .unwrap_err()
                .rsplit(' ')
                .next()
                .map(str::to_owned)
        };
        assert_eq!(
            meant("https://app.example/").as_deref(),
            Some("https://app.example")
        );
        assert_eq!(
            meant("https://App.example:443/x").as_deref(),
            Some("https://app.example")
        );
        for bad in ["", "app.example", "null", "*", "file:///x"] {
            assert!(origin(bad).unwrap_err().contains("such as"), "{bad}");
        }
    }
}
