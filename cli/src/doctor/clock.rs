//! The difference between this machine's clock and the API's.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use reqwest::header::DATE;

use super::http::Response;
use super::reach::NO_RESPONSE;
use super::report::{Check, Finding};
use super::time::duration;
use super::validity::LEEWAY_SECONDS;

/// How many seconds the API's clock is ahead of this machine's; negative if it is behind. It is the
/// smallest difference that the response allows: `Date` (RFC 9110, section 6.6.1) has whole
/// seconds, and the request took time. `None` without a `Date`.
pub(super) fn skew(response: &Response) -> Option<f64> {
    let date = DateTime::parse_from_rfc2822(response.header(DATE)?).ok()?;
    let (earliest, latest) = (date.timestamp() as f64, date.timestamp() as f64 + 1.0);
    let (sent, received) = (seconds(response.sent), seconds(response.received));
    Some(if earliest > received {
        earliest - received
    } else if latest < sent {
        latest - sent
    } else {
        0.0
    })
}

/// This machine's time in seconds since 1970.
pub(super) fn now() -> f64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// Checks the difference, as far as the API would tolerate it in a token.
pub(super) fn check(response: Option<&Response>) -> Check {
    let Some(response) = response else {
        return Check::skipped("clock", NO_RESPONSE);
    };
    let Some(skew) = skew(response) else {
        return Check::skipped("clock", "The response has no Date.");
    };
    let shown = duration(skew.abs());
    let findings = (skew.abs() > LEEWAY_SECONDS).then(|| {
        let relation = if skew > 0.0 { "behind" } else { "ahead of" };
        let seen = format!("This machine's clock is {shown} {relation} the API's.");
        Finding::new(
            "clock-skew",
            seen,
            "Set this machine's clock, for example with NTP.",
        )
    });
    let seen = match skew.abs() < 1.0 {
        true => "It differs from the API's by less than a second.".to_owned(),
        false => format!("It differs from the API's by {shown}."),
    };
    Check::of("clock", findings.into_iter().collect(), seen)
}
