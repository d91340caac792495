//! The registered clients: the addresses that sign-in and sign-out redirect to, and the origins
//! whose pages may exchange codes.

use std::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use reqwest::Url;

use crate::access::{self, Hosts};
use crate::console;

/// An address of an application under development, which sign-in may redirect to.
#[derive(Clone, Debug)]
pub struct RedirectUri {
    text: String,
    url: Url,
}

impl FromStr for RedirectUri {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "this is not a http:// or https:// URL without user name and fragment";
        let url = Url::parse(text).map_err(|_| rule)?;
        let is_plain = ["http", "https"].contains(&url.scheme())
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && !text.contains(|c: char| c.is_control() || c.is_whitespace());
        let text = text.to_owned();
        if is_plain {
            Ok(Self { text, url })
        } else {
            Err(rule)
        }
    }
}

/// What kind of client an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// The agency's console. Only this client has sessions.
    Console,
    /// An application under development, or this service's own page that shows tokens.
    Application,
}

/// The registered clients.
pub(crate) struct Clients {
    /// The hosts of this stack.
    pub(crate) hosts: Hosts,
    /// This service's port.
    pub(crate) port: u16,
    /// The console's port.
    pub(crate) console_port: u16,
    /// The addresses of applications under development.
    pub(crate) redirect_uris: Vec<RedirectUri>,
}

impl Clients {
    /// The client that has registered this address under this id, with the address as a URL.
    pub(super) fn find(
        &self,
        headers: &HeaderMap,
        client_id: &str,
        redirect_uri: &str,
    ) -> Option<(Client, Url)> {
        // Only an exact text is registered, and not another spelling of the same address.
        let url = Url::parse(redirect_uri).ok()?;
        let is_exact = url.as_str() == redirect_uri;
        if client_id == console::CLIENT_ID {
            let is_console = is_exact
                && url.path() == "/"
                && self.is_plain(&url)
                && self.is_here(headers, &url, self.console_port);
            return is_console.then_some((Client::Console, url));
        }
        // Otherwise a redirect from here could lead back to the sign-in page with another role and
        // another `redirect_uri`, and the browser would call that request same-origin.
        let is_own = access::own_origin(headers)
            .is_some_and(|origin| origin == url.origin().ascii_serialization());
        let is_callback = is_exact
            && url.path() == "/callback"
            && self.is_plain(&url)
            && (is_own || self.is_here(headers, &url, self.port));
        let is_registered = self
            .redirect_uris
            .iter()
            .any(|registered| registered.text == redirect_uri);
        let is_client = !client_id.is_empty() && (is_callback || is_registered && !is_own);
        is_client.then_some((Client::Application, url))
    }

    /// Whether the page that sent the request belongs to a client.
    pub(super) fn has_origin(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return false;
        };
        let url = origin.to_str().ok().and_then(|text| Url::parse(text).ok());
        url.is_some_and(|url| {
            let is_same = |known: &Url| known.origin() == url.origin();
            url.origin().ascii_serialization().as_bytes() == origin.as_bytes()
                && (self.is_here(headers, &url, self.console_port)
                    || self.redirect_uris.iter().any(|known| is_same(&known.url)))
        })
    }

    /// Whether a URL has no part but scheme, host, port and path.
    fn is_plain(&self, url: &Url) -> bool {
        url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    }

    /// Whether a URL leads to this port of this machine.
    ///
    /// With `--listen 0.0.0.0` the stack does not know its addresses, so the request's own host
    /// counts: the browser reached this machine by it. Any other address may be an attacker's.
    fn is_here(&self, headers: &HeaderMap, url: &Url, port: u16) -> bool {
        let own = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = own.and_then(|host| host.parse::<Authority>().ok());
        let Some(host) = url.host_str() else {
            return false;
        };
        url.scheme() == "http"
            && url.port_or_known_default() == Some(port)
            && (self.hosts.name(host)
                || own.is_some_and(|own| own.host().eq_ignore_ascii_case(host)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn clients(address: [u8; 4]) -> Clients {
        Clients {
            hosts: Hosts::new(Ipv4Addr::from(address).into(), vec!["docker.host".into()]),
            port: 3001,
            console_port: 3002,
            redirect_uris: vec![
                "https://app.example/done?a=b".parse().expect("an address"),
                "http://127.0.0.1:3001/authorize"
                    .parse()
                    .expect("an address"),
            ],
        }
    }

    fn headers(host: &str) -> HeaderMap {
        [(HOST, host.parse().expect("a host"))]
            .into_iter()
            .collect()
    }

    #[test]
    fn the_console_has_the_addresses_of_its_port_and_no_other_client_has_them() {
        let find = |client_id: &str, address: &str| {
            let found =
                clients([127, 0, 0, 1]).find(&headers("127.0.0.1:3001"), client_id, address);
            found.map(|(client, _)| client)
        };
        for address in [
            "http://127.0.0.1:3002/",
            "http://localhost:3002/",
            "http://[::1]:3002/",
            "http://docker.host:3002/",
        ] {
            assert_eq!(find("console", address), Some(Client::Console), "{address}");
            assert_eq!(find("other", address), None, "{address}");
        }
        for address in [
            "",
            "/",
            "http://127.0.0.1:3002",
            "http://127.0.0.1:3002/x",
            "http://127.0.0.1:3002/x/..",
            "http://127.0.0.1:3002/?a",
            "http://127.0.0.1:3002/#a",
            "http://a@127.0.0.1:3002/",
            "http://127.0.0.1:3002@evil.example/",
            "http://127.0.0.1:3002\\@evil.example/",
            "http://127.1:3002/",
            "https://127.0.0.1:3002/",
            "http://127.0.0.1:3001/callback",
            "http://127.0.0.1:3000/",
            "http://evil.example:3002/",
            "http://203.0.113.7:3002/",
            "https://app.example/done?a=b",
            "javascript:alert(1)",
        ] {
            assert_eq!(find("console", address), None, "{address}");
        }
    }

    #[test]
    fn applications_have_the_registered_texts_and_the_callback_and_no_page_of_the_service() {
        let find = |address: &str| {
            let found = clients([127, 0, 0, 1]).find(&headers("127.0.0.1:3001"), "x", address);
            found.map(|(client, _)| client)
        };
        for address in [
            "https://app.example/done?a=b",
            "http://127.0.0.1:3001/callback",
            "http://localhost:3001/callback",
        ] {
            assert_eq!(find(address), Some(Client::Application), "{address}");
        }
        for address in [
            "https://app.example/done",
            "https://app.example/done?a=b&c",
            "https://app.example/done?a=b#c",
            "https://APP.example/done?a=b",
            "https://app.example/",
            "http://127.0.0.1:3001/authorize",
            "http://127.0.0.1:3001/callback?a",
            "http://127.0.0.1:3001/",
            "http://127.0.0.1:3003/callback",
        ] {
            assert_eq!(find(address), None, "{address}");
        }
        assert!(
            clients([127, 0, 0, 1])
                .find(
                    &headers("127.0.0.1:3001"),
                    "",
                    "https://app.example/done?a=b"
                )
                .is_none()
        );
    }

    #[test]
    fn with_every_address_open_only_the_requests_own_one_is_this_machine() {
        let clients = clients([0, 0, 0, 0]);
        let found =
            |host: &str, address: &str| clients.find(&headers(host), "console", address).is_some();
        assert!(found("192.168.1.5:3001", "http://192.168.1.5:3002/"));
        assert!(!found("192.168.1.5:3001", "http://203.0.113.7:3002/"));
        assert!(!found("127.0.0.1:3001", "http://192.168.1.5:3002/"));
        let mut request = headers("192.168.1.5:3001");
        for (origin, known) in [
            ("http://192.168.1.5:3002", true),
            ("http://203.0.113.7:3002", false),
        ] {
            request.insert(ORIGIN, origin.parse().expect("an origin"));
            assert_eq!(clients.has_origin(&request), known, "{origin}");
        }
    }

    #[test]
    fn an_origin_is_the_consoles_or_an_applications() {
        let has = |origins: &[&str]| {
            let mut request = headers("127.0.0.1:3001");
            for origin in origins {
                request.append(ORIGIN, origin.parse().expect("an origin"));
            }
            clients([127, 0, 0, 1]).has_origin(&request)
        };
        for origin in [
            "http://127.0.0.1:3002",
            "http://localhost:3002",
            "https://app.example",
        ] {
            assert!(has(&[origin]), "{origin}");
        }
        for origins in [
            &[][..],
            &["null"],
            &["http://127.0.0.1:3002/"],
            &["http://127.0.0.1"],
            &["https://127.0.0.1:3002"],
            &["http://app.example"],
            &["https://app.example:444"],
            &["https://evil.example"],
            &["https://evil-app.example"],
            &["http://127.0.0.1:3002", "https://evil.example"],
        ] {
            assert!(!has(origins), "{origins:?}");
        }
    }

    #[test]
    fn a_redirect_uri_is_a_url_that_a_browser_can_be_sent_to() {
        for text in ["http://127.0.0.1:5173/", "https://app.example/a?b=c"] {
            assert!(text.parse::<RedirectUri>().is_ok(), "{text}");
        }
        for text in [
            "",
            "/callback",
            "app.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://a@app.example/",
            "https://app.example/#a",
            "https://app.example/\n",
            " https://app.example/",
        ] {
            assert!(text.parse::<RedirectUri>().is_err(), "{text}");
        }
    }
}
