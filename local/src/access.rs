//! Keeps other websites out of the local stack: they run in the developer's browser, which can
//! reach loopback.
//!
//! A browser adds headers that a page cannot set: `Host` names the requested service; `Origin` and
//! `Sec-Fetch-Site` name the page that sent the request (Fetch standard, section 3.2; W3C Fetch
//! Metadata).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST, ORIGIN, X_FRAME_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

/// The Fetch Metadata header. Browsers send it only to addresses that they trust: over HTTPS, and
/// on loopback.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

const OTHER_HOST: &str = "The Host header names another host than this service. It responds as localhost, 127.0.0.1, \
    [::1] and the address of --listen only, so that no website reaches it through a name that it points at this \
    machine (DNS rebinding). --allow-host adds a name, for example host.docker.internal.";
const WEBSITE: &str = "DynamoDB takes no request with an Origin or Sec-Fetch-Site header: it comes from a browser, and \
    no website may reach the local database. Use the AWS CLI or an SDK.";

/// The hosts that a request's `Host` may name.
#[derive(Clone)]
pub(crate) struct Hosts {
    address: IpAddr,
    names: Arc<[String]>,
}

impl Hosts {
    /// Allows the loopback hosts, the address that the stack listens on, and these names.
    pub(crate) fn new(address: IpAddr, names: Vec<String>) -> Self {
        Self {
            address,
            names: names.into(),
        }
    }

    /// Whether an authority (RFC 3986, section 3.2) names one of these hosts. Any port is allowed:
    /// it may be a forwarded one.
    fn contain(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        // On 0.0.0.0 every address of the machine reaches the stack. All are allowed: an attacker
        // can make a name resolve to this machine (DNS rebinding), but not an address.
        let is_open = self.address.is_unspecified() && ip_address(authority.host()).is_some();
        is_open || self.name(authority.host())
    }

    /// Whether a host is known to be this machine.
    pub(crate) fn name(&self, host: &str) -> bool {
        match ip_address(host) {
            Some(address) => address.is_loopback() || address == self.address,
            None => {
                host.eq_ignore_ascii_case("localhost")
                    || self
                        .names
                        .iter()
                        .any(|name| host.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// The address that a host is, unless it is a name.
fn ip_address(host: &str) -> Option<IpAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().ok()
}

/// Restricts the service to requests that name one of these hosts. Others get 421 (RFC 9110,
/// section 15.5.20).
pub(crate) fn only_for(hosts: &Hosts, service: Router) -> Router {
    service.layer(middleware::from_fn_with_state(hosts.clone(), check_host))
}

/// Allows a request without `Host`, which is valid in HTTP/1.0: no browser sends one.
async fn check_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let headers = request.headers().get_all(HOST).iter();
    let mut named = headers.map(|host| host.to_str().is_ok_and(|host| hosts.contain(host)));
    let target = request
        .uri()
        .authority()
        .is_none_or(|authority| hosts.contain(authority.as_str()));
    if target && named.all(|ours| ours) {
        return next.run(request).await;
    }
    (
        StatusCode::MISDIRECTED_REQUEST,
        Json(json!({ "message": OTHER_HOST })),
    )
        .into_response()
}

/// Restricts the service to programs: a request with a header that only browsers send gets 403, and
/// so does a preflight.
pub(crate) fn without_browsers(service: Router) -> Router {
    service.layer(middleware::from_fn(reject_browser))
}

async fn reject_browser(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
        return (StatusCode::FORBIDDEN, Json(json!({ "message": WEBSITE }))).into_response();
    }
    next.run(request).await
}

/// Forbids showing the service's pages in a frame, where another page could lie over them
/// (clickjacking).
pub(crate) fn never_framed(service: Router) -> Router {
    service.layer(middleware::map_response(async |mut response: Response| {
        let headers = response.headers_mut();
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        let policy = HeaderValue::from_static("frame-ancestors 'none'");
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
        response
    }))
}

/// Who sent a request, according to the browser's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of this service.
    OwnPage,
    /// A page of another origin, or the user through the address bar or a bookmark.
    Elsewhere,
    /// A program, or a browser that does not say.
    Unknown,
}

impl Sender {
    /// Identifies the sender; `Host` must have been checked. Browsers send `Origin` with every
    /// POST, even where they omit `Sec-Fetch-Site`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let own = |origin: &HeaderValue| {
            own_origin(headers).is_some_and(|own| origin.as_bytes() == own.as_bytes())
        };
        match (headers.get(SEC_FETCH_SITE), headers.get(ORIGIN)) {
            (Some(_), _) if is_same_origin(headers) => Self::OwnPage,
            (None, Some(origin)) if own(origin) => Self::OwnPage,
            (None, None) => Self::Unknown,
            _ => Self::Elsewhere,
        }
    }
}

/// Whether the browser says that a page of this service sent the request. It says so for links as
/// well.
pub(crate) fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    sites.peek().is_some() && sites.all(|site| site == "same-origin")
}

/// The origin of this service's own pages, built from `Host`.
pub(crate) fn own_origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn hosts(address: [u8; 4]) -> Hosts {
        Hosts::new(
            Ipv4Addr::from(address).into(),
            vec!["host.docker.internal".into()],
        )
    }

    #[test]
    fn a_host_is_loopback_the_listen_address_or_a_name_that_was_allowed() {
        let ours = [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1",
            "127.0.0.1:8000",
            "[::1]:3001",
            "Host.Docker.Internal:1",
        ];
        let others = [
            "",
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "127.0.0.1@evil.example",
            "172.17.0.1",
            "203.0.113.7:3000",
            "2130706433",
            "[",
            "a b",
        ];
        for host in ours {
            assert!(hosts([127, 0, 0, 1]).contain(host), "{host}");
        }
        for host in others {
            assert!(!hosts([127, 0, 0, 1]).contain(host), "{host}");
        }
    }

    #[test]
    fn the_listen_address_is_a_host_and_with_every_address_any_is() {
        assert!(hosts([172, 17, 0, 1]).contain("172.17.0.1:3000"));
        assert!(!hosts([172, 17, 0, 1]).contain("172.17.0.2:3000"));
        assert!(hosts([0, 0, 0, 0]).contain("192.168.1.5:3000"));
        assert!(!hosts([0, 0, 0, 0]).contain("evil.example:3000"));
    }
}
