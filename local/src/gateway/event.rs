//! Converts HTTP requests to API Gateway events of payload format 2.0, and function responses to
//! HTTP.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Map, Value, json};

use super::functions::{Matched, decoded};

/// The event for a request.
pub(super) fn event(parts: &Parts, route: &Matched<'_>, body: &Bytes) -> Value {
    let (now, path, query) = (
        Utc::now(),
        decoded(parts.uri.path()),
        parts.uri.query().unwrap_or_default(),
    );
    let text = |name: HeaderName| parts.headers.get(name).map(lossy).unwrap_or_default();
    let host = text(HOST);
    let domain = host.split(':').next().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next().unwrap_or_default(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": "127.0.0.1",
                "userAgent": text(USER_AGENT),
            },
            "requestId": request_id(),
            "routeKey": route.key,
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if let Some((name, value)) = &route.parameter {
        event["pathParameters"] = json!({ *name: value });
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body)
            .ok()
            .filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = json!(text.is_none());
        event["body"] = text.map_or_else(|| json!(STANDARD.encode(body)), |text| json!(text));
    }
    event
}

/// Converts a function's response to HTTP.
///
/// # Errors
/// What is wrong with the response.
pub(super) fn response(payload: &Value) -> Result<Response<Body>, String> {
    let status = payload["statusCode"]
        .as_u64()
        .and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let body = payload["body"].as_str().unwrap_or_default();
    let body = match payload["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(body).map_err(|error| error.to_string())?,
        _ => body.as_bytes().to_vec(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.ok_or("the response has no status")?;
    for (name, value) in payload["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name} is not a header name"))?;
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        response
            .headers_mut()
            .append(name, value.ok_or("a header's value is not text")?);
    }
    Ok(response)
}

/// Header names in lower case; the values of a repeated header are joined by commas. Cookies are a
/// separate field.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in headers.keys().filter(|name| *name != COOKIE) {
        let values: Vec<_> = headers.get_all(name).iter().map(lossy).collect();
        joined.insert(name.as_str().to_owned(), json!(values.join(",")));
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(COOKIE).iter().map(lossy);
    values
        .flat_map(|value| value.split("; ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The query's parameters, decoded; the values of a repeated one are joined by commas.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|values| *values += &format!(",{value}"))
            .or_insert(value.into_owned());
    }
    joined
}

/// Whether the gateway passes the body on as text. Other bodies are base64.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(lossy)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let known = [
        "text/",
        "application/json",
        "application/javascript",
        "application/xml",
    ];
    known.iter().any(|prefix| content_type.starts_with(prefix))
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn request_id() -> String {
    let mut bytes = [0; 11];
    // If the system has no randomness, all ids are equal. A local log can live with that.
    let _ = rand::fill(&mut bytes);
    STANDARD.encode(bytes)
}
