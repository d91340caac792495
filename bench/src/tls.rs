//! TLS as at AWS's endpoints: an RSA-2048 leaf certificate below an intermediate and a root.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::{Failure, failed};

/// A chain of certificates for `localhost`.
pub(crate) struct Chain {
    config: Arc<ServerConfig>,
    /// The PEM file with the root certificate.
    pub(crate) root: PathBuf,
}

impl Chain {
    /// Creates a chain and writes its root certificate into the folder.
    pub(crate) fn new(folder: &Path) -> Result<Self, Failure> {
        let (root_key, intermediate_key, leaf_key) = (rsa()?, rsa()?, rsa()?);
        let root_params = authority("Bench Root", None);
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::from_params(&root_params, &root_key);
        let intermediate_params = authority("Bench Intermediate", Some(0));
        let intermediate = intermediate_params.signed_by(&intermediate_key, &root_issuer)?;
        let mut leaf_params = CertificateParams::new(vec!["localhost".to_owned()])?;
        leaf_params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        leaf_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf_params.signed_by(
            &leaf_key,
            &Issuer::from_params(&intermediate_params, &intermediate_key),
        )?;
        let path = folder.join("root.pem");
        std::fs::write(&path, root.pem())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), intermediate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            root: path,
        })
    }
}

fn rsa() -> Result<KeyPair, Failure> {
    KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(failed)
}

fn authority(name: &str, below: Option<u8>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(below.map_or(
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained,
    ));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A TLS proxy in front of a service without TLS.
pub(crate) struct TlsProxy {
    /// `https://localhost:<port>`.
    pub(crate) url: String,
    server: JoinHandle<()>,
}

impl TlsProxy {
    /// Accepts TLS on a free port and forwards the bytes to `upstream`.
    pub(crate) async fn start(chain: &Chain, upstream: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let acceptor = TlsAcceptor::from(Arc::clone(&chain.config));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A connection ends when either side ends it; how it ended does not matter.
                tokio::spawn(async move { drop(pass(&acceptor, stream, upstream).await) });
            }
        });
        Ok(Self {
            url: format!("https://localhost:{port}"),
            server,
        })
    }
}

async fn pass(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    upstream: SocketAddr,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.set_nodelay(true)?;
    copy_bidirectional(&mut stream, &mut upstream)
        .await
        .map(drop)
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
    };
    use local::{Options, Stack};
    use shared::https::{Https, Roots};

    use super::*;

    async fn tables(front: &TlsProxy, roots: &Roots) -> Result<usize, String> {
        let config = aws_types::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(&front.url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "x", "x", None, None, "test",
            )))
            .build();
        let listed = shared::store::client(&config, &Https::new(roots))
            .list_tables()
            .send()
            .await;
        listed
            .map(|listed| listed.table_names().len())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_connection_is_made_only_to_a_server_with_a_trusted_root() {
        let folder = std::env::temp_dir().join(format!("bench-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (chain, stranger) = (Chain::new(&folder).unwrap(), folder.join("stranger"));
        std::fs::create_dir_all(&stranger).unwrap();
        let stranger = Chain::new(&stranger).unwrap();
        let stack = Stack::start(Options::in_memory()).await.unwrap();
        let address = stack
            .dynamodb
            .trim_start_matches("http://")
            .parse()
            .unwrap();
        let front = TlsProxy::start(&chain, address).await.unwrap();
        assert_eq!(
            tables(&front, &Roots::read(&chain.root).unwrap()).await,
            Ok(3)
        );
        assert!(
            tables(&front, &Roots::read(&stranger.root).unwrap())
                .await
                .is_err()
        );
        assert!(tables(&front, &Roots::public()).await.is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
