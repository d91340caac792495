//! Tokens that the API rejects, and why.

use local::{Options, Role, SigningKey, Stack};
use serde_json::{Value, json};

use crate::support::*;

/// Checks the findings about a token of the stack's issuer with changed members.
async fn check_changed(stack: &Stack, header: Value, claims: Value, expected: &[&str]) {
    let arguments = ["--issuer", stack.issuer.as_str()];
    let token = changed_token(stack, header, claims);
    check(&stack.api, &token, &arguments, expected).await;
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_opaque() {
    let stack = stack().await;
    let encrypted = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn";
    for token in ["VWKTxJ1T4fQ2SxqzK1lRgLr0u3", encrypted, "a.b.c"] {
        let diagnosis = doctor(&stack.api, token, &[]).await;
        assert_eq!(diagnosis.names(), ["token-opaque"], "{token}");
        let remedy = diagnosis.finding("token-opaque")["remedy"].to_string();
        assert!(remedy.contains("audience"), "{remedy}");
        assert_eq!(diagnosis.status("endpoints"), "skipped");
    }
}

#[tokio::test]
async fn a_token_that_was_copied_badly_is_malformed() {
    let stack = stack().await;
    let token = token(&stack, Role::Producer);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let cases = [
        (format!("Bearer {token}"), "begins with"),
        (format!("Bearer {signed}"), "begins with"),
        (format!("\"{token}\""), "quotation marks"),
        (token.replace('.', ".\n"), "white space"),
        (signed.to_owned(), "less than three segments"),
        (header.to_owned(), "less than three segments"),
        (format!("{signed}."), "signature"),
        (
            format!("{header}.{}.c2ln", &claims[..claims.len() - 3]),
            "claims",
        ),
        (format!("{token}{}", "A".repeat(8192)), "8 KiB"),
    ];
    for (token, expected) in cases {
        let diagnosis = doctor(&stack.api, &token, &[]).await;
        assert_eq!(diagnosis.names(), ["token-malformed"], "{expected}");
        let seen = diagnosis.finding("token-malformed")["seen"].to_string();
        assert!(seen.contains(expected), "{seen}");
    }
    // White space around it does no harm.
    check(&stack.api, &format!(" {token}\n"), &[], &[]).await;
}

#[tokio::test]
async fn an_algorithm_other_than_rs256_is_named() {
    let stack = stack().await;
    for algorithm in ["HS256", "none", "PS256"] {
        let token = changed_token(&stack, json!({"alg": algorithm}), json!({}));
        let diagnosis = doctor(&stack.api, &token, &[]).await;
        assert_eq!(diagnosis.names(), ["token-algorithm"]);
        let seen = diagnosis.finding("token-algorithm")["seen"].to_string();
        assert!(seen.contains(algorithm), "{seen}");
    }
}

#[tokio::test]
async fn a_header_that_the_api_does_not_accept_is_a_finding() {
    let stack = stack().await;
    for header in [json!({"typ": "logout+jwt"}), json!({"crit": ["b64"]})] {
        check_changed(&stack, header, json!({}), &["token-header"]).await;
    }
    check_changed(&stack, json!({"typ": "at+jwt"}), json!({}), &[]).await;
}

#[tokio::test]
async fn an_id_token_is_told_from_an_access_token() {
    let stack = stack().await;
    let claims = json!({"aud": "a-client-id", "permissions": null, "nonce": "n", "email": "ida@example.com"});
    let token = changed_token(&stack, json!({}), claims);
    let diagnosis = doctor(&stack.api, &token, &[]).await;
    assert_eq!(diagnosis.names(), ["token-id-token"]);
    assert_eq!(diagnosis.status("permissions"), "skipped");
    assert!(!diagnosis.report.to_string().contains("ida@example.com"));
    assert!(!diagnosis.text.contains("ida@example.com"));
}

#[tokio::test]
async fn a_token_of_another_issuer_is_named_with_both() {
    let stack = stack().await;
    // It has a key of its own.
    let other = Stack::start(Options::in_memory()).await.unwrap();
    let token = token(&other, Role::Producer);
    let arguments = ["--issuer", stack.issuer.as_str()];
    let diagnosis = doctor(&stack.api, &token, &arguments).await;
    assert_eq!(diagnosis.names(), ["token-issuer"]);
    let seen = diagnosis.finding("token-issuer")["seen"].to_string();
    assert!(
        seen.contains(&stack.issuer) && seen.contains(&other.issuer),
        "{seen}"
    );
    // Without the issuer, the token is a good one that the API rejects.
    check(&stack.api, &token, &[], &["token-rejected"]).await;
    // The issuer without the slash at its end is another one.
    let issuer = stack.issuer.trim_end_matches('/');
    check_changed(&stack, json!({}), json!({"iss": issuer}), &["token-issuer"]).await;
    check_changed(&stack, json!({}), json!({"iss": null}), &["token-claims"]).await;
}

#[tokio::test]
async fn a_token_for_another_api_is_named_with_its_audience() {
    let stack = stack().await;
    for audience in [
        json!("https://tenant.example/api/v2/"),
        json!(["a", "b"]),
        json!(null),
    ] {
        check_changed(
            &stack,
            json!({}),
            json!({"aud": audience}),
            &["token-audience"],
        )
        .await;
    }
    let several = json!({"aud": ["casting-agency", "https://tenant.example/userinfo"]});
    check_changed(&stack, json!({}), several, &[]).await;
    let renamed = Options {
        audience: "castings".into(),
        ..options()
    };
    let renamed = Stack::start(renamed).await.unwrap();
    // A stack with another audience than the token's, with and without knowing it.
    let token = changed_token(&renamed, json!({}), json!({"aud": "casting-agency"}));
    check(
        &renamed.api,
        &token,
        &["--audience", "castings"],
        &["token-audience"],
    )
    .await;
    check(&renamed.api, &token, &[], &["token-rejected"]).await;
}

#[tokio::test]
async fn the_times_of_a_token_are_findings() {
    let stack = stack().await;
    let cases = [
        (
            json!({"exp": from_now(-3600), "iat": from_now(-7200)}),
            "token-expired",
        ),
        (json!({"exp": from_now(-45)}), "token-expired"),
        (json!({"nbf": from_now(3600)}), "token-not-yet-valid"),
        (json!({"iat": from_now(3600)}), "token-not-yet-valid"),
        (
            json!({"exp": from_now(31 * 86_400)}),
            "token-lifetime-rejected",
        ),
        (json!({"exp": from_now(7 * 86_400)}), "token-lifetime-long"),
        (json!({"exp": 1e300}), "token-lifetime-rejected"),
        (json!({"exp": -1e300}), "token-expired"),
        (json!({"exp": null}), "token-claims"),
        (json!({"exp": "soon"}), "token-claims"),
        (json!({"iat": "now"}), "token-claims"),
        (json!({"sub": ""}), "token-claims"),
    ];
    for (claims, expected) in cases {
        check_changed(&stack, json!({}), claims, &[expected]).await;
    }
    check_changed(&stack, json!({}), json!({"exp": from_now(-5)}), &[]).await;
    check_changed(&stack, json!({}), json!({"exp": from_now(86_400)}), &[]).await;
}

#[tokio::test]
async fn an_expired_token_is_named_with_its_age() {
    let stack = stack().await;
    let claims = json!({"exp": from_now(-2 * 86_400 - 60), "iat": from_now(-3 * 86_400)});
    let token = changed_token(&stack, json!({}), claims);
    let diagnosis = doctor(&stack.api, &token, &[]).await;
    let seen = diagnosis.finding("token-expired")["seen"].to_string();
    assert!(seen.contains("expired 2 days ago"), "{seen}");
    assert_eq!(diagnosis.status("endpoints"), "skipped");
    // The other endpoints would say the same.
    let endpoints = diagnosis.report["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0]["verdict"], "rejected");
}

#[tokio::test]
async fn a_key_that_the_issuer_does_not_publish_is_a_finding() {
    let stack = stack().await;
    for kid in [json!("of-yesterday"), json!(null), json!("")] {
        check_changed(
            &stack,
            json!({"kid": kid}),
            json!({}),
            &["token-key-unknown"],
        )
        .await;
    }
}

#[tokio::test]
async fn a_token_whose_issuer_publishes_no_keys_is_not_called_valid() {
    let (_socket, closed) = closed_port();
    let stack = stack().await;
    let token = changed_token(&stack, json!({}), json!({"iss": format!("{closed}/")}));
    let diagnosis = doctor(&stack.api, &token, &[]).await;
    assert_eq!(diagnosis.names(), ["issuer-refused", "token-rejected"]);
    let seen = diagnosis.finding("token-rejected")["seen"].to_string();
    assert!(seen.contains("could not be asked for its keys"), "{seen}");
    assert!(!seen.contains("has signed it"), "{seen}");
}

#[tokio::test]
async fn a_signature_of_another_key_is_a_finding() {
    let stack = stack().await;
    let tokens = stack.tokens.as_ref().unwrap();
    let token = token(&stack, Role::Producer);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let stranger = SigningKey::generate().unwrap();
    let header = json!({"alg": "RS256", "kid": tokens.key().id()}).to_string();
    let claims = json!({
        "iss": tokens.issuer(), "aud": tokens.audience(), "sub": "x", "exp": from_now(60), "permissions": ["get:actors", "get:movies"],
    });
    let forged = stranger.sign(&header, &claims.to_string()).unwrap();
    let cut = format!("{signed}.{}", "A".repeat(342));
    for token in [forged, cut] {
        check(&stack.api, &token, &[], &["token-signature"]).await;
    }
}
