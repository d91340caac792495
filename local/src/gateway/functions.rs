//! The eight functions, and the routes that lead to them.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use axum::http::Method;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use shared::app::App;
use shared::auth::Verifier;
use shared::endpoint::Endpoint;
use shared::store::Store;

use delete_actors::DeleteActors;
use delete_movies::DeleteMovies;
use get_actors::GetActors;
use get_movies::GetMovies;
use patch_actors::PatchActors;
use patch_movies::PatchMovies;
use post_actors::PostActors;
use post_movies::PostMovies;

use crate::database::table_names;

/// Every route with its function: one route per endpoint, and `$default`.
pub(crate) struct Functions(Vec<(String, Arc<Function>)>);

/// A Lambda function in this process.
pub(crate) struct Function {
    name: String,
    service: Box<dyn Fn(String) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>,
}

/// The route that a request matches.
pub(super) struct Matched<'a> {
    pub(super) key: &'a str,
    pub(super) function: &'a Function,
    /// The path's parameter, by name.
    pub(super) parameter: Option<(&'a str, String)>,
}

/// The gateway's route keys, each with its function's name. `template.yaml` must have the same.
pub fn route_keys() -> Vec<(String, String)> {
    let keys = [
        keys::<GetActors>(),
        keys::<PostActors>(),
        keys::<PatchActors>(),
        keys::<DeleteActors>(),
        keys::<GetMovies>(),
        keys::<PostMovies>(),
        keys::<PatchMovies>(),
        keys::<DeleteMovies>(),
    ];
    // One function responds to what no endpoint takes: 405 on the four paths, and 404 elsewhere.
    let default = ("$default".to_owned(), App::<GetActors>::name());
    keys.into_iter().flatten().chain([default]).collect()
}

fn keys<E: Endpoint>() -> Vec<(String, String)> {
    E::ROUTES
        .iter()
        .map(|route| (format!("{} {}", E::METHOD, route.path), App::<E>::name()))
        .collect()
}

impl Functions {
    pub(crate) fn new(client: &Client, verifier: &Arc<Verifier>) -> Self {
        let functions = [
            function::<GetActors>(client, verifier),
            function::<PostActors>(client, verifier),
            function::<PatchActors>(client, verifier),
            function::<DeleteActors>(client, verifier),
            function::<GetMovies>(client, verifier),
            function::<PostMovies>(client, verifier),
            function::<PatchMovies>(client, verifier),
            function::<DeleteMovies>(client, verifier),
        ];
        let routes = route_keys().into_iter().filter_map(|(key, name)| {
            let function = functions.iter().find(|function| function.name == name)?;
            Some((key, Arc::clone(function)))
        });
        Self(routes.collect())
    }

    /// The route for a request: its method and path, else `$default`.
    pub(super) fn route(&self, method: &Method, path: &str) -> Matched<'_> {
        let found = self.0.iter().find_map(|(key, function)| {
            let (key_method, template) = key.split_once(' ')?;
            let parameter = matches(template, path)?;
            (key_method == method.as_str()).then_some(Matched {
                key,
                function,
                parameter,
            })
        });
        found.unwrap_or_else(|| self.default_route())
    }

    /// The function of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Function> {
        self.0
            .iter()
            .map(|(_, function)| function.as_ref())
            .find(|function| function.name == name)
    }

    fn default_route(&self) -> Matched<'_> {
        let default = self.0.last().map(|(key, function)| Matched {
            key,
            function,
            parameter: None,
        });
        default.unwrap_or_else(|| unreachable!("$default is the last route"))
    }
}

/// Matches an undecoded path against a route's template: `None` if it does not match, else the
/// parameter, percent-decoded, if the template has one. An encoded slash does not separate
/// segments.
fn matches<'a>(template: &'a str, path: &str) -> Option<Option<(&'a str, String)>> {
    let (templates, segments) = (template.split('/'), path.split('/').map(decoded));
    let mut parameter = None;
    let mut segments = segments.collect::<Vec<_>>().into_iter();
    for template in templates {
        let segment = segments.next()?;
        match template
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => parameter = Some((name, segment)),
            Some(_) => return None,
            None if segment == template => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(parameter)
}

/// A path, or a part of one, as in an HTTP API's events: percent-decoded once.
pub(super) fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn function<E: Endpoint>(client: &Client, verifier: &Arc<Verifier>) -> Arc<Function> {
    let app = App::<E>::new(Arc::clone(verifier), E::Store::open(client, &table_names()));
    let service = app.service();
    let call = move |event: String| {
        let mut service = service.clone();
        async move {
            let event: LambdaRequest =
                serde_json::from_str(&event).map_err(|error| error.to_string())?;
            let Ok(response) = service
                .call(LambdaEvent::new(event, Context::default()))
                .await;
            serde_json::to_value(response).map_err(|error| error.to_string())
        }
        .boxed()
    };
    Arc::new(Function {
        name: App::<E>::name(),
        service: Box::new(call),
    })
}

impl Function {
    /// Sends the function an event, as Lambda does, and returns its response.
    ///
    /// # Errors
    /// What Lambda would call a function error: an event that cannot be read, or a response that
    /// cannot be written.
    pub(crate) async fn invoke(&self, event: String) -> Result<Value, String> {
        (self.service)(event).await
    }
}
