//! What the pipeline does around an endpoint that the test defines.

use std::sync::Arc;

use lambda_http::http::Method;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service};
use local::Role::{Assistant, Nobody};
use serde_json::{Value, json};
use shared::app::App;
use shared::auth::Verifier;
use shared::config::IssuerConfig;
use shared::endpoint::{Authorized, Endpoint, Reply};
use shared::error::Error;
use shared::https::{Https, Roots};
use shared::model::Actor;
use shared::permission::Permission;
use shared::route::{self, Route};
use shared::store::{Bounds, Listing, Page, Table};

use crate::support::Api;

/// Panics if its query says so.
struct Panics;

impl Endpoint for Panics {
    const METHOD: Method = Method::GET;
    const ROUTES: &'static [&'static Route] = &[route::ACTORS];
    const PERMISSION: Permission = Permission::GetActors;
    type Store = Table<Actor>;

    async fn handle(request: Authorized, actors: &Table<Actor>) -> Result<Reply, Error> {
        let list = request.list::<Actor>()?;
        let Listing { rows, .. } = actors.list(Bounds::ascending(1, None), |_| true).await?;
        assert_ne!(list.query.limit, 13, "a secret in a panic's message");
        Ok(Reply::page(&list, &Page { rows, next: None }))
    }
}

fn event(api: &Api, role: local::Role, query: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../events/get_actors/listed.json")).unwrap();
    let token = api.stack.tokens.as_ref().unwrap().issue(role).unwrap();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["rawQueryString"] = json!(query);
    event
}

fn service(
    api: &Api,
) -> impl Service<
    LambdaEvent<LambdaRequest>,
    Response = impl serde::Serialize,
    Error = std::convert::Infallible,
> {
    let issuer = api.stack.identity.as_ref().unwrap().parse().unwrap();
    let verifier = Arc::new(Verifier::new(
        &IssuerConfig::new(issuer, local::AUDIENCE),
        &Https::new(&Roots::public()),
    ));
    App::<Panics>::new(
        verifier,
        Table::new(api.stack.client().clone(), local::ACTORS_TABLE),
    )
    .service()
}

#[tokio::test]
async fn a_handler_panic_returns_500_and_the_next_request_works() {
    let api = Api::start().await;
    let mut service = service(&api);
    for (query, status) in [
        ("limit=13", 500),
        ("", 200),
        ("limit=13", 500),
        ("limit=12", 200),
    ] {
        let event = serde_json::from_value(event(&api, Assistant, query)).unwrap();
        let Ok(response) = service
            .call(LambdaEvent::new(event, Context::default()))
            .await;
        let response = serde_json::to_value(response).unwrap();
        assert_eq!(response["statusCode"], status, "{response}");
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        if status == 500 {
            assert_eq!(
                body,
                json!({"success": false, "error": 500, "message": "internal server error"})
            );
        }
    }
}

#[tokio::test]
async fn an_endpoint_does_not_run_without_its_permission() {
    let api = Api::start().await;
    let event = serde_json::from_value(event(&api, Nobody, "limit=13")).unwrap();
    let Ok(response) = service(&api)
        .call(LambdaEvent::new(event, Context::default()))
        .await;
    assert_eq!(serde_json::to_value(response).unwrap()["statusCode"], 403);
}

#[tokio::test]
async fn a_function_returns_404_for_another_functions_route() {
    let api = Api::start().await;
    for function in ["post_actors", "get_movies", "delete_actors", "patch_movies"] {
        let response = api
            .stack
            .invoke(function, &event(&api, Assistant, ""))
            .await
            .unwrap();
        assert_eq!(response["statusCode"], 404, "{function}: {response}");
    }
}
