//! Issuers that are away or something else, and keys that verify nothing.

use local::Role;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn an_issuer_at_which_nothing_listens_is_refused() {
    let stack = stack().await;
    let (_socket, closed) = closed_port();
    let arguments = ["--issuer", &closed];
    let diagnosis = doctor(&stack.api, "", &arguments).await;
    assert_eq!(diagnosis.names(), ["issuer-refused"]);
    assert_eq!(diagnosis.status("keys"), "skipped");
}

#[tokio::test]
async fn an_issuer_without_an_address_is_a_dns_finding() {
    let stack = stack().await;
    let domain = format!("{}.example", "a".repeat(64));
    check(&stack.api, "", &["--issuer", &domain], &["issuer-dns"]).await;
}

#[tokio::test]
async fn an_issuer_that_cannot_be_talked_to_is_named_with_the_cause() {
    let stack = stack().await;
    let (_listener, silent) = silent().await;
    let endless = Server::with(200, &[], &" ".repeat((1 << 20) + 1)).await;
    let cases = [
        (mail_server().await, "issuer-protocol"),
        (tls_server().await, "issuer-tls"),
        ("https://255.255.255.255".to_owned(), "issuer-unreachable"),
        (endless.url.clone(), "issuer-foreign"),
    ];
    for (issuer, name) in cases {
        check(&stack.api, "", &["--issuer", &issuer], &[name]).await;
    }
    let arguments = ["--timeout", "3", "--issuer", silent.as_str()];
    check(&stack.api, "", &arguments, &["issuer-timeout"]).await;
}

#[tokio::test]
async fn a_server_without_a_discovery_document_is_no_issuer() {
    let stack = stack().await;
    // The API's own address instead of the issuer's.
    let arguments = ["--issuer", &stack.api];
    check(
        &stack.api,
        "",
        &arguments,
        &["issuer-discovery", "keys-missing"],
    )
    .await;
    let server = Server::with(302, &[("location", "https://login.example/")], "").await;
    let diagnosis = doctor(&stack.api, "", &["--issuer", &server.url]).await;
    assert_eq!(diagnosis.names(), ["issuer-discovery", "keys-missing"]);
    let seen = diagnosis.finding("issuer-discovery")["seen"].to_string();
    assert!(seen.contains("302 to https://login.example/"), "{seen}");
}

#[tokio::test]
async fn an_issuer_that_has_another_name_is_a_mismatch() {
    let stack = stack().await;
    // The same service by another name, as a tenant has a domain of its own beside Auth0's.
    let alias = stack.issuer.replace("127.0.0.1", "localhost");
    let token = token(&stack, Role::Producer);
    let expected = ["issuer-mismatch", "settings-issuer"];
    check(&stack.api, &token, &["--issuer", &alias], &expected).await;
}

#[tokio::test]
async fn keys_at_an_address_that_the_api_does_not_read_are_a_finding() {
    let stack = stack().await;
    let elsewhere =
        |url: &str| json!({"issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys")});
    let keys = key_set(stack.tokens.as_ref().unwrap().key());
    let issuer = issuer(elsewhere, &keys).await;
    let diagnosis = doctor(&stack.api, "", &["--issuer", &issuer.url]).await;
    assert_eq!(diagnosis.names(), ["issuer-jwks-uri"]);
}

#[tokio::test]
async fn keys_that_cannot_verify_rs256_are_a_finding() {
    let stack = stack().await;
    let mut key = stack.tokens.as_ref().unwrap().key().public_jwk();
    key["alg"] = json!("RS512");
    let check = async |keys: Value, name: &str, expected: &str| {
        let issuer = issuer(discovery, &keys).await;
        let diagnosis = doctor(&stack.api, "", &["--issuer", &issuer.url]).await;
        assert_eq!(diagnosis.names(), [name]);
        let seen = diagnosis.finding(name)["seen"].to_string();
        assert!(seen.contains(expected), "{seen}");
    };
    let rs512 = json!({"keys": [key]});
    check(rs512, "keys-unusable", "another algorithm than RS256").await;
    let elliptic = json!({"keys": [{"kty": "EC", "kid": "k", "crv": "P-256"}]});
    check(elliptic, "keys-unusable", "it is not an RSA key").await;
    check(json!({"keys": []}), "keys-unusable", "has 0 keys").await;
    check(json!({"keys": "x"}), "keys-missing", "is no key set").await;
    let long = json!({"keys": [], "padding": " ".repeat(150_000)});
    check(long, "keys-missing", "is no key set").await;
}
