//! The API below a path of a custom domain. API Gateway matches routes without the base path, but
//! leaves it in the raw path.

use std::sync::Arc;

use get_actors::GetActors;
use lambda_http::{Context, LambdaEvent, Service};
use local::Role::Assistant;
use serde_json::{Value, json};
use shared::app::App;
use shared::auth::Verifier;
use shared::config::IssuerConfig;
use shared::endpoint::Endpoint;
use shared::https::{Https, Roots};
use shared::store::Store;

use crate::support::Api;

/// Sends `get_actors`, which knows the base path `/casting/v1`, a request as API Gateway passes it
/// on, and returns the response's status, headers and body.
async fn get_actors(api: &Api, key: &str, method: &str, path: &str, query: &str) -> (Value, Value) {
    let issuer = api.stack.identity.as_ref().unwrap().parse().unwrap();
    let verifier = Verifier::new(
        &IssuerConfig::new(issuer, local::AUDIENCE),
        &Https::new(&Roots::public()),
    );
    let tables = [
        ("ACTORS_TABLE", local::ACTORS_TABLE.to_owned()),
        ("MOVIES_TABLE", local::MOVIES_TABLE.to_owned()),
        ("CREDITS_TABLE", local::CREDITS_TABLE.to_owned()),
    ];
    let store =
        <GetActors as Endpoint>::Store::open(api.stack.client(), &tables.into_iter().collect());
    let app = App::<GetActors>::new(Arc::new(verifier), store).below("casting/v1".parse().unwrap());
    let mut event: Value =
        serde_json::from_str(include_str!("../../events/get_actors/listed.json")).unwrap();
    let token = api.stack.tokens.as_ref().unwrap().issue(Assistant).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["routeKey"] = json!(key);
    event["requestContext"]["routeKey"] = json!(key);
    event["requestContext"]["http"]["method"] = json!(method);
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    let event = serde_json::from_value(event).unwrap();
    let Ok(response) = app
        .service()
        .call(LambdaEvent::new(event, Context::default()))
        .await;
    let response = serde_json::to_value(response).unwrap();
    let body = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    (response, body)
}

#[tokio::test]
async fn next_and_link_lead_to_the_next_page_below_the_base_path() {
    let api = Api::start().await;
    for name in ["Ada", "Ida", "Ola"] {
        api.add_actor(name).await;
    }
    for query in ["limit=1", "limit=1&sort=-name"] {
        for base in ["/casting/v1", ""] {
            let path = format!("{base}/actors");
            let (response, body) = get_actors(&api, "GET /actors", "GET", &path, query).await;
            assert_eq!(response["statusCode"], 200, "{response}");
            let next = body["next"].as_str().unwrap();
            assert!(next.starts_with(&format!("{path}?")), "{next}");
            assert_eq!(
                response["headers"]["link"],
                format!(r#"<{next}>; rel="next""#)
            );
            let (_, query) = next.split_once('?').unwrap();
            let (_, second) = get_actors(&api, "GET /actors", "GET", &path, query).await;
            assert_eq!(second["actors"].as_array().unwrap().len(), 1);
            assert_ne!(second["actors"], body["actors"]);
        }
    }
}

#[tokio::test]
async fn the_default_route_returns_405_and_404_below_the_base_path() {
    let api = Api::start().await;
    for (method, path, status) in [
        ("PUT", "/casting/v1/actors", 405),
        ("POST", "/casting/v1/movies/1", 405),
        ("PUT", "/movies", 405),
        ("GET", "/casting/v1/directors", 404),
        ("PUT", "/casting/v1", 404),
        ("PUT", "/casting/v2/actors", 404),
        ("PUT", "/casting/v1/casting/v1/actors", 404),
    ] {
        let (response, _) = get_actors(&api, "$default", method, path, "").await;
        assert_eq!(response["statusCode"], status, "{method} {path}");
    }
}
