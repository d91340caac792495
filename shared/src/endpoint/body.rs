//! Request bodies: size limit, media type and parsing.

use lambda_http::http::HeaderMap;
use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::{Authorized, query};
use crate::error::Error;
use crate::model::{Form, FormError, Input};

/// The maximum size of a body, in bytes after decoding: 64 KiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Parses a body as an endpoint's input. Endpoints that read a body have no query parameters.
pub(super) fn read<T: Input>(authorized: &Authorized) -> Result<T, Error> {
    let request = &authorized.request;
    let body: &[u8] = request.body().as_ref();
    if body.len() > MAX_BODY_BYTES {
        return Err(Error::PayloadTooLarge);
    }
    if !is_declared_json(request.headers()) {
        return Err(Error::UnsupportedMediaType);
    }
    if body.is_empty() {
        return Err(Error::BadRequest("it is empty"));
    }
    let form = Form::parse(body, authorized.handling)
        .map_err(|_| Error::BadRequest("it is malformed or another JSON value"))?;
    let mut form = form.granted(authorized.permissions);
    form.set_by_server("id");
    let unknown = query::unknown(authorized);
    match T::read(form) {
        Err(FormError::PermissionMissing(permission)) => Err(Error::PermissionMissing(permission)),
        Err(FormError::Fields(errors)) => Err(Error::Unprocessable(
            errors.into_iter().chain(unknown).collect(),
        )),
        Ok(_) if !unknown.is_empty() => Err(Error::Unprocessable(unknown)),
        Ok(read) => Ok(read),
    }
}

/// Whether the headers declare plain JSON, or declare nothing. JSON is UTF-8 whatever a `charset`
/// parameter says (RFC 8259, section 8.1).
fn is_declared_json(headers: &HeaderMap) -> bool {
    let media_type = |value: &str| {
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
    };
    every(headers, CONTENT_TYPE.as_str(), media_type)
        && every(headers, CONTENT_ENCODING.as_str(), |value| {
            value.trim().eq_ignore_ascii_case("identity")
        })
}

fn every(headers: &HeaderMap, name: &str, holds: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .all(|value| value.to_str().is_ok_and(&holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_must_be_json_or_missing_and_the_body_unencoded() {
        let check = |name: &'static str, value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_declared_json(&headers), expected, "{name}: {value}");
        };
        assert!(is_declared_json(&HeaderMap::new()));
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=x; y=z",
            " application/json ",
        ] {
            check("content-type", value, true);
        }
        let others = [
            "",
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/json5",
            "json",
            "application/merge-patch+json",
            "application/json, text/plain",
            "text/plain; application/json",
            "*/*",
        ];
        for value in others {
            check("content-type", value, false);
        }
        check("content-encoding", "identity", true);
        check("content-encoding", "Identity", true);
        for value in ["gzip", "br", "", "identity, gzip", "deflate"] {
            check("content-encoding", value, false);
        }
    }
}
