//! What prevents a response.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Url;
use rustls::CertificateError;

use super::http::MAX_BYTES;
use super::report::Finding;
use crate::api::root_cause;

/// Who should have responded.
#[derive(Clone, Copy)]
pub(super) enum Peer {
    Api,
    Issuer,
}

/// Why there is no response.
pub(super) enum Failure {
    /// The host's name has no address.
    Dns,
    Refused,
    Timeout(Duration),
    Tls(Tls),
    /// A connection is impossible for another reason.
    Unreachable(String),
    /// What arrives is no complete HTTP response.
    Protocol(String),
    TooLarge,
}

/// Why there is no TLS connection.
pub(super) enum Tls {
    /// The server does not speak TLS.
    Plain,
    Expired,
    OtherName,
    UnknownAuthority,
    Other(String),
}

impl Failure {
    /// Classifies the error of a request to this URL.
    pub(super) async fn of(error: &reqwest::Error, url: Option<Url>, timeout: Duration) -> Self {
        if let Some(tls) = tls_error(error) {
            return Self::Tls(tls);
        }
        if error.is_timeout() {
            return Self::Timeout(timeout);
        }
        if has_kind(error, io::ErrorKind::ConnectionRefused) {
            return Self::Refused;
        }
        if !error.is_connect() {
            return Self::Protocol(root_cause(error));
        }
        match url {
            Some(url) if !has_address(&url).await => Self::Dns,
            _ => Self::Unreachable(root_cause(error)),
        }
    }

    /// The finding about a peer at this URL.
    pub(super) fn finding(&self, peer: Peer, url: &str) -> Finding {
        let (name, seen, remedy) = match self {
            Self::Dns => (
                peer.pick("api-dns", "issuer-dns"),
                format!("The host of {url} has no address."),
                format!("Correct {}, or the machine's DNS settings.", peer.setting()),
            ),
            Self::Refused => (
                peer.pick("api-refused", "issuer-refused"),
                format!("Nothing listens at {url}: the connection is refused."),
                format!("Start it, or correct the port in {}.", peer.setting()),
            ),
            Self::Timeout(timeout) => (
                peer.pick("api-timeout", "issuer-timeout"),
                format!(
                    "{url} sends no response within {} s.",
                    timeout.as_secs_f64()
                ),
                "Check firewall, VPN and proxy, or allow more time with --timeout.".into(),
            ),
            Self::Tls(tls) => (
                peer.pick("api-tls", "issuer-tls"),
                format!("There is no TLS connection to {url}: {}.", tls.cause()),
                tls.remedy(peer),
            ),
            Self::Unreachable(cause) => (
                peer.pick("api-unreachable", "issuer-unreachable"),
                format!("{url} cannot be reached: {cause}."),
                "Check the network, VPN and proxy of this machine.".into(),
            ),
            Self::Protocol(cause) => (
                peer.pick("api-protocol", "issuer-protocol"),
                format!("{url} sends no complete HTTP response: {cause}."),
                format!("Correct scheme and port in {}.", peer.setting()),
            ),
            Self::TooLarge => (
                peer.pick("api-foreign", "issuer-foreign"),
                format!("{url} sends more than {} MiB.", MAX_BYTES >> 20),
                format!("Correct {}: this is another server.", peer.setting()),
            ),
        };
        Finding::new(name, seen, remedy)
    }
}

impl Peer {
    fn pick(self, api: &'static str, issuer: &'static str) -> &'static str {
        match self {
            Self::Api => api,
            Self::Issuer => issuer,
        }
    }

    /// The flag with the peer's URL.
    pub(super) fn setting(self) -> &'static str {
        self.pick("--api", "--issuer")
    }
}

impl Tls {
    fn cause(&self) -> &str {
        match self {
            Self::Plain => "the server does not speak TLS",
            Self::Expired => "the certificate is not valid at this time",
            Self::OtherName => "the certificate is for another name",
            Self::UnknownAuthority => "this machine trusts no issuer of the certificate",
            Self::Other(cause) => cause,
        }
    }

    fn remedy(&self, peer: Peer) -> String {
        match self {
            Self::Plain => format!("Use http:// in {}, if that is right.", peer.setting()),
            Self::Expired => "Renew the certificate, or set this machine's clock.".into(),
            Self::OtherName => {
                format!(
                    "Use the certificate's name in {}, or get a new one.",
                    peer.setting()
                )
            }
            Self::UnknownAuthority => {
                "Install the authority's root certificate here, or replace a \
                                       self-signed one."
                    .into()
            }
            Self::Other(_) => "Check certificate and TLS versions of the server.".into(),
        }
    }
}

/// The errors from this one to the root cause, with those inside `io::Error`s.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

fn has_kind(error: &reqwest::Error, kind: io::ErrorKind) -> bool {
    chain(error)
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == kind)
}

fn tls_error(error: &reqwest::Error) -> Option<Tls> {
    let tls = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())?;
    Some(match tls {
        rustls::Error::InvalidMessage(_) => Tls::Plain,
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Tls::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Tls::OtherName
            }
            CertificateError::UnknownIssuer => Tls::UnknownAuthority,
            other => Tls::Other(other.to_string()),
        },
        other => Tls::Other(other.to_string()),
    })
}

async fn has_address(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return false;
    };
    let host = host.trim_matches(['[', ']']);
    match tokio::net::lookup_host((host, port)).await {
        Ok(mut addresses) => addresses.next().is_some(),
        Err(_) => false,
    }
}
