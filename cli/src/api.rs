//! Sends requests to the API. A distant API may ask the client to wait, be away for a moment, or be
//! another server.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use tokio::sync::watch;

use crate::shortened;

/// The largest response to a GET, in bytes. A function's response has 6 MB at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_PAGE_BYTES: usize = 16 << 20;
/// The largest response to a POST, in bytes: one row, from a body of at most 64 KiB. Up to 64
/// responses are read at the same time.
const MAX_ROW_BYTES: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of an API, with an access token.
pub struct Api {
    url: String,
    /// A digest of the token's subject, to whom the idempotency keys belong.
    user: String,
    client: Client,
    backoff: Backoff,
    /// Whether the API has sent a response yet. If it never has, the address is more likely wrong
    /// than the API away for a moment.
    has_responded: AtomicBool,
    waiting: Box<dyn Fn(&str) + Send + Sync>,
}

/// The number of attempts at a request, their timeout, and the waits between them.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The most attempts at one request.
    pub attempts: u32,
    /// The longest wait after the first attempt; it doubles with each further one.
    pub first_wait: Duration,
    /// The longest wait. If the API asks for a longer one, the client stops.
    pub max_wait: Duration,
    /// The timeout of one attempt, from connecting to the last byte of the response.
    pub timeout: Duration,
}

impl Default for Backoff {
    /// Nine attempts within about a minute, each a little longer than the 30 seconds that API
    /// Gateway gives a function.
    fn default() -> Self {
        let (first_wait, max_wait) = (Duration::from_millis(250), Duration::from_secs(60));
        Self {
            attempts: 9,
            first_wait,
            max_wait,
            timeout: Duration::from_secs(35),
        }
    }
}

impl Backoff {
    /// The wait after an attempt (from 1): at least as long as the API asks for, plus a random
    /// time, so that clients do not return all at once. `jitter` is from 0 to 1.
    ///
    /// `None` after the last attempt.
    fn wait(self, attempt: u32, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
        let retry_after = retry_after.unwrap_or_default();
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self
            .first_wait
            .saturating_mul(2_u32.saturating_pow(attempt - 1))
            .min(self.max_wait);
        Some(retry_after.max(doubled / 2) + (doubled / 2).mul_f64(jitter))
    }
}

/// Why the client sends no more requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The API rejects the token.
    #[error("the API rejects this token (401); it may have expired, get a new one")]
    Unauthorized,
    /// The token does not have the permission.
    #[error("this token does not have the permission (403: {0})")]
    Forbidden(String),
    /// The API cannot be reached.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// The API's URL.
        url: String,
        /// The error of the network.
        cause: String,
    },
    /// The API is still busy at the last attempt.
    #[error("{url} still responds with {status} at attempt {attempts}")]
    Busy {
        /// The API's URL.
        url: String,
        /// The last status.
        status: u16,
        /// The number of attempts.
        attempts: u32,
    },
    /// The API asks for a longer wait than [`Backoff::max_wait`].
    #[error(
        "{url} responds with {status} and asks to wait {} seconds, longer than the {} seconds that this program waits; \
         try again later", .retry_after.as_secs(), .max_wait.as_secs()
    )]
    LongWait {
        /// The API's URL.
        url: String,
        /// The status.
        status: u16,
        /// How long the API asks to wait.
        retry_after: Duration,
        /// The longest wait of this program.
        max_wait: Duration,
    },
    /// The response is not one of this API's.
    #[error("the response of {url} is not one of this API's ({status}); is the URL right?")]
    Foreign {
        /// The API's URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// The response is larger than any of this API's.
    #[error("{url} sends a response of more than {} MiB, which is larger than any of this API's; is the URL right?", .limit >> 20)]
    TooLarge {
        /// The API's URL.
        url: String,
        /// The largest response, in bytes.
        limit: usize,
    },
    /// No complete response arrives within the timeout of an attempt.
    #[error("{url} sends no complete response within {} seconds", .timeout.as_secs_f64())]
    Slow {
        /// The API's URL.
        url: String,
        /// The timeout of an attempt.
        timeout: Duration,
    },
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// A response of the API whose status is final: sending the request again would not change it.
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    /// Whether it is the response to an earlier request with the same key.
    pub(crate) replayed: bool,
    /// The `ETag` of a response with one row.
    pub(crate) tag: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What a request may be answered with.
#[derive(Clone, Copy)]
struct Expected {
    /// The largest response, in bytes.
    max_bytes: usize,
    /// Statuses that are final beside those of every request. Any other one is not this API's.
    statuses: &'static [u16],
}

/// A list, or a row of one.
const PAGE: Expected = Expected {
    max_bytes: MAX_PAGE_BYTES,
    statuses: &[],
};
/// The row of a POST.
const NEW_ROW: Expected = Expected {
    max_bytes: MAX_ROW_BYTES,
    statuses: &[],
};
/// A row that may have been deleted or changed.
const ROW: Expected = Expected {
    max_bytes: MAX_ROW_BYTES,
    statuses: &[404, 412],
};

/// The result of one attempt.
enum Attempt {
    Done(ApiResponse),
    /// Another attempt may succeed, after this time at the earliest.
    Retry(Stop, Option<Duration>),
    Failed(Stop),
}

impl Api {
    /// A client of the API at this URL, with this access token.
    ///
    /// # Errors
    /// If the URL cannot be that of an API, or the token has invalid characters.
    pub fn new(url: &str, token: &str, backoff: Backoff) -> Result<Self, String> {
        let parsed = api_url(url)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| "the token has characters in it that no token has")?;
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
        // A redirect would turn a POST into a GET, whose response would look like success.
        let builder = Client::builder()
            .default_headers(headers)
            .redirect(Policy::none());
        let builder = builder
            .timeout(backoff.timeout)
            .connect_timeout(CONNECT_TIMEOUT);
        let builder = if is_local(&parsed) {
            builder.no_proxy()
        } else {
            builder
        };
        Ok(Self {
            url: parsed.as_str().trim_end_matches('/').to_owned(),
            user: user(token),
            client: builder.build().map_err(|error| error.to_string())?,
            backoff,
            has_responded: AtomicBool::new(false),
            waiting: Box::new(|_| ()),
        })
    }

    /// Calls `waiting` with the reason whenever a request waits.
    #[must_use]
    pub fn on_wait(mut self, waiting: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.waiting = Box::new(waiting);
        self
    }

    /// The API's URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A path that the API has sent, without the path of the API's URL. Below a base path, the API
    /// sends paths that begin with it.
    pub(crate) fn relative<'a>(&self, path: &'a str) -> &'a str {
        let after_scheme = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let base = after_scheme
            .find('/')
            .map_or("", |begin| &after_scheme[begin..]);
        path.strip_prefix(base)
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path)
    }

    /// A digest of the token's subject, which distinguishes users without naming them.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Sends a row with an idempotency key, until the response is final. Asks the API to reject
    /// unknown members instead of ignoring them (RFC 7240, section 4.4).
    pub(crate) async fn post(
        &self,
        path: &str,
        key: &str,
        body: &str,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        let request = || {
            let request = self
                .client
                .post(format!("{}{path}", self.url))
                .header(CONTENT_TYPE, "application/json");
            request
                .header("idempotency-key", key)
                .header("prefer", "handling=strict")
                .body(body.to_owned())
        };
        self.send(request, NEW_ROW, stopped).await
    }

    /// Gets a list, until the response is final. The path must begin with a slash: it could change
    /// the host otherwise.
    pub(crate) async fn get(
        &self,
        path: &str,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        self.read(path, PAGE, stopped).await
    }

    /// Gets one row with its `ETag`; 404 if there is none.
    pub(crate) async fn get_row(
        &self,
        path: &str,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        self.read(path, ROW, stopped).await
    }

    async fn read(
        &self,
        path: &str,
        expected: Expected,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        let request = || self.client.get(format!("{}{path}", self.url));
        self.send(request, expected, stopped).await
    }

    /// Changes a row if it still has this `ETag`; otherwise 412, or 404 if there is none.
    pub(crate) async fn patch(
        &self,
        path: &str,
        tag: &str,
        body: &str,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        let request = || {
            let request = self.client.patch(format!("{}{path}", self.url));
            request
                .header(CONTENT_TYPE, "application/json")
                .header(IF_MATCH, tag)
                .body(body.to_owned())
        };
        self.send(request, ROW, stopped).await
    }

    /// The error for a response that is not one of this API's.
    pub(crate) fn foreign(&self, status: u16) -> Stop {
        Stop::Foreign {
            url: self.url.clone(),
            status,
        }
    }

    async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
        expected: Expected,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        for attempt in 1.. {
            let (stop, retry_after) = match self.attempt(request(), expected, attempt).await {
                Attempt::Done(response) => return Ok(response),
                Attempt::Failed(stop) => return Err(stop),
                Attempt::Retry(stop, retry_after) => (stop, retry_after),
            };
            let Some(wait) = self.backoff.wait(attempt, retry_after, jitter()) else {
                return Err(stop);
            };
            (self.waiting)(&match stop {
                Stop::Busy { status, .. } => {
                    format!("the API responds with {status}, trying again")
                }
                _ => "no response, trying again".to_owned(),
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return Err(Stop::Interrupted),
            }
        }
        Err(Stop::Interrupted)
    }

    async fn attempt(&self, request: RequestBuilder, expected: Expected, attempts: u32) -> Attempt {
        let Expected {
            max_bytes,
            statuses,
        } = expected;
        let response = match response(request, max_bytes).await {
            Ok(response) => response,
            Err(ResponseError::Network(error)) => return self.network_error(&error),
            Err(ResponseError::TooLarge) => {
                return Attempt::Failed(Stop::TooLarge {
                    url: self.url.clone(),
                    limit: max_bytes,
                });
            }
        };
        self.has_responded.store(true, Ordering::Relaxed);
        let (ApiResponse { status, .. }, retry_after) = response;
        match status {
            200 | 400 | 413 | 415 | 422 => Attempt::Done(response.0),
            status if statuses.contains(&status) => Attempt::Done(response.0),
            401 => Attempt::Failed(Stop::Unauthorized),
            403 => Attempt::Failed(Stop::Forbidden(message(&response.0.body))),
            409 | 429 | 500 | 502 | 503 | 504 => {
                let (url, max_wait) = (self.url.clone(), self.backoff.max_wait);
                match retry_after.filter(|retry_after| *retry_after > max_wait) {
                    Some(retry_after) => Attempt::Failed(Stop::LongWait {
                        url,
                        status,
                        retry_after,
                        max_wait,
                    }),
                    None => Attempt::Retry(
                        Stop::Busy {
                            url,
                            status,
                            attempts,
                        },
                        retry_after,
                    ),
                }
            }
            _ => Attempt::Failed(self.foreign(status)),
        }
    }

    /// Classifies an attempt that failed without a response.
    fn network_error(&self, error: &reqwest::Error) -> Attempt {
        let url = self.url.clone();
        let stop = match error.is_timeout() && !error.is_connect() {
            true => Stop::Slow {
                url,
                timeout: self.backoff.timeout,
            },
            false => Stop::Unreachable {
                url,
                cause: root_cause(error),
            },
        };
        let never = error.is_builder()
            || (error.is_connect() && !self.has_responded.load(Ordering::Relaxed));
        if never {
            Attempt::Failed(stop)
        } else {
            Attempt::Retry(stop, None)
        }
    }
}

/// A digest of a token's subject, or of a token that has none.
fn user(token: &str) -> String {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let claims = token.split('.').nth(1).and_then(|claims| {
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        serde_json::from_slice::<Claims>(&claims).ok()
    });
    let subject = claims.map_or_else(|| token.to_owned(), |claims| claims.sub);
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, subject.as_bytes()).as_ref()[..12])
}

/// Why there is no complete response.
enum ResponseError {
    Network(reqwest::Error),
    TooLarge,
}

impl From<reqwest::Error> for ResponseError {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error)
    }
}

/// Reads the response, and how long it asks to wait.
async fn response(
    request: RequestBuilder,
    max_bytes: usize,
) -> Result<(ApiResponse, Option<Duration>), ResponseError> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let replayed = response
        .headers()
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true");
    let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let tag = response.headers().get(ETAG);
    let tag = tag.and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(ResponseError::TooLarge);
        }
        body.extend(chunk);
    }
    Ok((
        ApiResponse {
            status,
            replayed,
            tag,
            body,
        },
        retry_after,
    ))
}

/// The seconds of a `Retry-After` (RFC 9110, section 10.2.3). This API and its gateway do not send
/// dates in it.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// The message of an error of the API or its gateway.
pub(crate) fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    serde_json::from_slice(body).map_or_else(
        |_| "no reason given".into(),
        |Body { message }| shortened(&message),
    )
}

/// Parses the URL of an API.
///
/// # Errors
/// If the scheme is not `http` or `https`, or the URL has more than a host, a port and a path.
pub fn api_url(url: &str) -> Result<Url, String> {
    if url.trim().is_empty() {
        return Err(
            "the API's URL is empty; give the complete URL, for example https://api.example.com"
                .into(),
        );
    }
    let shown = without_user(url);
    if !url.contains("://") {
        return Err(match whole_url(url) {
            Some(whole) => {
                format!(
                    "{shown} is not a complete URL; give it with its scheme, for example {whole}"
                )
            }
            None => format!(
                "{shown} is not the URL of an API; give the complete URL, for example https://api.example.com"
            ),
        });
    }
    let parsed = Url::parse(url).map_err(|error| format!("{shown} is not a URL: {error}"))?;
    if !["http", "https"].contains(&parsed.scheme()) || !is_plain(&parsed) {
        return Err(format!(
            "{shown} is not the URL of an API: that begins with http:// or https://, and has a host, a port and a path \
             and nothing else"
        ));
    }
    Ok(parsed)
}

/// Whether a URL has nothing but a scheme, a host, a port and a path.
pub(crate) fn is_plain(url: &Url) -> bool {
    let no_user = url.username().is_empty() && url.password().is_none();
    url.query().is_none() && url.fragment().is_none() && no_user
}

/// A URL without `//` as it was probably meant: `api.example/staging`, `localhost:3000`,
/// `http:127.0.0.1:3000`.
fn whole_url(url: &str) -> Option<String> {
    let scheme_of = |rest: &str| {
        let is_local = Url::parse(&format!("http://{rest}")).is_ok_and(|url| is_local(&url));
        if is_local { "http" } else { "https" }
    };
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if ["http", "https"].contains(&scheme) => {
            (scheme, rest.trim_start_matches('/'))
        }
        _ => {
            let rest = url.trim_start_matches('/');
            (scheme_of(rest), rest)
        }
    };
    let whole = format!("{scheme}://{rest}");
    // In `mailto:x` and `c:/x` no port follows the colon.
    let has_empty_port = rest
        .split('/')
        .next()
        .is_some_and(|authority| authority.ends_with(':'));
    Url::parse(&whole)
        .ok()
        .filter(|url| is_plain(url) && !has_empty_port)
        .map(|_| whole)
}

/// The URL with `***` instead of a user and a password, for messages.
fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |end| end + 3);
    match url.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}***{}", &url[..start], &url[at..]),
        None => url.to_owned(),
    }
}

/// Whether the host of a URL is a loopback address or `localhost`.
pub fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_local(&url))
}

pub(crate) fn is_local(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A random number from 0 to 1; 0 if the machine has no randomness.
fn jitter() -> f64 {
    let mut byte = [0; 1];
    rand::fill(&mut byte).map_or(0.0, |()| f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_never_shorter_than_asked_for() {
        let (first_wait, max_wait) = (Duration::from_millis(100), Duration::from_millis(300));
        let backoff = Backoff {
            attempts: 5,
            first_wait,
            max_wait,
            ..Backoff::default()
        };
        let check = |attempt, retry_after: Option<u64>, expected: Option<(u64, u64)>| {
            let wait =
                |jitter| backoff.wait(attempt, retry_after.map(Duration::from_millis), jitter);
            let expected = expected
                .map(|(least, most)| (Duration::from_millis(least), Duration::from_millis(most)));
            assert_eq!(
                wait(0.0).zip(wait(1.0)),
                expected,
                "{attempt} {retry_after:?}"
            );
        };
        check(1, None, Some((50, 100)));
        check(2, None, Some((100, 200)));
        check(3, None, Some((150, 300)));
        check(4, None, Some((150, 300)));
        check(5, None, None);
        check(1, Some(0), Some((50, 100)));
        check(1, Some(250), Some((250, 300)));
    }

    #[test]
    fn an_api_has_a_plain_url_and_a_plain_token() {
        let url =
            |url: &str| Api::new(url, "token", Backoff::default()).map(|api| api.url().to_owned());
        assert_eq!(
            url("http://127.0.0.1:3000/"),
            Ok("http://127.0.0.1:3000".into())
        );
        assert_eq!(
            url("https://api.example/staging/"),
            Ok("https://api.example/staging".into())
        );
        for bad in [
            "127.0.0.1:3000",
            "ftp://api.example",
            "https://api.example?x",
            "https://a@api.example",
            "api",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(Api::new("http://127.0.0.1", "to\nken", Backoff::default()).is_err());
    }

    #[test]
    fn the_error_of_a_url_without_a_scheme_has_the_complete_url() {
        let check = |url: &str, expected: &str| {
            let error = Api::new(url, "token", Backoff::default()).err().unwrap();
            let advice = format!(
                "{url} is not a complete URL; give it with its scheme, for example {expected}"
            );
            assert_eq!(error, advice);
        };
        check("http:127.0.0.1:4200", "http://127.0.0.1:4200");
        check("https:/api.example", "https://api.example");
        check("127.0.0.1:3000", "http://127.0.0.1:3000");
        check("localhost:3000", "http://localhost:3000");
        check("[::1]:3000", "http://[::1]:3000");
        check("api.example/staging", "https://api.example/staging");
        check("//api.example", "https://api.example");
    }

    #[test]
    fn a_url_is_suggested_only_for_a_url_and_without_its_password() {
        let check = |url: &str, expected: &str| {
            assert_eq!(api_url(url).unwrap_err().split("; ").next(), Some(expected))
        };
        check("", "the API's URL is empty");
        check(" ", "the API's URL is empty");
        check("mailto:x", "mailto:x is not the URL of an API");
        check(
            "mailto:ida@api.example",
            "***@api.example is not the URL of an API",
        );
        check("c:/x", "c:/x is not the URL of an API");
        check("http:", "http: is not the URL of an API");
        for (url, shown) in [
            ("https://ida:secret@api.example", "https://***@api.example"),
            ("https://:secret@api.example", "https://***@api.example"),
            (
                "https://ida:se/c@ret@api.example:port",
                "https://***@api.example:port",
            ),
            ("ida:secret@api.example", "***@api.example"),
        ] {
            let error = api_url(url).unwrap_err();
            assert!(
                error.starts_with(shown) && !error.contains("secret") && !error.contains("se/c"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_message_of_the_api_is_bounded() {
        assert_eq!(message(b"{\"message\":\"busy\"}"), "busy");
        assert_eq!(message(b"<html>"), "no reason given");
        assert_eq!(
            message(format!("{{\"message\":\"{}\"}}", "é".repeat(1000)).as_bytes())
                .chars()
                .count(),
            301
        );
    }
}
