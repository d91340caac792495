//! A proxy in front of DynamoDB that records each call, its bytes and the units that it consumed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use testkit::{Environment, Launch};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Failure, checked, failed};

/// The totals of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) calls: u64,
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
    /// The bytes of the response bodies.
    pub(crate) bytes: u64,
}

impl Usage {
    pub(crate) fn units(&self) -> f64 {
        self.read_units + self.write_units
    }
}

struct Meter {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    http: reqwest::Client,
    usage: Mutex<Usage>,
}

impl Meter {
    async fn start(upstream: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            http,
            usage: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self {
            url,
            shared,
            server,
        })
    }

    /// The usage since the last `take`.
    fn take(&self) -> Usage {
        std::mem::take(
            &mut *self
                .shared
                .usage
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The DynamoDB usage of the second of two requests to a function; the first one warms it.
pub(crate) async fn usage(
    dynamodb: &str,
    mut launch: Launch,
    events: [&Bytes; 2],
) -> Result<Usage, Failure> {
    let meter = Meter::start(dynamodb).await?;
    launch.set("AWS_ENDPOINT_URL_DYNAMODB", &meter.url);
    let mut environment = Environment::start(&launch, None).await?;
    for event in events {
        meter.take();
        checked(&environment.invoke(event).await?.0)?;
    }
    Ok(meter.take())
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared
        .pass(&headers, &body)
        .await
        .unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

impl Shared {
    async fn pass(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
        // A request without a target only opens a connection.
        let Some(target) = headers.get("x-amz-target") else {
            return Ok(StatusCode::OK.into_response());
        };
        // A transaction's condition checks count as writes.
        let reads = ["Query", "GetItem", "BatchGetItem"]
            .iter()
            .any(|call| target.as_bytes().ends_with(format!(".{call}").as_bytes()));
        let mut call: Value = serde_json::from_slice(body)?;
        call["ReturnConsumedCapacity"] = json!("TOTAL");
        let mut request = self
            .http
            .post(&self.upstream)
            .header("x-amz-target", target.clone())
            .body(call.to_string());
        for name in [
            "authorization",
            "x-amz-date",
            "x-amz-security-token",
            "content-type",
        ] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value.clone());
            }
        }
        let response = request.send().await?;
        let status = response.status();
        let mut response: Value = serde_json::from_slice(&response.bytes().await?)?;
        let consumed = response
            .as_object_mut()
            .and_then(|response| response.remove("ConsumedCapacity"));
        let response = response.to_string();
        let mut usage = self
            .usage
            .lock()
            .map_err(|_| failed("a call has panicked"))?;
        usage.calls += 1;
        let units = consumed.as_ref().map_or(0.0, units);
        if reads {
            usage.read_units += units
        } else {
            usage.write_units += units
        }
        usage.bytes += response.len() as u64;
        Ok((
            status,
            [("content-type", "application/x-amz-json-1.0")],
            response,
        )
            .into_response())
    }
}

/// The units of one table, or the sum over several.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(several) => several.iter().map(units).sum(),
        one => one["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
