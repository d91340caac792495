//! `Prefer` and `Preference-Applied` (RFC 7240).

use lambda_http::http::HeaderMap;

use crate::model::Handling;

/// How the client wants unknown names to be handled. If a preference is given more than once, the
/// first one counts. Other preferences and undefined values are ignored.
pub(super) fn handling(headers: &HeaderMap) -> Handling {
    let preferences = headers
        .get_all("prefer")
        .iter()
        .flat_map(|value| split(value.as_bytes(), b','));
    let mut values = preferences.filter_map(|preference| {
        // Parameters of a preference follow a semicolon; `handling` has none.
        let (name, value) = name_and_value(split(preference, b';').next()?);
        name.eq_ignore_ascii_case(b"handling")
            .then(|| unquoted(value))
    });
    match values.next() {
        Some(value) if value.eq_ignore_ascii_case(b"strict") => Handling::Strict,
        _ => Handling::Lenient,
    }
}

/// The value of `Preference-Applied`. Lenient mode is the default and is not reported.
pub(crate) fn applied(handling: Handling) -> Option<&'static str> {
    match handling {
        Handling::Strict => Some("handling=strict"),
        Handling::Lenient => None,
    }
}

/// Splits a header value at the separators outside quoted strings (RFC 9110, section 5.6.4).
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |byte| {
        let is_literal = std::mem::take(&mut escaped);
        match byte {
            _ if is_literal => return false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => return !quoted && *byte == separator,
        }
        false
    })
}

fn name_and_value(preference: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = preference
        .splitn(2, |byte| *byte == b'=')
        .map(<[u8]>::trim_ascii);
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

/// The text of a token or of a quoted string.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(text) = value
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""))
    else {
        return value.to_vec();
    };
    let mut escaped = false;
    text.iter()
        .copied()
        .filter(|byte| {
            escaped = *byte == b'\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn the_prefer_header_is_parsed_as_rfc_7240_specifies() {
        let check = |values: &[&str], expected: Handling| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("prefer", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            assert_eq!(handling(&headers), expected, "{values:?}");
        };
        for strict in [
            &["handling=strict"][..],
            &["Handling = STRICT"],
            &["HANDLING\t=\t\"strict\" "],
            &[r#"handling="s\tri\ct""#],
            &["handling=strict; wait=1", "handling=lenient"],
            &["handling=strict;"],
            &["respond-async, wait=10,,handling=strict"],
            &["return=minimal", "handling=strict"],
            &["", ",", "handling=strict, handling=lenient"],
            &[r#"x="a, handling=lenient", handling=strict"#],
            &[r#"x="a\", handling=lenient, \\", handling=strict"#],
            &["x=\"\u{e9}\", handling=strict"],
            &["x; handling=lenient, handling=strict"],
        ] {
            check(strict, Handling::Strict);
        }
        for lenient in [
            &[][..],
            &[""],
            &["strict"],
            &["handling"],
            &["handling="],
            &["handling=\"\""],
            &["handling=lenient"],
            &["handling=stricter"],
            &["handling==strict"],
            &["handling=strict=strict"],
            &["handling=strict handling=strict"],
            &["handling=\" strict\""],
            &["handling=\"strict"],
            &["handling=strict\""],
            &["handling='strict'"],
            &["xhandling=strict"],
            &["handling strict"],
            &["x; handling=strict"],
            &[r#"x="a, handling=strict"#],
            &[r#"x="a", y="\", handling=strict""#],
            &["handling=lenient, handling=strict"],
            &["handling=lenient", "handling=strict"],
            &["handling=loose", "handling=strict"],
            &["handling", "handling=strict"],
        ] {
            check(lenient, Handling::Lenient);
        }
    }
}
