//! `Idempotency-Key` on POST.

use lambda_http::http::HeaderMap;

use crate::error::Error;
use crate::model::FieldError;

const HEADER: &str = "idempotency-key";
const RULE: &str = "must be one value of 1 to 255 printable ASCII characters";

/// The request's idempotency key, if it has one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| {
        (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    });
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(Error::Unprocessable(vec![FieldError::of(
            "Idempotency-Key",
            RULE,
        )])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_one_value_of_printable_ascii() {
        let check = |values: &[&[u8]], expected: Option<Option<&str>>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(
                    HEADER,
                    lambda_http::http::HeaderValue::from_bytes(value).unwrap(),
                );
            }
            assert_eq!(key(&headers).ok(), expected, "{values:?}");
        };
        check(&[], Some(None));
        for sound in ["x", "9b2d-\"quoted\"", "~ !", &"k".repeat(255)] {
            check(&[sound.as_bytes()], Some(Some(sound)));
        }
        for unsound in ["", "a\tb", "\u{e9}", &"k".repeat(256)] {
            check(&[unsound.as_bytes()], None);
        }
        check(&[b"a", b"a"], None);
    }
}
