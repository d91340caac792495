//! Cursors: where the next page of a list begins. A cursor is valid only for its own list.
//!
//! A cursor holds only a position in the order of its list and a digest that binds it to that list.
//! The request's own parameters always select the list, so a client that forges a digest gets no
//! more than a page of a list that it may read anyway.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The length of the digest in a cursor, in bytes.
const DIGEST_BYTES: usize = 8;
/// The maximum length of a position, in bytes: DynamoDB's limit for a sort key.
const MAX_POSITION_BYTES: usize = 1024;

/// The cursor for a position in the list that `scope` identifies.
pub(super) fn encode(scope: &str, position: &str) -> String {
    let mut cursor = digest_of(scope, position).to_vec();
    cursor.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(cursor)
}

/// The position in a cursor, if the cursor belongs to the list that `scope` identifies.
pub(super) fn decode(scope: &str, cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (digest, position) = bytes.split_at_checked(DIGEST_BYTES)?;
    let position = str::from_utf8(position)
        .ok()
        .filter(|position| (1..=MAX_POSITION_BYTES).contains(&position.len()))?;
    (digest == digest_of(scope, position)).then(|| position.to_owned())
}

fn digest_of(scope: &str, position: &str) -> [u8; DIGEST_BYTES] {
    let mut digest = digest::Context::new(&digest::SHA256);
    digest.update(&(scope.len() as u64).to_be_bytes());
    digest.update(scope.as_bytes());
    digest.update(position.as_bytes());
    let digest = digest.finish();
    std::array::from_fn(|index| digest.as_ref()[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_only_for_its_own_list() {
        let cursor = encode("/actors?name=ida", "ida lupino\u{1f}0000000000000007");
        assert_eq!(
            decode("/actors?name=ida", &cursor).as_deref(),
            Some("ida lupino\u{1f}0000000000000007")
        );
        assert_eq!(decode("/actors?name=id", &cursor), None);
        assert_eq!(decode("/movies?name=ida", &cursor), None);
        for index in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                decode("/actors?name=ida", std::str::from_utf8(&forged).unwrap()),
                None,
                "{index}"
            );
        }
        for (length, expected) in [(0, false), (1, true), (1024, true), (1025, false)] {
            let position = "x".repeat(length);
            assert_eq!(
                decode("/actors", &encode("/actors", &position)).is_some(),
                expected,
                "{length}"
            );
        }
        for nonsense in [
            "",
            "A",
            "AAAA",
            "é",
            "====",
            &"A".repeat(20_000),
            &format!("{cursor}="),
            &format!(" {cursor}"),
        ] {
            assert_eq!(decode("/actors?name=ida", nonsense), None, "{nonsense}");
        }
    }
}
