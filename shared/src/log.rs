//! The log: one JSON line for each request, written where the response is made.

use std::time::Instant;

use aws_lc_rs::digest;
use lambda_http::http::{Method, StatusCode};
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::Error;

/// Starts the process's log: JSON lines to `writer`. A Lambda function writes to standard output,
/// which CloudWatch collects.
///
/// Logs only this project's own events, at any level, so that libraries cannot log request data.
pub fn start(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let own = Targets::new()
        .with_target("shared", level)
        .with_target("local", level);
    tracing_subscriber::registry()
        .with(
            lines
                .with_writer(writer)
                .with_target(false)
                .with_filter(own),
        )
        .init();
}

/// Makes a panic log only its location: its message may hold data from a client.
pub(crate) fn redact_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// A request's log entry. It never holds a token, a body or a person's name.
pub(crate) struct Entry {
    pub(crate) function: String,
    pub(crate) method: &'static str,
    /// The path's template, never the path itself.
    pub(crate) route: &'static str,
    pub(crate) correlation_id: String,
    subject: String,
    started: Instant,
}

impl Entry {
    /// Starts an entry and its clock. An unknown method is text that the client chose, so it is
    /// logged as `other`.
    pub(crate) fn start(function: String, method: &Method, correlation_id: String) -> Self {
        let known = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
        ];
        let method = known
            .into_iter()
            .find(|known| method.as_str() == *known)
            .unwrap_or("other");
        Self {
            function,
            method,
            route: "",
            correlation_id,
            subject: String::new(),
            started: Instant::now(),
        }
    }

    /// Sets the subject, as the first 16 hexadecimal digits of its SHA-256: enough to follow one
    /// person's requests without a name.
    pub(crate) fn subject(&mut self, subject: &str) {
        let hash = digest::digest(&digest::SHA256, subject.as_bytes());
        self.subject = hash
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
    }

    /// Writes the request's log line.
    pub(crate) fn write(&self, status: StatusCode, error: Option<&Error>) {
        let Self {
            function,
            method,
            route,
            correlation_id,
            subject,
            started,
        } = self;
        let (status, cause) = (
            status.as_u16(),
            error.map(ToString::to_string).unwrap_or_default(),
        );
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        if status < 500 {
            tracing::info!(
                function,
                method,
                route,
                status,
                milliseconds,
                subject,
                correlation_id,
                cause,
                "request"
            );
        } else {
            tracing::error!(
                function,
                method,
                route,
                status,
                milliseconds,
                subject,
                correlation_id,
                cause,
                "request"
            );
        }
    }
}
