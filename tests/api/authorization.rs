use std::sync::Arc;

use local::Role::{self, Assistant};
use local::SigningKey;
use serde_json::{Value, json};

use crate::support::{Api, ApiResponse, send, signing_key};

/// Seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs()
}

/// A token like the local identity service's, with some members of header and claims replaced or,
/// if null, removed.
fn token(api: &Api, key: &SigningKey, header: Value, claims: Value) -> String {
    let mut all_header = json!({"alg": "RS256", "typ": "JWT", "kid": key.id()});
    let mut all_claims = json!({
        "iss": format!("{}/", api.stack.identity.as_ref().unwrap()), "sub": "local|test", "aud": "casting-agency",
        "iat": now(), "exp": now() + 600, "permissions": ["get:actors"],
    });
    for (all, changes) in [(&mut all_header, header), (&mut all_claims, claims)] {
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                all.as_object_mut().unwrap().remove(name);
            } else {
                all[name] = value.clone();
            }
        }
    }
    key.sign(&all_header.to_string(), &all_claims.to_string())
        .unwrap()
}

async fn with_header(api: &Api, value: &str) -> ApiResponse {
    send(api.request("GET", "/actors").header("authorization", value)).await
}

async fn with_token(api: &Api, token: &str) -> ApiResponse {
    with_header(api, &format!("Bearer {token}")).await
}

#[track_caller]
fn assert_invalid_token(response: &ApiResponse, case: &str) {
    assert_eq!(response.status, 401, "{case}: {response:?}");
    assert_eq!(
        response.body,
        json!({"success": false, "error": 401, "message": "The access token is not valid.", "code": "invalid_token"}),
        "{case}"
    );
}

#[tokio::test]
async fn a_request_without_an_authorization_header_returns_401() {
    let api = Api::start().await;
    for (method, path) in [
        ("GET", "/actors"),
        ("POST", "/movies"),
        ("PATCH", "/actors/1"),
        ("DELETE", "/movies/1"),
    ] {
        let response = send(api.request(method, path)).await;
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        assert_eq!(
            response.expect(401),
            json!({
                "success": false, "error": 401, "message": "Authorization header is expected.", "code": "authorization_header_missing",
            })
        );
    }
}

#[tokio::test]
async fn a_scheme_other_than_bearer_gets_a_challenge_without_an_error() {
    let api = Api::start().await;
    let good = token(&api, &signing_key(), json!({}), json!({}));
    for value in [
        "",
        "Bearer",
        "Basic dTpw",
        &good,
        &format!("Token {good}"),
        &format!("Bearer{good}"),
    ] {
        let response = with_header(&api, value).await;
        assert_invalid_token(&response, value);
        assert_eq!(
            response.header("www-authenticate"),
            Some("Bearer"),
            "{value}"
        );
    }
}

#[tokio::test]
async fn the_bearer_scheme_is_case_insensitive() {
    let api = Api::start().await;
    let good = token(&api, &signing_key(), json!({}), json!({}));
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR "] {
        with_header(&api, &format!("{scheme} {good}"))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn a_token_is_accepted_only_in_a_single_authorization_header() {
    let api = Api::start().await;
    let good = token(&api, &signing_key(), json!({}), json!({}));
    let bearer = format!("Bearer {good}");
    let twice = api
        .request("GET", "/actors")
        .header("authorization", &bearer)
        .header("authorization", &bearer);
    assert_invalid_token(&send(twice).await, "two headers");
    assert_invalid_token(
        &with_header(&api, &format!("{bearer}, {bearer}")).await,
        "two tokens",
    );
    let elsewhere = [
        api.request("GET", &format!("/actors?access_token={good}")),
        api.request("GET", "/actors")
            .header("cookie", format!("access_token={good}")),
        api.request("GET", "/actors")
            .header("x-authorization", &bearer),
        api.request("GET", "/actors")
            .body(format!("access_token={good}")),
    ];
    for request in elsewhere {
        send(request)
            .await
            .expect_error(401, "Authorization header is expected.");
    }
}

#[tokio::test]
async fn every_invalid_token_gets_the_same_response() {
    let api = Api::start().await;
    let (key, stranger) = (signing_key(), Arc::new(SigningKey::generate().unwrap()));
    let good = token(&api, &key, json!({}), json!({}));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{}{}.{signature}", &head[..head.len() - 4], "AAAA");
    let bad = [
        ("garbage", "x".into()),
        ("two segments", head.into()),
        ("four segments", format!("{good}.e30")),
        ("no signature", format!("{head}.")),
        (
            "another signature",
            format!("{head}.{}", "A".repeat(signature.len())),
        ),
        ("tampered claims", tampered),
        (
            "an unknown key",
            token(&api, &stranger, json!({}), json!({})),
        ),
        (
            "a known id on a stranger's key",
            token(&api, &stranger, json!({"kid": key.id()}), json!({})),
        ),
        (
            "a stranger's key inside",
            token(
                &api,
                &stranger,
                json!({"kid": key.id(), "jwk": stranger.public_jwk()}),
                json!({}),
            ),
        ),
        (
            "no key id",
            token(&api, &key, json!({"kid": null}), json!({})),
        ),
        (
            "no algorithm",
            token(&api, &key, json!({"alg": "none"}), json!({})),
        ),
        (
            "another algorithm",
            token(&api, &key, json!({"alg": "HS256"}), json!({})),
        ),
        (
            "a critical extension",
            token(&api, &key, json!({"crit": ["exp"]}), json!({})),
        ),
        (
            "expired",
            token(&api, &key, json!({}), json!({"exp": now() - 31})),
        ),
        (
            "no expiry",
            token(&api, &key, json!({}), json!({"exp": null})),
        ),
        (
            "not yet valid",
            token(&api, &key, json!({}), json!({"nbf": now() + 60})),
        ),
        (
            "another issuer",
            token(
                &api,
                &key,
                json!({}),
                json!({"iss": "https://evil.example/"}),
            ),
        ),
        (
            "no issuer",
            token(&api, &key, json!({}), json!({"iss": null})),
        ),
        (
            "another audience",
            token(&api, &key, json!({}), json!({"aud": "other"})),
        ),
        (
            "no audience",
            token(&api, &key, json!({}), json!({"aud": null})),
        ),
        (
            "no subject",
            token(&api, &key, json!({}), json!({"sub": null})),
        ),
        ("far too long", "a".repeat(9000)),
    ];
    for (case, token) in bad {
        let response = with_token(&api, &token).await;
        assert_invalid_token(&response, case);
        assert_eq!(
            response.header("www-authenticate"),
            Some(r#"Bearer error="invalid_token""#),
            "{case}"
        );
    }
    with_token(&api, &good).await.expect(200);
}

#[tokio::test]
async fn every_valid_token_variant_is_accepted() {
    let api = Api::start().await;
    let key = signing_key();
    let good = [
        (
            json!({}),
            json!({"aud": ["https://tenant.example/userinfo", "casting-agency"], "scope": "openid"}),
        ),
        (
            json!({"typ": "at+jwt"}),
            json!({"client_id": "x", "jti": "x"}),
        ),
        (json!({"typ": null}), json!({"iat": null, "nbf": now()})),
        (json!({}), json!({"exp": now() - 20})),
        (json!({}), json!({"iat": now() + 20})),
        (
            json!({"jku": "https://evil.example/", "x5t": "x"}),
            json!({}),
        ),
    ];
    for (header, claims) in good {
        let response = with_token(&api, &token(&api, &key, header.clone(), claims.clone())).await;
        assert_eq!(response.status, 200, "{header} {claims}");
    }
}

#[tokio::test]
async fn only_the_exact_permission_in_the_permissions_claim_counts() {
    let api = Api::start().await;
    let grants = [
        json!(null),
        json!([]),
        json!(["get:movies"]),
        json!(["GET:ACTORS"]),
        json!(["get:actors "]),
        json!(["get:actor"]),
        json!(["get:*"]),
        json!("get:actors"),
        json!({"get:actors": true}),
        json!([["get:actors"]]),
        json!(["get:actors", 1]),
    ];
    for grant in grants {
        let claims = json!({"permissions": grant, "scope": "get:actors", "roles": ["get:actors", "Executive Producer"]});
        let response = with_token(&api, &token(&api, &signing_key(), json!({}), claims)).await;
        assert_eq!(
            response.header("www-authenticate"),
            Some(r#"Bearer error="insufficient_scope""#)
        );
        assert_eq!(
            response.expect(403),
            json!({"success": false, "error": 403, "message": "Permission not found: get:actors", "code": "insufficient_permission"})
        );
    }
}

#[tokio::test]
async fn a_token_can_be_used_for_several_requests() {
    let api = Api::start().await;
    let tokens = api.stack.tokens.as_ref().unwrap();
    let (assistant, nobody) = (
        tokens.issue(Assistant).unwrap(),
        tokens.issue(Role::Nobody).unwrap(),
    );
    let get = |token: &str| {
        let request = api.request("GET", "/movies");
        send(request.header("authorization", format!("Bearer {token}")))
    };
    for _ in 0..3 {
        get(&assistant).await.expect(200);
        get(&nobody)
            .await
            .expect_error(403, "Permission not found: get:movies");
    }
}
