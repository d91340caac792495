//! The one HTTP client of a function: beneath the SDK for DynamoDB, and for the issuer's keys.
//!
//! HTTP/1.1 alone, since a function has one request under way, and roots that are part of the program: reading the system's would cost a cold start more than
//! the handshake's own arithmetic.

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
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{Client, connect};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lambda_http::http::header::ACCEPT;
use lambda_http::http::{Request, Response, Uri};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower::timeout::{Timeout, error::Elapsed};
use tower::util::BoxCloneSyncService;

/// The longest that connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);
/// How long an unused connection is kept. A frozen environment may wake long after its peer has forgotten it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The certificate authorities that are trusted.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Those of the public web, as Mozilla has them; Amazon's, below which AWS's endpoints are, are among them.
    pub fn public() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Those of a file of PEM certificates, and no others.
    ///
    /// # Errors
    /// The rule, where the file cannot be read, or holds no certificate or something else.
    pub fn read(file: &Path) -> Result<Self, &'static str> {
        const RULE: &str = "must name a file of PEM certificates";
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| RULE)? {
            roots.add(certificate.map_err(|_| RULE)?).map_err(|_| RULE)?;
        }
        if roots.is_empty() { Err(RULE) } else { Ok(Self(Arc::new(roots))) }
    }
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A client that follows no redirect, asks no proxy and keeps its connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Https {
    client: Client<BoxCloneSyncService<Uri, Stream, Box<dyn Error + Send + Sync>>, SdkBody>,
}

impl Https {
    /// A client with no connection yet, for `https:` by these roots and for `http:`.
    pub fn new(roots: &Roots) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|error| unreachable!("the provider has all that TLS 1.2 and 1.3 ask for: {error}"))
            .with_root_certificates(Arc::clone(&roots.0))
            .with_no_client_auth();
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let connector = BoxCloneSyncService::new(Timeout::new(https.wrap_connector(tcp), CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client }
    }

    /// What is answered to a GET; its body is still to come.
    pub(crate) async fn get(&self, url: &Uri) -> Result<Response<Incoming>, ConnectorError> {
        let request = Request::get(url).header(ACCEPT, "application/json").body(SdkBody::empty());
        let request = request.map_err(|error| ConnectorError::user(error.into()))?;
        self.client.request(request).await.map_err(judged)
    }

    /// Opens a connection and keeps it for the first request. Whether that works shows then.
    pub(crate) async fn connect(&self, url: &Uri) {
        if let Ok(answer) = self.get(url).await {
            drop(answer.into_body().collect().await);
        }
    }
}

impl HttpClient for Https {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let answering = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answering.await.map_err(judged)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What kind of failure this was, in the SDK's terms: it decides by them what is tried again.
fn judged(error: hyper_util::client::legacy::Error) -> ConnectorError {
    if source::<Elapsed>(&error).is_some() {
        return ConnectorError::timeout(error.into());
    }
    if error.is_connect() || source::<std::io::Error>(&error).is_some() {
        return ConnectorError::io(error.into());
    }
    match source::<hyper::Error>(&error) {
        Some(cause) if cause.is_user() => ConnectorError::user(error.into()),
        Some(cause) if cause.is_closed() || cause.is_canceled() => ConnectorError::io(error.into()),
        Some(cause) if cause.is_incomplete_message() => {
            ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
        }
        _ => ConnectorError::other(error.into(), None),
    }
}

/// The first error of this type among an error and what led to it.
fn source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_authorities_are_among_the_public_ones() {
        let roots = Roots::public();
        let names: Vec<_> =
            roots.0.roots.iter().map(|root| String::from_utf8_lossy(&root.subject).into_owned()).collect();
        for name in ["Amazon Root CA 1", "Amazon Root CA 2", "Amazon Root CA 3", "Amazon Root CA 4"] {
            assert!(names.iter().any(|known| known.contains(name)), "{name}");
        }
    }

    #[test]
    fn what_is_no_file_of_certificates_is_refused() {
        let folder = std::env::temp_dir().join(format!("roots-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("roots.pem");
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for contents in ["", "nothing of the kind", certificate, "-----BEGIN CERTIFICATE-----\n"] {
            std::fs::write(&file, contents).unwrap();
            assert!(Roots::read(&file).is_err(), "{contents}");
        }
        assert!(Roots::read(&folder).is_err() && Roots::read(&folder.join("missing")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
