//! Sites that functions run at: DynamoDB and issuer behind TLS, tokens, settings and events.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use local::{Options, Role, SigningKey, Stack, Tokens};
use serde_json::{Value, json};
use shared::model::{Actor, Movie};
use testkit::Launch;

use crate::cases::Case;
use crate::tls::{Chain, TlsProxy};
use crate::{Failure, Plan, failed, program, rows};

/// The services, and the rows in DynamoDB.
pub(crate) struct Site {
    pub(crate) stack: Stack,
    dynamodb: TlsProxy,
    identity: TlsProxy,
    root: PathBuf,
    token: String,
    key: Value,
}

impl Site {
    /// Starts a site with `rows` actors and as many movies; the first movie has two actors.
    pub(crate) async fn start(chain: &Chain, rows: u64) -> Result<Self, Failure> {
        let key = Arc::new(SigningKey::generate()?);
        let stack = Stack::start(Options {
            key: Some(Arc::clone(&key)),
            ..Options::in_memory()
        })
        .await?;
        let dynamodb = TlsProxy::start(chain, address(&stack.dynamodb)?).await?;
        let identity = stack
            .identity
            .as_ref()
            .ok_or_else(|| failed("no identity service"))?;
        let identity = TlsProxy::start(chain, address(identity)?).await?;
        let public = key.public_jwk();
        let token = Tokens::new(key, &format!("{}/", identity.url), local::AUDIENCE)
            .issue(Role::Producer)?;
        let site = Self {
            stack,
            dynamodb,
            identity,
            root: chain.root.clone(),
            token,
            key: public,
        };
        rows::fill::<Actor>(site.stack.client(), local::ACTORS_TABLE, 1, rows).await?;
        rows::fill::<Movie>(site.stack.client(), local::MOVIES_TABLE, 1, rows).await?;
        rows::cast(site.stack.client(), 1, &[2, 3]).await?;
        Ok(site)
    }

    /// The environment variables of a function at this site.
    pub(crate) fn settings(&self, name: &str) -> Vec<(String, String)> {
        let domain = self.identity.url.trim_start_matches("https://");
        let root = self.root.display().to_string();
        let key = |member: &str| self.key[member].as_str().unwrap_or_default().to_owned();
        let (modulus, exponent) = (key("n"), key("e"));
        let settings = [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_SESSION_TOKEN", "bench"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url),
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
        settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The event for a request by the producer, with `number` in place of `{n}`.
    pub(crate) fn event(&self, case: &Case, number: u64) -> Result<Bytes, Failure> {
        let path = case.path.replace("{n}", &number.to_string());
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let mut segments = path.split('/').skip(1);
        let resource = segments.next().unwrap_or_default();
        let id = segments.next();
        let parameter = format!("{}_id", resource.trim_end_matches('s'));
        let template = if id.is_some() {
            format!("/{resource}/{{{parameter}}}")
        } else {
            path.to_owned()
        };
        let route = format!("{} {template}", case.method);
        let host = "abcdef1234.execute-api.eu-central-1.amazonaws.com";
        let mut event = json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query,
            "headers": {
                "accept": "application/json", "accept-encoding": "gzip, deflate, br", "host": host,
                "authorization": format!("Bearer {}", self.token), "user-agent": "bench",
                "x-amzn-trace-id": "Root=1-67a1b2c3-0123456789abcdef01234567",
                "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "123456789012", "apiId": "abcdef1234", "domainName": host, "domainPrefix": "abcdef1234",
                "http": {"method": case.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"},
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
            event["queryStringParameters"] = parameters
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect();
        }
        if let Some(body) = &case.body {
            let body = body.to_string().replace("{n}", &format!("{number:06}"));
            event["body"] = json!(body.replace(r#""{age}""#, &(20 + number % 50).to_string()));
            event["headers"]["content-type"] = json!("application/json");
        }
        if let Some(key) = case.key {
            event["headers"]["idempotency-key"] =
                json!(key.replace("{n}", &format!("{number:06}")));
        }
        Ok(event.to_string().into())
    }
}

/// The number of actors, and of movies, at the site with many.
const MANY: u64 = 4000;
/// The first of the rows that cases delete; the range ends with the last row.
const FIRST_DELETED: u64 = 1500;

/// The sites that cases run at.
pub(crate) struct Sites {
    /// With one actor and one movie.
    one: Site,
    many: Site,
    chain: Chain,
    /// The ids of the next actor and the next movie to delete.
    next_deleted: [AtomicU64; 2],
    number: AtomicU64,
}

impl Sites {
    pub(crate) async fn start(folder: &Path) -> Result<Self, Failure> {
        let chain = Chain::new(folder)?;
        let (one, many) = (
            Site::start(&chain, 1).await?,
            Site::start(&chain, MANY).await?,
        );
        Ok(Self {
            one,
            many,
            chain,
            next_deleted: [const { AtomicU64::new(FIRST_DELETED) }; 2],
            number: AtomicU64::new(0),
        })
    }

    /// Starts a site with this many actors and as many movies.
    pub(crate) async fn with_rows(&self, rows: u64) -> Result<Site, Failure> {
        Site::start(&self.chain, rows).await
    }

    /// The site that a case runs at.
    pub(crate) fn of(&self, case: &Case) -> &Site {
        if case.single { &self.one } else { &self.many }
    }

    /// A case's event, with a number that no other event has.
    pub(crate) fn event(&self, case: &Case) -> Result<Bytes, Failure> {
        let [actor, movie] = &self.next_deleted;
        let counter = match case.path {
            "/actors/{n}" => actor,
            "/movies/{n}" => movie,
            _ => &self.number,
        };
        self.of(case)
            .event(case, counter.fetch_add(1, Ordering::Relaxed))
    }

    /// This many events of a case.
    pub(crate) fn events(&self, case: &Case, count: usize) -> Result<Vec<Bytes>, Failure> {
        (0..count).map(|_| self.event(case)).collect()
    }

    /// How to start a program that handles a case.
    pub(crate) fn launch(&self, plan: &Plan, name: &str, case: &Case) -> Result<Launch, Failure> {
        let (Some(python), "python") = (&plan.python, name) else {
            return Ok(self.launch_path(&program::path(plan, name)?, name, case));
        };
        let mut launch = self.launch_path(&std::path::absolute(python)?, name, case);
        launch.set("PYTHONPATH", "bench/python");
        launch
            .command
            .extend(["-m", "awslambdaric", "function.handler"].map(str::to_owned));
        Ok(launch)
    }

    /// How to start the program at a path as this function.
    pub(crate) fn launch_path(&self, path: &Path, function: &str, case: &Case) -> Launch {
        Launch {
            command: vec![path.display().to_string()],
            settings: self.of(case).settings(function),
        }
    }
}

fn address(url: &str) -> Result<SocketAddr, Failure> {
    url.trim_start_matches("http://").parse().map_err(failed)
}
