//! The one HTTP client of a function, used by the SDK for DynamoDB and to fetch the issuer's keys.
//!
//! It speaks only HTTP/1.1, since a function handles one request at a time. The root certificates
//! are compiled in: reading the system's would cost a cold start more than the computation of a TLS
//! handshake.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use lambda_http::http;
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Request, Response, Url, retry};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The longest that connecting may take, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);
/// How long an idle connection is kept. A frozen environment may wake long after its peer has
/// dropped it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Trusted root certificates.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Mozilla's roots for the public web. They include Amazon's, to which the certificates of
    /// AWS's endpoints chain.
    pub fn public() -> Self {
        Self(Arc::new(
            webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        ))
    }

    /// Reads the roots from a file of PEM certificates; no others are trusted.
    ///
    /// # Errors
    /// The setting's rule, if the file cannot be read, has no certificate or has a malformed one.
    pub fn read(file: &Path) -> Result<Self, &'static str> {
        const RULE: &str = "must name a file of PEM certificates";
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| RULE)? {
            roots
                .add(certificate.map_err(|_| RULE)?)
                .map_err(|_| RULE)?;
        }
        if roots.is_empty() {
            Err(RULE)
        } else {
            Ok(Self(Arc::new(roots)))
        }
    }
}

/// A client that follows no redirects, uses no proxy, does not retry and keeps its connections
/// open. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Https {
    client: Client,
}

impl Https {
    /// Makes a client without connections, for `https:` with these roots and for `http:`.
    pub fn new(roots: &Roots) -> Self {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|error| unreachable!("AWS-LC supports TLS 1.2 and 1.3: {error}"))
            .with_root_certificates(Arc::clone(&roots.0))
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .no_proxy()
            .redirect(Policy::none())
            .retry(retry::never())
            .build()
            .unwrap_or_else(|error| {
                unreachable!("a client with a preconfigured TLS backend always builds: {error}")
            });
        Self { client }
    }

    /// Sends a GET and returns the response head; the body is streamed.
    pub(crate) async fn get(&self, url: Url) -> Result<Response, reqwest::Error> {
        self.client
            .get(url)
            .header(ACCEPT, "application/json")
            .send()
            .await
    }

    /// Opens a connection, with a GET whose response is discarded, and keeps it for the first
    /// request. Ignores errors: that request then connects itself.
    pub(crate) async fn connect(&self, url: Url) {
        if let Ok(response) = self.get(url).await {
            drop(response.bytes().await);
        }
    }
}

impl HttpClient for Https {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match into_reqwest(request) {
            Ok(request) => {
                let responding = self.client.execute(request);
                HttpConnectorFuture::new(async move {
                    let response = http::Response::from(responding.await.map_err(classify_error)?);
                    HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                        .map_err(|error| ConnectorError::other(error.into(), None))
                })
            }
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}

fn into_reqwest(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    Request::try_from(request.map(Body::wrap)).map_err(|error| ConnectorError::user(error.into()))
}

/// Maps an error to the SDK's kind of connector error, which decides whether it retries.
fn classify_error(error: reqwest::Error) -> ConnectorError {
    if error.is_builder() {
        return ConnectorError::user(error.into());
    }
    // A timeout here means that the connector was still connecting: the SDK itself times each
    // attempt.
    if error.is_timeout() {
        return ConnectorError::timeout(error.into());
    }
    if error.is_connect() || is_io(&error) {
        return ConnectorError::io(error.into());
    }
    // The connection ended before the whole response had arrived.
    ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
}

fn is_io(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_root_certificates_include_amazons() {
        let roots = Roots::public();
        let names: Vec<_> = roots
            .0
            .roots
            .iter()
            .map(|root| String::from_utf8_lossy(&root.subject).into_owned())
            .collect();
        for name in [
            "Amazon Root CA 1",
            "Amazon Root CA 2",
            "Amazon Root CA 3",
            "Amazon Root CA 4",
        ] {
            assert!(names.iter().any(|known| known.contains(name)), "{name}");
        }
    }

    #[test]
    fn an_invalid_certificate_file_is_rejected() {
        let folder = std::env::temp_dir().join(format!("roots-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("roots.pem");
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for contents in [
            "",
            "nothing of the kind",
            certificate,
            "-----BEGIN CERTIFICATE-----\n",
        ] {
            std::fs::write(&file, contents).unwrap();
            assert!(Roots::read(&file).is_err(), "{contents}");
        }
        assert!(Roots::read(&folder).is_err() && Roots::read(&folder.join("missing")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
