//! Tokens with unknown key ids do not grow the memory. This test is its own program because it
//! measures the memory of the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::HeaderMap;
use serde_json::json;
use shared::auth::{AuthError, TokenError, Verifier};
use shared::config::IssuerConfig;
use shared::https::{Https, Roots};

/// The process's resident memory, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

/// Starts an issuer that publishes one key until the process ends. Returns its URL.
fn issuer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let key = json!({"kty": "RSA", "kid": "known", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB"});
    let document = json!({ "keys": [key] }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                document.len()
            );
            stream.write_all((head + &document).as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn twenty_thousand_unknown_key_ids_use_under_16_mib_of_memory() {
    let issuer = issuer();
    let config = IssuerConfig::new(issuer.parse().unwrap(), "casting-agency");
    let verifier = Verifier::new(&config, &Https::new(&Roots::public()));
    let expiry = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 600;
    let claims =
        json!({"iss": format!("{issuer}/"), "sub": "x", "aud": "casting-agency", "exp": expiry})
            .to_string();
    let check = async |kid: String| {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        let token = format!(
            "{}.{}.AAAA",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(&claims)
        );
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        assert_eq!(
            verifier.verify(&headers).await,
            Err(AuthError::InvalidToken(TokenError::UnknownKey))
        );
    };
    check("first".into()).await;
    let before = resident();
    for number in 0..20_000 {
        check(format!("{number:0>500}")).await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes");
}
