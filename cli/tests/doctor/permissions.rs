//! The permissions claim of tokens that the API accepts.

use local::{Role, Stack};
use serde_json::{Value, json};

use crate::support::*;

async fn with(stack: &Stack, claims: Value) -> Diagnosis {
    doctor(&stack.api, &changed_token(stack, json!({}), claims), &[]).await
}

#[tokio::test]
async fn a_token_without_the_claim_names_the_switches_of_the_tenant() {
    let stack = stack().await;
    let diagnosis = with(
        &stack,
        json!({"permissions": null, "scope": "openid get:actors"}),
    )
    .await;
    assert_eq!(diagnosis.names(), ["permissions-missing"]);
    let finding = diagnosis.finding("permissions-missing");
    let remedy = finding["remedy"].as_str().unwrap();
    assert!(remedy.contains("\"Enable RBAC\""), "{remedy}");
    assert!(
        remedy.contains("\"Add Permissions in the Access Token\""),
        "{remedy}"
    );
    assert!(
        finding["seen"].to_string().contains("scope grant nothing"),
        "{finding}"
    );
    // The verdicts agree: everything is forbidden.
    assert_eq!(diagnosis.status("endpoints"), "ok");
    assert_eq!(diagnosis.report["endpoints"][0]["verdict"], "forbidden");
    assert_eq!(diagnosis.report["token"]["permissions"], json!(null));
}

#[tokio::test]
async fn a_token_that_grants_nothing_is_a_finding() {
    let stack = stack().await;
    check(
        &stack.api,
        &token(&stack, Role::Nobody),
        &[],
        &["permissions-empty"],
    )
    .await;
}

#[tokio::test]
async fn a_claim_that_is_no_array_of_strings_is_a_finding() {
    let stack = stack().await;
    for claim in [
        json!("get:actors"),
        json!({"get:actors": true}),
        json!(["get:actors", 1]),
    ] {
        let diagnosis = with(&stack, json!({"permissions": claim})).await;
        assert_eq!(diagnosis.names(), ["permissions-malformed"], "{claim}");
    }
}

#[tokio::test]
async fn a_permission_that_the_api_does_not_know_is_named() {
    let stack = stack().await;
    let claims = json!({"permissions": ["get:actors", "get:movies", "delete:actor"]});
    let diagnosis = with(&stack, claims).await;
    assert_eq!(diagnosis.names(), ["permissions-unknown"]);
    let seen = diagnosis.finding("permissions-unknown")["seen"].to_string();
    assert!(seen.contains("delete:actor."), "{seen}");
    assert_eq!(diagnosis.report["token"]["role"], "Casting Assistant");
}

#[tokio::test]
async fn permissions_of_no_role_are_named_with_the_nearest_role() {
    let stack = stack().await;
    let director = [
        "get:actors",
        "get:movies",
        "post:actors",
        "patch:actors",
        "delete:actors",
    ];
    let diagnosis = with(&stack, json!({"permissions": director})).await;
    assert_eq!(diagnosis.names(), ["permissions-no-role"]);
    let seen = diagnosis.finding("permissions-no-role")["seen"].to_string();
    assert!(
        seen.contains("Casting Director, but it also has patch:movies"),
        "{seen}"
    );
    assert!(diagnosis.report["token"]["role"].is_null());
}
