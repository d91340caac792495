//! The API as a client far away sees it: it may ask to wait, be away for a moment, or not be the
//! API at all.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::rand;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use tokio::sync::watch;

use crate::shortened;

/// The largest response to a GET that is read, in bytes. A function's response has 6 MB at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_PAGE_BYTES: usize = 16 << 20;
/// The largest response to a POST that is read, in bytes: one row, out of a body of 64 KiB. Up to
/// 64 of them are read at a time.
const MAX_ROW_BYTES: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An API with a token for it.
pub struct Api {
    url: String,
    client: Client,
    backoff: Backoff,
    /// Whether the API has sent a response yet. If it never has, the address is more likely wrong
    /// than the API away for a moment.
    has_responded: AtomicBool,
    waiting: Box<dyn Fn(&str) + Send + Sync>,
}

/// How often a request is sent, how long each attempt may take, and how long it waits in between.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The most attempts at one request.
    pub attempts: u32,
    /// The longest wait after the first attempt; it doubles with each further one.
    pub first: Duration,
    /// The longest wait of all. An API that asks for a longer one is asked no further.
    pub longest: Duration,
    /// The longest time of one attempt, from connecting to the last byte of the response.
    pub timeout: Duration,
}

impl Default for Backoff {
    /// Nine attempts within about a minute, each a little longer than the 30 seconds that API
    /// Gateway gives a function.
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(60));
        Self {
            attempts: 9,
            first,
            longest,
            timeout: Duration::from_secs(35),
        }
    }
}

impl Backoff {
    /// The wait after an attempt (from 1): at least what the API asks for, and so spread that
    /// clients do not come back all at once.
    ///
    /// None where it is not worth it any more. `spread` is from 0 to 1.
    fn wait(self, attempt: u32, asked_for: Option<Duration>, spread: f64) -> Option<Duration> {
        let asked_for = asked_for.unwrap_or_default();
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self
            .first
            .saturating_mul(2_u32.saturating_pow(attempt - 1))
            .min(self.longest);
        Some(asked_for.max(doubled / 2) + (doubled / 2).mul_f64(spread))
    }
}

/// Why the API is asked no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// It does not take the token.
    #[error("the API does not take this token (401); it may have run out, get a new one")]
    Unauthorized,
    /// It takes the token and says that it may not do this.
    #[error("this token may not do that (403: {0})")]
    Forbidden(String),
    /// It cannot be reached.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// The API's URL.
        url: String,
        /// What the network says.
        cause: String,
    },
    /// It asks for patience that there is no more of.
    #[error("{url} still responds with {status} at attempt {attempts}")]
    Busy {
        /// The API's URL.
        url: String,
        /// The last status.
        status: u16,
        /// How many there were.
        attempts: u32,
    },
    /// It asks for a longer wait than the longest.
    #[error(
        "{url} responds with {status} and asks to wait {} seconds, longer than the {} seconds that this program waits; \
         try again later", .asked_for.as_secs(), .longest.as_secs()
    )]
    LongWait {
        /// The API's URL.
        url: String,
        /// The status.
        status: u16,
        /// How long it asks to wait.
        asked_for: Duration,
        /// The longest wait of this program.
        longest: Duration,
    },
    /// It gives a response that the API does not give.
    #[error("{url} gives a response that is none of this API's ({status}); is the URL right?")]
    Foreign {
        /// The URL asked.
        url: String,
        /// Its status.
        status: u16,
    },
    /// The response is too large to be one of the API's.
    #[error("{url} sends a response of more than {} MiB, and this API sends none that large; is the URL right?", .limit >> 20)]
    TooLarge {
        /// The API's URL.
        url: String,
        /// How many bytes it may have.
        limit: usize,
    },
    /// No whole response arrives within the time of an attempt.
    #[error("{url} sends no whole response within {} seconds", .timeout.as_secs_f64())]
    Slow {
        /// The API's URL.
        url: String,
        /// How long an attempt may take.
        timeout: Duration,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A response of the API whose status is final: sending the request again would not change it.
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    /// Whether it is the response to an earlier request with the same key.
    pub(crate) replayed: bool,
    pub(crate) body: Vec<u8>,
}

/// What came of one attempt.
enum Attempt {
    Done(ApiResponse),
    /// Worth another, after this time at the earliest.
    Again(Stop, Option<Duration>),
    Over(Stop),
}

impl Api {
    /// # Errors
    /// When this is no URL that an API can have, or the token no token.
    pub fn new(url: &str, token: &str, backoff: Backoff) -> Result<Self, String> {
        let parsed = api_url(url)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| "the token has characters in it that no token has")?;
        authorization.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
        // A redirect would make a GET of a POST, and the response to that look like success.
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
            client: builder.build().map_err(|error| error.to_string())?,
            backoff,
            has_responded: AtomicBool::new(false),
            waiting: Box::new(|_| ()),
        })
    }

    /// Has somebody told whenever a request waits, and why.
    #[must_use]
    pub fn telling(mut self, waiting: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.waiting = Box::new(waiting);
        self
    }

    /// The API's URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a row under a key, as often as it takes. The API is asked to reject members that it
    /// does not know instead of ignoring them (RFC 7240, section 4.4).
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
        self.send(request, MAX_ROW_BYTES, stopped).await
    }

    /// Gets a list, as often as it takes. The path begins with a slash, or it would say another
    /// host.
    pub(crate) async fn get(
        &self,
        path: &str,
        stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        self.send(
            || self.client.get(format!("{}{path}", self.url)),
            MAX_PAGE_BYTES,
            stopped,
        )
        .await
    }

    /// A response as one that this API never gives.
    pub(crate) fn foreign(&self, status: u16) -> Stop {
        Stop::Foreign {
            url: self.url.clone(),
            status,
        }
    }

    async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
        largest: usize,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<ApiResponse, Stop> {
        for attempt in 1.. {
            let (stop, asked_for) = match self.attempt(request(), largest, attempt).await {
                Attempt::Done(response) => return Ok(response),
                Attempt::Over(stop) => return Err(stop),
                Attempt::Again(stop, asked_for) => (stop, asked_for),
            };
            let Some(wait) = self.backoff.wait(attempt, asked_for, spread()) else {
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

    async fn attempt(&self, request: RequestBuilder, largest: usize, attempts: u32) -> Attempt {
        let response = match response(request, largest).await {
            Ok(response) => response,
            Err(ResponseError::Network(error)) => return self.network_error(&error),
            Err(ResponseError::TooLarge) => {
                return Attempt::Over(Stop::TooLarge {
                    url: self.url.clone(),
                    limit: largest,
                });
            }
        };
        self.has_responded.store(true, Ordering::Relaxed);
        let (ApiResponse { status, .. }, asked_for) = response;
        match status {
            200 | 400 | 413 | 415 | 422 => Attempt::Done(response.0),
            401 => Attempt::Over(Stop::Unauthorized),
            403 => Attempt::Over(Stop::Forbidden(message(&response.0.body))),
            409 | 429 | 500 | 502 | 503 | 504 => {
                let (url, longest) = (self.url.clone(), self.backoff.longest);
                match asked_for.filter(|asked_for| *asked_for > longest) {
                    Some(asked_for) => Attempt::Over(Stop::LongWait {
                        url,
                        status,
                        asked_for,
                        longest,
                    }),
                    None => Attempt::Again(
                        Stop::Busy {
                            url,
                            status,
                            attempts,
                        },
                        asked_for,
                    ),
                }
            }
            _ => Attempt::Over(self.foreign(status)),
        }
    }

    /// An attempt that failed before there was a response.
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
            Attempt::Over(stop)
        } else {
            Attempt::Again(stop, None)
        }
    }
}

/// Why there is no response that can be read.
enum ResponseError {
    Network(reqwest::Error),
    TooLarge,
}

impl From<reqwest::Error> for ResponseError {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error)
    }
}

/// The response, and how long it asks to wait.
async fn response(
    request: RequestBuilder,
    largest: usize,
) -> Result<(ApiResponse, Option<Duration>), ResponseError> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let replayed = response
        .headers()
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true");
    let asked_for = response.headers().get(RETRY_AFTER).and_then(retry_after);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > largest {
            return Err(ResponseError::TooLarge);
        }
        body.extend(chunk);
    }
    Ok((
        ApiResponse {
            status,
            replayed,
            body,
        },
        asked_for,
    ))
}

/// The whole seconds of a `Retry-After` (RFC 9110, section 10.2.3); this API and its gateway send
/// no dates.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// What an error says, as the API or its gateway words it.
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

/// Reads the URL of an API.
///
/// # Errors
/// When it has no scheme, another than `http` and `https`, or more than a host, a port and a path.
pub fn api_url(url: &str) -> Result<Url, String> {
    if url.trim().is_empty() {
        return Err(
            "the API's URL is empty; give the whole URL, for example https://api.example.com"
                .into(),
        );
    }
    let shown = without_user(url);
    if !url.contains("://") {
        return Err(match whole_url(url) {
            Some(whole) => {
                format!("{shown} is no whole URL; give it with its scheme, for example {whole}")
            }
            None => format!(
                "{shown} is no URL of an API; give the whole URL, for example https://api.example.com"
            ),
        });
    }
    let parsed = Url::parse(url).map_err(|error| format!("{shown} is no URL: {error}"))?;
    if !["http", "https"].contains(&parsed.scheme()) || !is_plain(&parsed) {
        return Err(format!(
            "{shown} is no URL of an API: that begins with http:// or https://, and has a host, a port and a path \
             and nothing else"
        ));
    }
    Ok(parsed)
}

/// Whether a URL has nothing but a scheme, a host, a port and a path.
fn is_plain(url: &Url) -> bool {
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
    // What follows the colon of another scheme, as in `mailto:x` or `c:/x`, is no port.
    let has_empty_port = rest
        .split('/')
        .next()
        .is_some_and(|authority| authority.ends_with(':'));
    Url::parse(&whole)
        .ok()
        .filter(|url| is_plain(url) && !has_empty_port)
        .map(|_| whole)
}

/// A URL as it may be printed: with `***` in place of a user and a password.
fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |end| end + 3);
    match url.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}***{}", &url[..start], &url[at..]),
        None => url.to_owned(),
    }
}

/// Whether a URL is one of this machine's own.
pub fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_local(&url))
}

fn is_local(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A number from 0 to 1; where the machine has no randomness, everybody waits alike.
fn spread() -> f64 {
    let mut byte = [0; 1];
    rand::fill(&mut byte).map_or(0.0, |()| f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_are_never_shorter_than_asked_for() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(300));
        let backoff = Backoff {
            attempts: 5,
            first,
            longest,
            ..Backoff::default()
        };
        let check = |attempt, asked_for: Option<u64>, expected: Option<(u64, u64)>| {
            let wait = |spread| backoff.wait(attempt, asked_for.map(Duration::from_millis), spread);
            let expected = expected
                .map(|(least, most)| (Duration::from_millis(least), Duration::from_millis(most)));
            assert_eq!(
                wait(0.0).zip(wait(1.0)),
                expected,
                "{attempt} {asked_for:?}"
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
    fn a_url_without_a_scheme_is_told_the_whole_url() {
        let check = |url: &str, expected: &str| {
            let error = Api::new(url, "token", Backoff::default()).err().unwrap();
            let advice =
                format!("{url} is no whole URL; give it with its scheme, for example {expected}");
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
    fn no_url_is_suggested_where_none_was_meant_and_no_password_is_printed() {
        let check = |url: &str, expected: &str| {
            assert_eq!(api_url(url).unwrap_err().split("; ").next(), Some(expected))
        };
        check("", "the API's URL is empty");
        check(" ", "the API's URL is empty");
        check("mailto:x", "mailto:x is no URL of an API");
        check(
            "mailto:ida@api.example",
            "***@api.example is no URL of an API",
        );
        check("c:/x", "c:/x is no URL of an API");
        check("http:", "http: is no URL of an API");
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
