//! A whole site for functions to run at: DynamoDB and issuer behind TLS, tokens, settings and events.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use local::{Options, Role, SigningKey, Stack, Tokens};
use serde_json::{Value, json};
use shared::model::{Actor, Movie};

use crate::rows;
use crate::tls::{Chain, Front};
use crate::{Failure, failed};

/// The services, and what is in DynamoDB.
pub(crate) struct Site {
    pub(crate) stack: Stack,
    dynamodb: Front,
    identity: Front,
    root: PathBuf,
    tokens: Tokens,
    key: Value,
}

impl Site {
    /// A site with so many actors and movies.
    pub(crate) async fn start(chain: &Chain, rows: u64) -> Result<Self, Failure> {
        let key = Arc::new(SigningKey::generate()?);
        let stack = Stack::start(Options { key: Some(Arc::clone(&key)), ..Options::in_memory() }).await?;
        let dynamodb = Front::start(chain, address(&stack.dynamodb)?).await?;
        let identity = stack.identity.as_ref().ok_or_else(|| failed("no identity service"))?;
        let identity = Front::start(chain, address(identity)?).await?;
        let public = key.public_jwk();
        let tokens = Tokens::new(key, &format!("{}/", identity.url), local::AUDIENCE);
        let site = Self { stack, dynamodb, identity, root: chain.root.clone(), tokens, key: public };
        rows::fill::<Actor>(site.stack.client(), local::ACTORS_TABLE, 1, rows).await?;
        rows::fill::<Movie>(site.stack.client(), local::MOVIES_TABLE, 1, rows).await?;
        Ok(site)
    }

    /// The environment of a function at this site; its DynamoDB is at `dynamodb`, where that is given.
    pub(crate) fn settings(&self, name: &str, dynamodb: Option<&str>) -> Vec<(String, String)> {
        let domain = self.identity.url.trim_start_matches("https://");
        let root = self.root.display().to_string();
        let key = |member: &str| self.key[member].as_str().unwrap_or_default().to_owned();
        let (modulus, exponent) = (key("n"), key("e"));
        let settings = [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_SESSION_TOKEN", "bench"),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.unwrap_or(&self.dynamodb.url)),
            ("AWS_CA_BUNDLE", &root),
            ("SSL_CERT_FILE", &root),
            ("AUTH0_DOMAIN", domain),
            ("API_AUDIENCE", local::AUDIENCE),
            ("ACTORS_TABLE", local::ACTORS_TABLE),
            ("MOVIES_TABLE", local::MOVIES_TABLE),
            ("CREDITS_TABLE", local::CREDITS_TABLE),
            ("FLOOR_MODULUS", &modulus),
            ("FLOOR_EXPONENT", &exponent),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The event of a request by the producer.
    pub(crate) fn event(&self, request: &Request) -> Result<Bytes, Failure> {
        let token = self.tokens.issue(Role::Producer)?;
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let mut segments = path.split('/').skip(1);
        let resource = segments.next().unwrap_or_default();
        let id = segments.next();
        let parameter = format!("{}_id", resource.trim_end_matches('s'));
        let template = if id.is_some() { format!("/{resource}/{{{parameter}}}") } else { path.to_owned() };
        let route = format!("{} {template}", request.method);
        let host = "abcdef1234.execute-api.eu-central-1.amazonaws.com";
        let mut event = json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query,
            "headers": {
                "accept": "application/json", "accept-encoding": "gzip, deflate, br", "host": host,
                "authorization": format!("Bearer {token}"), "user-agent": "bench",
                "x-amzn-trace-id": "Root=1-67a1b2c3-0123456789abcdef01234567",
                "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "123456789012", "apiId": "abcdef1234", "domainName": host, "domainPrefix": "abcdef1234",
                "http": {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"},
                "requestId": "EXAMPLE00000001=", "routeKey": route, "stage": "$default",
                "time": "04/Feb/2025:06:24:35 +0000", "timeEpoch": 1_738_650_275_000_u64,
            },
            "isBase64Encoded": false,
        });
        if let Some(id) = id {
            event["pathParameters"] = json!({ parameter: id });
        }
        if !query.is_empty() {
            let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
            event["queryStringParameters"] = parameters.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        }
        if let Some(body) = &request.body {
            event["body"] = json!(body.to_string());
            event["headers"]["content-type"] = json!("application/json");
        }
        Ok(event.to_string().into())
    }
}

/// A request of the API.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// The path with its query.
    pub(crate) path: &'static str,
    pub(crate) body: Option<Value>,
}

fn address(url: &str) -> Result<SocketAddr, Failure> {
    url.trim_start_matches("http://").parse().map_err(failed)
}
