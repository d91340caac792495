//! The log: JSON, one line a request, written where the request is answered.

use std::time::Instant;

use aws_lc_rs::digest;
use lambda_http::http::StatusCode;
use tracing_subscriber::fmt::MakeWriter;

use crate::error::Error;

/// Starts the process's log: JSON lines to `writer`. A Lambda function's goes to standard output, from where CloudWatch has it.
pub fn start(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false).with_span_list(false);
    lines.with_writer(writer).with_target(false).with_max_level(tracing::Level::INFO).init();
}

/// What is known of a request by the time it is answered. It never holds a token, a body or a person's name.
pub(crate) struct Entry {
    pub(crate) function: String,
    pub(crate) method: String,
    /// The template of the path, never the path itself.
    pub(crate) route: &'static str,
    pub(crate) correlation_id: String,
    subject: String,
    started: Instant,
}

impl Entry {
    pub(crate) fn start(function: String, method: String, correlation_id: String) -> Self {
        Self { function, method, route: "", correlation_id, subject: String::new(), started: Instant::now() }
    }

    /// Notes who asked, as the first 16 hexadecimal digits of the subject's SHA-256: enough to follow one person's requests, and no name.
    pub(crate) fn subject(&mut self, subject: &str) {
        let hash = digest::digest(&digest::SHA256, subject.as_bytes());
        self.subject = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    }

    /// Writes the request's one line.
    pub(crate) fn write(&self, status: StatusCode, error: Option<&Error>) {
        let Self { function, method, route, correlation_id, subject, started } = self;
        let (status, cause) = (status.as_u16(), error.map(ToString::to_string).unwrap_or_default());
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        if status < 500 {
            tracing::info!(function, method, route, status, milliseconds, subject, correlation_id, cause, "request");
        } else {
            tracing::error!(function, method, route, status, milliseconds, subject, correlation_id, cause, "request");
        }
    }
}
