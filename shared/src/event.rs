//! Makes gateway events safe for `lambda_http`, which panics on some of them.
//!
//! `lambda_http` builds a URL from the event's host, path and query and panics if it does not
//! parse. The client chooses all three: an HTTP API passes the path on decoded, and the query as it
//! was sent. This code does not need the URL (it uses the raw path, the query parameters and the
//! route key), so parts that might not parse are first removed or percent-encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::header::HOST;
use lambda_http::request::LambdaRequest;

/// The longest path, and the longest query, that is passed on, in bytes. The gateway accepts 10,240
/// bytes for the whole head of a request. A URL has room for 65,534, and percent-encoding may
/// triple the length of a path.
const MAX_PATH_BYTES: usize = 16 * 1024;

/// Makes an event safe to decode: removes its host, a path that does not begin with a slash or is
/// too long, a query that is too long, and a body that is not the base64 that it is declared to be.
/// Percent-encodes the characters that a query may not hold.
pub(crate) fn sanitize(request: LambdaRequest) -> LambdaRequest {
    match request {
        LambdaRequest::ApiGatewayV2(mut event) => {
            clean(&mut event);
            LambdaRequest::ApiGatewayV2(event)
        }
        // Other kinds of events need features that this workspace does not enable.
        other => other,
    }
}

fn clean(event: &mut ApiGatewayV2httpRequest) {
    event.headers.remove(HOST);
    event.request_context.domain_name = None;
    let is_valid = |path: &String| path.starts_with('/') && path.len() <= MAX_PATH_BYTES;
    event.raw_path = event.raw_path.take().filter(is_valid);
    let query = event
        .raw_query_string
        .take()
        .map(|query| percent_encoded(&query));
    event.raw_query_string = query.filter(|query| query.len() <= MAX_PATH_BYTES);
    let is_malformed = |body: &String| event.is_base64_encoded && STANDARD.decode(body).is_err();
    event.body = event.body.take().filter(|body| !is_malformed(body));
}

/// Percent-encodes the characters that a query may not hold (RFC 3986, section 3.4), and no others.
fn percent_encoded(query: &str) -> String {
    let mut encoded = String::with_capacity(query.len());
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use lambda_http::{Request, RequestExt};
    use serde_json::{Value, json};

    use super::*;

    fn decode(change: Value) -> Request {
        let mut event = json!({
            "version": "2.0", "rawPath": "/actors", "rawQueryString": "", "headers": {"host": "api.example"}, "isBase64Encoded": false,
            "requestContext": {"http": {"method": "GET", "path": "/actors"}, "domainName": "api.example", "stage": "$default"},
        });
        for (name, value) in change.as_object().unwrap() {
            event[name] = value.clone();
        }
        sanitize(serde_json::from_value(event).unwrap()).into()
    }

    #[test]
    fn no_host_path_query_or_body_makes_the_decoder_panic() {
        let hosts = [
            "", " ", "a b", "[", "::1", "a:99999", "a/b", "a#b", "é", "%", "\u{7f}",
        ];
        for host in hosts {
            decode(
                json!({"headers": {"host": host.replace('\u{7f}', "")}, "requestContext": {"http": {"method": "GET"}, "domainName": host}}),
            );
        }
        for path in [
            "",
            "actors",
            ":99999/",
            "@x",
            "//",
            "/ ",
            "/é",
            "/a?b#c",
            "/\0\n\u{1b}",
            "/%",
            "/%zz",
            "/\u{fffd}",
            "/..//..",
            "\\",
            "/[",
            "/:0",
        ] {
            decode(json!({"rawPath": path}));
        }
        for query in [
            "\"", "a b", "<>", "{}", "|", "é=ü", "#", "%", "%zz=%", "a=\0", "&&==&", "[]", "^`\\",
            "\u{fffd}",
        ] {
            decode(json!({"rawQueryString": query}));
        }
        for length in [20_000, 32_767, 65_534, 70_000] {
            decode(
                json!({"rawPath": format!("/{}", "a".repeat(length)), "rawQueryString": "é".repeat(length)}),
            );
        }
        for body in ["!", "{}", "YQ", "YQ==YQ==", "é"] {
            assert!(
                decode(json!({"body": body, "isBase64Encoded": true}))
                    .body()
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_valid_event_is_decoded_unchanged() {
        let request = decode(
            json!({"rawQueryString": "limit=5&x=%C3%A9+%22&x=2", "body": "e30=", "isBase64Encoded": true}),
        );
        let query = request.query_string_parameters();
        assert_eq!(
            (query.first("limit"), query.all("x")),
            (Some("5"), Some(vec!["é \"", "2"]))
        );
        assert_eq!(
            (request.raw_http_path(), request.body().as_ref()),
            ("/actors", b"{}".as_slice())
        );
    }
}
