//! Sends single requests.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

use super::failure::Failure;
use crate::api::is_local;

/// The largest response, in bytes: a page of one row, or an issuer's document.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A client that follows no redirect, so that no request, and no token, goes to another server.
pub(super) struct Http {
    client: Client,
    timeout: Duration,
}

/// A complete response, and when this machine sent the request and received the response.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) sent: SystemTime,
    pub(super) received: SystemTime,
}

impl Http {
    /// A client for this URL. It uses no proxy for an address of this machine.
    pub(super) fn new(url: &Url, timeout: Duration) -> Result<Self, String> {
        let builder = Client::builder().redirect(Policy::none()).timeout(timeout);
        let builder = if is_local(url) {
            builder.no_proxy()
        } else {
            builder
        };
        let client = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { client, timeout })
    }

    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let (sent, url) = (SystemTime::now(), request_url(&request));
        match receive(request, sent).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(Failure::TooLarge),
            Err(error) => Err(Failure::of(&error, url, self.timeout).await),
        }
    }
}

fn request_url(request: &RequestBuilder) -> Option<Url> {
    Some(request.try_clone()?.build().ok()?.url().clone())
}

/// The response; `None` if it is too large.
async fn receive(
    request: RequestBuilder,
    sent: SystemTime,
) -> Result<Option<Response>, reqwest::Error> {
    let mut response = request.send().await?;
    let received = SystemTime::now();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Ok(None);
        }
        body.extend(chunk);
    }
    Ok(Some(Response {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body,
        sent,
        received,
    }))
}

impl Response {
    /// The body if it is a JSON object, otherwise null.
    pub(super) fn json(&self) -> Value {
        let value = serde_json::from_slice::<Value>(&self.body).ok();
        value.filter(Value::is_object).unwrap_or_default()
    }

    /// A header's value, if it is text.
    pub(super) fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body has the shape of an error of a function, with this status.
    pub(super) fn is_api_error(&self, status: u16) -> bool {
        let body = self.json();
        self.status == status && body["success"] == false && body["error"] == status
    }

    /// The status with the body's message, or with the type of a body that has none.
    pub(super) fn shown(&self) -> String {
        let body = self.json();
        match (body["message"].as_str(), self.header(CONTENT_TYPE)) {
            (Some(message), _) => format!("{} \"{}\"", self.status, crate::shortened(message)),
            (None, Some(kind)) => format!("{} ({})", self.status, crate::shortened(kind)),
            (None, None) => self.status.to_string(),
        }
    }
}
