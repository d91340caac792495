use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use local::Role::Assistant;
use local::{Options, SigningKey};
use serde_json::json;

use crate::support::issuer::{Behaviour, TestIssuer, key_document};
use crate::support::{Api, ApiResponse, options, send, signing_key};

async fn get(api: &Api, token: &str) -> ApiResponse {
    send(
        api.request("GET", "/actors")
            .header("authorization", format!("Bearer {token}")),
    )
    .await
}

#[tokio::test]
async fn the_api_returns_503_while_the_issuer_fails_and_then_recovers() {
    let key = signing_key();
    let good = key_document(&[&key]);
    let elsewhere = TestIssuer::start(Behaviour::Publishes(good.clone())).await;
    let behaviours = [
        Behaviour::Fails(500),
        Behaviour::Fails(404),
        Behaviour::Publishes("<html>".into()),
        Behaviour::Publishes(r#"{"keys": []}"#.into()),
        Behaviour::Publishes(format!("{good}{}", " ".repeat(150_000))),
        Behaviour::Compresses(good.clone()),
        Behaviour::Publishes(format!(
            r#"{{"keys": [{}{}]}}"#,
            "[".repeat(70_000),
            "]".repeat(70_000)
        )),
        Behaviour::Redirects(elsewhere.url.key_set_url().to_string()),
    ];
    join_all(behaviours.map(|behaviour| is_503_until_the_issuer_is_up(behaviour, &key, &good)))
        .await;
    assert_eq!(elsewhere.fetches(), 0);
}

async fn is_503_until_the_issuer_is_up(behaviour: Behaviour, key: &Arc<SigningKey>, good: &str) {
    let issuer = TestIssuer::start(behaviour.clone()).await;
    let api = Api::trusting(issuer.url.clone()).await;
    let token = issuer.token(key, Assistant);
    let response = get(&api, &token).await;
    response.expect_error(503, "service unavailable");
    assert_eq!(response.header("retry-after"), Some("1"), "{behaviour:?}");
    issuer.now(Behaviour::Publishes(good.to_owned()));
    // The next attempt is allowed after a second, as the response says.
    tokio::time::sleep(Duration::from_millis(1050)).await;
    get(&api, &token).await.expect(200);
}

#[tokio::test]
async fn a_slow_issuer_causes_503_within_four_seconds() {
    let key = signing_key();
    let behaviours = [
        Behaviour::Delays(Duration::from_secs(60), String::new()),
        Behaviour::SendsSlowly(key_document(&[&key])),
    ];
    for response in join_all(behaviours.map(|behaviour| first_request(behaviour, &key))).await {
        response.expect_error(503, "service unavailable");
    }
}

async fn first_request(behaviour: Behaviour, key: &Arc<SigningKey>) -> ApiResponse {
    let issuer = TestIssuer::start(behaviour).await;
    let api = Api::trusting(issuer.url.clone()).await;
    let started = Instant::now();
    let response = get(&api, &issuer.token(key, Assistant)).await;
    assert!(started.elapsed() < Duration::from_secs(4));
    response
}

#[tokio::test]
async fn a_malformed_token_is_rejected_without_fetching_keys() {
    let issuer = TestIssuer::start(Behaviour::Fails(500)).await;
    let api = Api::trusting(issuer.url.clone()).await;
    get(&api, "x.y.z")
        .await
        .expect_error(401, "The access token is not valid.");
    send(api.request("GET", "/actors"))
        .await
        .expect_error(401, "Authorization header is expected.");
    send(api.request("PUT", "/actors"))
        .await
        .expect_error(405, "method not allowed");
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn concurrent_first_requests_share_one_key_set_fetch() {
    let key = signing_key();
    let issuer = TestIssuer::start(Behaviour::Delays(
        Duration::from_millis(200),
        key_document(&[&key]),
    ))
    .await;
    let api = Api::trusting(issuer.url.clone()).await;
    let token = issuer.token(&key, Assistant);
    for response in join_all((0..50).map(|_| get(&api, &token))).await {
        response.expect(200);
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_per_cool_down() {
    let (key, unknown_key) = (signing_key(), Arc::new(SigningKey::generate().unwrap()));
    let issuer = TestIssuer::start(Behaviour::Publishes(key_document(&[&key]))).await;
    let api = Api::trusting(issuer.url.clone()).await;
    let unknown_key_token = issuer.token(&unknown_key, Assistant);
    for response in join_all((0..20).map(|_| get(&api, &unknown_key_token))).await {
        response.expect_error(401, "The access token is not valid.");
    }
    get(&api, &issuer.token(&key, Assistant)).await.expect(200);
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_works_after_the_cool_down_and_a_removed_key_stops_working() {
    let (old, new) = (signing_key(), Arc::new(SigningKey::generate().unwrap()));
    let issuer = TestIssuer::start(Behaviour::Publishes(key_document(&[&old]))).await;
    let times = Options {
        cache: Duration::from_secs(1),
        cooldown: Duration::from_secs(1),
        ..options()
    };
    let api = Api::with(Options {
        issuer: Some(issuer.url.clone()),
        ..times
    })
    .await;
    let (old_token, new_token) = (issuer.token(&old, Assistant), issuer.token(&new, Assistant));
    get(&api, &old_token).await.expect(200);
    issuer.now(Behaviour::Publishes(key_document(&[&old, &new])));
    get(&api, &new_token)
        .await
        .expect_error(401, "The access token is not valid.");
    tokio::time::sleep(Duration::from_millis(1050)).await;
    get(&api, &new_token).await.expect(200);
    issuer.now(Behaviour::Publishes(key_document(&[&new])));
    tokio::time::sleep(Duration::from_millis(2050)).await;
    get(&api, &old_token)
        .await
        .expect_error(401, "The access token is not valid.");
    get(&api, &new_token).await.expect(200);
}

#[tokio::test]
async fn a_token_is_rejected_after_its_key_is_replaced_under_the_same_id() {
    let (old, new) = (signing_key(), SigningKey::generate().unwrap());
    let issuer = TestIssuer::start(Behaviour::Publishes(key_document(&[&old]))).await;
    let times = Options {
        cache: Duration::from_millis(300),
        cooldown: Duration::from_millis(300),
        ..options()
    };
    let api = Api::with(Options {
        issuer: Some(issuer.url.clone()),
        ..times
    })
    .await;
    let token = issuer.token(&old, Assistant);
    for _ in 0..3 {
        get(&api, &token).await.expect(200);
    }
    let mut replaced = new.public_jwk();
    replaced["kid"] = json!(old.id());
    issuer.now(Behaviour::Publishes(
        json!({ "keys": [replaced] }).to_string(),
    ));
    tokio::time::sleep(Duration::from_millis(650)).await;
    get(&api, &token)
        .await
        .expect_error(401, "The access token is not valid.");
}

#[tokio::test]
async fn a_failing_or_slow_issuer_does_not_block_requests_with_known_keys() {
    let (key, unknown_key) = (signing_key(), Arc::new(SigningKey::generate().unwrap()));
    let issuer = TestIssuer::start(Behaviour::Publishes(key_document(&[&key]))).await;
    let times = Options {
        cache: Duration::from_millis(300),
        cooldown: Duration::from_millis(300),
        ..options()
    };
    let api = Api::with(Options {
        issuer: Some(issuer.url.clone()),
        ..times
    })
    .await;
    let token = issuer.token(&key, Assistant);
    get(&api, &token).await.expect(200);
    for behaviour in [
        Behaviour::Fails(500),
        Behaviour::Publishes(r#"{"keys": []}"#.into()),
    ] {
        issuer.now(behaviour);
        tokio::time::sleep(Duration::from_millis(650)).await;
        get(&api, &token).await.expect(200);
    }
    issuer.now(Behaviour::Publishes(key_document(&[&key])));
    tokio::time::sleep(Duration::from_millis(350)).await;
    get(&api, &token).await.expect(200);
    tokio::time::sleep(Duration::from_millis(350)).await;
    issuer.now(Behaviour::Delays(
        Duration::from_millis(1300),
        key_document(&[&key]),
    ));
    let unknown_key_token = issuer.token(&unknown_key, Assistant);
    let waiting = get(&api, &unknown_key_token);
    // This request comes while the fetch is running; the next one, below, when the set has long
    // expired.
    let known = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let started = Instant::now();
        get(&api, &token).await.expect(200);
        started.elapsed()
    };
    let (rejected, delay) = tokio::join!(waiting, known);
    rejected.expect_error(401, "The access token is not valid.");
    assert!(delay < Duration::from_secs(1), "{delay:?}");
    tokio::time::sleep(Duration::from_millis(650)).await;
    issuer.now(Behaviour::Delays(
        Duration::from_secs(3),
        key_document(&[&key]),
    ));
    let started = Instant::now();
    get(&api, &token).await.expect(200);
    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
}
