//! Sends the demo's rows to the local stack.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::{Added, DemoError};

/// The most attempts at one request.
const ATTEMPTS: u32 = 5;
/// The wait after the first attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the local stack.
pub(super) struct Client {
    api: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// A client of the API at this URL, with a producer's token.
    pub(super) fn new(api: &str, token: &str) -> Result<Self, DemoError> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
        Ok(Self {
            api: api.to_owned(),
            token: token.to_owned(),
            http: client.build()?,
        })
    }

    /// Adds a row, unless it was added within the last 24 hours. A busy or unreachable API gets the
    /// same request again.
    pub(super) async fn add(
        &self,
        resource: &'static str,
        row: &Value,
    ) -> Result<Added, DemoError> {
        let (path, body) = (format!("/{resource}"), row.to_string());
        let key = idempotency_key(&path, &body);
        let post = || {
            let request = self
                .http
                .post(format!("{}{path}", self.api))
                .bearer_auth(&self.token)
                .header(CONTENT_TYPE, "application/json")
                .header("idempotency-key", &key)
                .body(body.clone());
            request.send()
        };
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match post().await {
                Ok(response) if !is_busy(response.status().as_u16()) => {
                    return added(resource, response).await;
                }
                Ok(_) | Err(_) => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
        added(resource, post().await?).await
    }
}

/// A key that is the row's own, so that a repeated demo adds no row twice.
fn idempotency_key(path: &str, body: &str) -> String {
    let digest = digest::digest(&SHA256, format!("{path}\n{body}").as_bytes());
    format!("demo-{}", URL_SAFE_NO_PAD.encode(digest))
}

/// Whether the same request may succeed later.
fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// The row in a response.
async fn added(resource: &'static str, response: reqwest::Response) -> Result<Added, DemoError> {
    let status = response.status().as_u16();
    let replayed = response.headers().contains_key("idempotency-replayed");
    let body: Value = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
    match body[resource][0]["id"].as_u64() {
        Some(id) if status == 200 => Ok(Added { id, replayed }),
        _ => Err(DemoError::Rejected {
            resource,
            status,
            body: body.to_string(),
        }),
    }
}
