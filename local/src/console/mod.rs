//! Serves the agency's console, the folder `console/`, on its own port, as a static host would.
//!
//! A release build has the files in the program. A debug build reads them from the repository, so
//! that a change of a file needs no build.

mod config;

use std::future::ready;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::Embed;

pub(crate) use config::{Config, demo_command};

/// The console's client id at the local identity service.
pub(crate) const CLIENT_ID: &str = "console";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The console's files. In place of its `config.json` one is made for the running stack.
#[derive(Embed)]
#[folder = "../console/"]
struct Files;

/// The console with this configuration.
pub(crate) fn router(config: &Config) -> Router {
    let json = Bytes::from(config.to_json());
    let policy = policy(config);
    Router::new()
        .route("/", get(async |headers| file(&headers, "index.html")))
        // The issuer knows the page by one address.
        .route("/index.html", get(async || Redirect::permanent("/")))
        .route(
            "/config.json",
            get(async move |headers: HeaderMap| content(&headers, "application/json", json)),
        )
        .route(
            "/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| file(&headers, &path)),
        )
        .layer(middleware::map_response(move |response| {
            ready(with_headers(response, &policy))
        }))
}

/// A file of the folder, or 404.
fn file(headers: &HeaderMap, path: &str) -> Response {
    match (media_type(path), Files::get(path)) {
        (Some(kind), Some(file)) => content(headers, kind, file.data.into_owned().into()),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The type of a file that is served.
fn media_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "LICENSE" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

/// The content, or 304 if the client has the same (RFC 9110, section 13.1.2).
fn content(headers: &HeaderMap, kind: &'static str, content: Bytes) -> Response {
    let tag = tag(&content);
    let same = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|known| ["*", &tag].contains(&known.trim().trim_start_matches("W/")));
    if same {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    ([(CONTENT_TYPE, kind)], [(ETAG, tag)], content).into_response()
}

/// The entity tag: a hash of the content.
fn tag(content: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash))
}

/// Adds the headers that a deployment has too. The browser must revalidate each time, because a new
/// version may have other content.
///
/// The popup in which a user signs in again must keep its opener, so the opener policy is not
/// `same-origin`.
fn with_headers(mut response: Response, policy: &HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin-allow-popups"),
        (
            PERMISSIONS_POLICY,
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The content security policy: the console runs only its own scripts, turns no text into HTML, and
/// connects only to itself, the API and the issuer.
fn policy(Config { api, issuer, .. }: &Config) -> HeaderValue {
    let issuer = issuer.trim_end_matches('/');
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' {api} {issuer}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    // An issuer and an API are URLs, so they have no character that a header may not have.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_console_is_served_but_for_those_that_only_readers_need() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../console");
        let files = files_below(std::path::Path::new(folder));
        assert!(files.iter().any(|file| file == "vendor/preact.js"));
        for file in files {
            let read_only = file.ends_with(".md") || file == "config.json";
            let served = media_type(&file).is_some() && Files::get(&file).is_some();
            assert_eq!(served, !read_only, "{file}");
        }
    }

    /// The paths of the files in a folder and its folders.
    fn files_below(folder: &std::path::Path) -> Vec<String> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            match path.is_dir() {
                true => {
                    let below = files_below(&path);
                    files.extend(below.iter().map(|file| format!("{name}/{file}")));
                }
                false => files.push(name.into_owned()),
            }
        }
        files
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        for path in [
            "../local/src/docs/page.js",
            "vendor/../../local/src/docs/page.js",
            "/etc/hosts.js",
            "vendor",
            "",
        ] {
            let response = file(&HeaderMap::new(), path);
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
