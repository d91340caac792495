//! The identity service's signing key.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The key's file in the stack's folder.
const FILE: &str = "signing-key.der";

/// A 2048-bit RSA key pair, and the id under which its public half is published.
pub struct SigningKey {
    pair: KeyPair,
    id: String,
}

impl SigningKey {
    /// Generates a key.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn generate() -> Result<Self, String> {
        KeyPair::generate(KeySize::Rsa2048)
            .map(Self::new)
            .map_err(|_| "no signing key can be made".into())
    }

    /// The path of the key's file in this folder.
    pub(crate) fn file(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the key from the folder's file, if there is one.
    ///
    /// # Errors
    /// If the file cannot be read, or holds no key ([`io::ErrorKind::InvalidData`]).
    pub(crate) fn open(folder: &Path) -> io::Result<Option<Self>> {
        match fs::read(Self::file(folder)) {
            Ok(der) => match KeyPair::from_pkcs8(&der) {
                Ok(pair) => Ok(Some(Self::new(pair))),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "this is not a signing key",
                )),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the key from the folder's file; generates and writes one if there is none.
    ///
    /// # Errors
    /// As [`Self::open`], and if the file cannot be written.
    pub(crate) fn open_or_generate(folder: &Path) -> io::Result<Self> {
        if let Some(key) = Self::open(folder)? {
            return Ok(key);
        }
        let key = Self::generate().map_err(io::Error::other)?;
        let der: Pkcs8V1Der<'_> = key
            .pair
            .as_der()
            .map_err(|_| io::Error::other("the signing key cannot be written"))?;
        write_private(&Self::file(folder), der.as_ref())?;
        Ok(key)
    }

    fn new(pair: KeyPair) -> Self {
        let modulus = pair.public_key().modulus();
        let hash = digest::digest(&SHA256, modulus.big_endian_without_leading_zero());
        Self {
            id: URL_SAFE_NO_PAD.encode(&hash.as_ref()[..15]),
            pair,
        }
    }

    /// The key's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a member of a key set (RFC 7517).
    pub fn public_jwk(&self) -> Value {
        let public = self.pair.public_key();
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": encode(public.modulus().big_endian_without_leading_zero()),
            "e": encode(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// Signs a token of exactly this header and these claims with RS256 (RFC 7515, section 7.1).
    ///
    /// # Errors
    /// If signing fails, which does not happen with a key that could be loaded.
    pub fn sign(&self, header: &str, claims: &str) -> Result<String, String> {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let made = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        );
        made.map_err(|_| "the token cannot be signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this key has signed.
    pub(super) fn verified(&self, token: &str) -> Option<Vec<u8>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        URL_SAFE_NO_PAD.decode(claims).ok()
    }
}

/// Writes a file atomically; only its owner may read it.
fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
