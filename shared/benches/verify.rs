//! `cargo bench -p shared --bench verify`: the CPU time to validate one `Authorization` header, for
//! headers that are built to be slow.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::fs;
use std::hint::black_box;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::HeaderMap;
use serde_json::json;
use shared::auth::Verifier;
use shared::config::IssuerConfig;
use shared::https::{Https, Roots};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ROUNDS: u32 = 200;

/// The CPU time of this process in seconds, as the scheduler counts it.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/schedstat").unwrap();
    stat.split_whitespace()
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1e9
}

fn sign(key: &KeyPair, header: &str, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let keys = [("2048", KeySize::Rsa2048), ("8192", KeySize::Rsa8192)]
        .map(|(kid, size)| (kid, KeyPair::generate(size).unwrap()));
    let document = json!({ "keys": keys.iter().map(|(kid, key)| json!({
        "kty": "RSA", "kid": kid, "n": URL_SAFE_NO_PAD.encode(key.public_key().modulus().big_endian_without_leading_zero()), "e": "AQAB",
    })).collect::<Vec<_>>() })
    .to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(stream.read(&mut [0; 4096]).await);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                document.len()
            );
            stream
                .write_all((head + &document).as_bytes())
                .await
                .unwrap();
        }
    });
    let config = IssuerConfig::new(issuer.parse().unwrap(), "casting-agency");
    let https = Https::new(&Roots::public());
    let expiry = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3600;
    let claims = |more: &str| {
        let fixed = format!(
            r#""iss":"{issuer}/","sub":"x","aud":"casting-agency","exp":{expiry},"permissions":["get:actors"]"#
        );
        if more.is_empty() {
            format!("{{{fixed}}}")
        } else {
            format!(r#"{{{fixed},"more":{more}}}"#)
        }
    };
    let header = |kid: &str| format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
    let many = (0..500)
        .map(|n| format!(r#""{n}":{n}"#))
        .collect::<Vec<_>>()
        .join(",");
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let (small, large) = (&keys[0].1, &keys[1].1);
    let table = [
        (
            "a sound token, 2048 bits",
            sign(small, &header("2048"), &claims("")),
        ),
        (
            "a sound token, 8192 bits",
            sign(large, &header("8192"), &claims("")),
        ),
        (
            "8 KiB of members, 2048 bits",
            sign(small, &header("2048"), &claims(&format!("{{{many}}}"))),
        ),
        (
            "as deep as it may be",
            sign(small, &header("2048"), &claims(&deep)),
        ),
        (
            "an 8192-bit signature that is wrong",
            sign(small, &header("8192"), &claims("")) + &"A".repeat(1364 - 342),
        ),
        (
            "8 KiB of one number",
            sign(small, &header("2048"), &claims(&"9".repeat(300))),
        ),
        ("10,240 bytes of letters", "a".repeat(10_240)),
        ("10,240 bytes of dots", ".".repeat(10_240)),
        (
            "8 KiB of brackets",
            format!(
                "{}.{}.AAAA",
                URL_SAFE_NO_PAD.encode(header("2048")),
                URL_SAFE_NO_PAD.encode("[".repeat(6000))
            ),
        ),
    ];
    println!("{:40} {:>6} {:>12}", "header", "bytes", "CPU ms each");
    for (what, token) in table {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        // Each round gets a new verifier: otherwise a valid token would be checked once and then
        // cached.
        let mut verifiers = Vec::new();
        for _ in 0..ROUNDS {
            let verifier = Verifier::new(&config, &https);
            verifier.prefetch().await;
            verifiers.push(verifier);
        }
        let before = cpu();
        for verifier in &verifiers {
            drop(black_box(verifier.verify(&headers).await));
        }
        println!(
            "{what:40} {:>6} {:>12.3}",
            token.len(),
            (cpu() - before) * 1000.0 / f64::from(ROUNDS)
        );
    }
}
