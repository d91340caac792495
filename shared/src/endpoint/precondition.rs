//! `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).

use lambda_http::http::HeaderMap;
use lambda_http::http::header::IF_MATCH;

use crate::store::{Precondition, Version};

/// The maximum number of tags that are read from `If-Match`.
const MAX_TAGS: usize = 100;

/// A version as a strong entity tag.
pub(crate) fn tag(version: Version) -> String {
    format!("\"{}\"", version.0)
}

/// The precondition in `If-Match`. Weak tags and tags that this API never writes do not match, so a
/// write with no other tag fails.
pub(super) fn from_if_match(headers: &HeaderMap) -> Precondition {
    let values: Vec<_> = headers.get_all(IF_MATCH).iter().collect();
    if values.is_empty() {
        return Precondition::Exists;
    }
    let text: Vec<_> = values
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    let text = text.join(",");
    if text.trim() == "*" {
        return Precondition::Exists;
    }
    Precondition::IsOneOf(
        text.split(',')
            .filter_map(|tag| version(tag.trim()))
            .take(MAX_TAGS)
            .collect(),
    )
}

/// The version of a strong tag, if the tag is exactly what [`tag`] writes.
fn version(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let version = Version(digits.parse().ok()?);
    (self::tag(version) == tag).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_reads_only_strong_etags_with_a_valid_version() {
        let check = |values: &[&str], expected: Precondition| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IF_MATCH, value.parse().unwrap());
            }
            assert_eq!(from_if_match(&headers), expected, "{values:?}");
        };
        let one_of = |versions: &[u64]| {
            Precondition::IsOneOf(versions.iter().copied().map(Version).collect())
        };
        check(&[], Precondition::Exists);
        check(&["*"], Precondition::Exists);
        check(&["\"7\""], one_of(&[7]));
        check(&["\"7\", \"9\",\"x\" , W/\"11\""], one_of(&[7, 9]));
        check(&["\"7\"", "\"9\""], one_of(&[7, 9]));
        for nothing in [
            "",
            "7",
            "W/\"7\"",
            "\"07\"",
            "\"+7\"",
            "\"-7\"",
            "\"\"",
            "\"7",
            "*, \"x\"",
            "\"99999999999999999999\"",
            "'7'",
        ] {
            check(&[nothing], one_of(&[]));
        }
    }
}
