//! Row ids.

use serde::Serialize;

/// The id of a row: 1 to 2^53-1, so that every JSON parser represents it exactly (RFC 8259, section
/// 6). Chosen by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Id(u64);

impl Id {
    /// The greatest id.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The id, if `number` is from 1 to 2^53-1.
    pub fn new(number: u64) -> Option<Self> {
        (1..=Self::MAX.0).contains(&number).then_some(Self(number))
    }

    /// Parses an id, which has only one accepted form: `[1-9][0-9]{0,15}`, at most 2^53-1.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() <= 16
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit());
        if well_formed {
            Self::new(text.parse().ok()?)
        } else {
            None
        }
    }

    /// The id as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_canonical_decimal_id_is_parsed() {
        for (text, number) in [
            ("1", 1),
            ("10", 10),
            ("999", 999),
            ("9007199254740991", 9_007_199_254_740_991),
        ] {
            assert_eq!(Id::parse(text).map(Id::get), Some(number), "{text}");
        }
        let refused = [
            "",
            "0",
            "00",
            "01",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "a",
            "1a",
            "٣",
            "１",
            "1\0",
            "%31",
            "1/2",
            "9007199254740992",
            "9999999999999999",
            "10000000000000000",
            "18446744073709551617",
        ];
        for text in refused {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
