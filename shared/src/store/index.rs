//! The indexes that serve lists, and the format of their keys.
//!
//! Each index holds whole rows in the order of one list. Its sort key is the value, encoded so that
//! byte order is list order, followed by the id, so that no two rows share a key. A value that most
//! rows share would make one partition hot. So the rows are spread over [`SHARDS`] partitions by
//! `id % SHARDS`, and a list queries all of them at once and merges the results.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::text;
use crate::model::{Age, Id, Prefix, ReleaseDate};

/// The version of the key format. Increment it whenever the same row would get other keys, so that
/// an upgrade rewrites the stored keys. Format 1 did not fold strokes, apostrophes and dashes.
pub const KEY_FORMAT: u32 = 3;

/// How many partitions the rows of an index are spread over.
pub(crate) const SHARDS: u64 = 4;

/// A global secondary index. Both of its keys are strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The attribute of its partition key.
    pub partition: &'static str,
    /// The attribute of its sort key.
    pub sort: &'static str,
}

/// The partition key attribute of the indexes over all rows.
const SHARD: &str = "shard";

pub(super) const BY_AGE: Index = Index {
    name: "by_age",
    partition: SHARD,
    sort: "age_key",
};
/// Each partition holds one gender, in order of age.
pub(super) const BY_GENDER: Index = Index {
    name: "by_gender",
    partition: "gender_shard",
    sort: "age_key",
};
pub(super) const BY_NAME: Index = Index {
    name: "by_name",
    partition: SHARD,
    sort: "name_key",
};
/// By the last word of a name that has several.
pub(super) const BY_LAST_WORD: Index = Index {
    name: "by_last_word",
    partition: SHARD,
    sort: "last_word_key",
};
pub(super) const BY_RELEASE: Index = Index {
    name: "by_release",
    partition: SHARD,
    sort: "release_key",
};
pub(super) const BY_TITLE: Index = Index {
    name: "by_title",
    partition: SHARD,
    sort: "title_key",
};
/// By the title without its article, if it has one.
pub(super) const BY_BARE_TITLE: Index = Index {
    name: "by_bare_title",
    partition: SHARD,
    sort: "bare_title_key",
};

/// Separates value and id in a key. It is less than any character of a text, so that `an` sorts
/// before `an a`.
const SEPARATOR: char = '\u{1f}';
/// Less than every key.
const MIN_TEXT: &str = "\u{1}";
/// Greater than every character of a key.
const MAX_CHARACTER: char = '\u{10ffff}';
/// The longest sort key, in bytes.
const MAX_KEY_BYTES: usize = 1024;
/// The longest text in a key, in bytes.
const MAX_TEXT_BYTES: usize = 900;

/// A range of an index's sort keys, in each of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub(super) index: Index,
    /// The value that the partitions are limited to, such as a gender; `None` for all rows.
    pub(super) scope: Option<String>,
    /// The least sort key, included.
    pub(super) low: String,
    /// The greatest sort key, included.
    pub(super) high: String,
}

impl Range {
    /// The whole index.
    pub(super) fn all(index: Index) -> Self {
        Self {
            index,
            scope: None,
            low: MIN_TEXT.to_owned(),
            high: greatest_after(""),
        }
    }

    /// The keys that begin with this prefix.
    pub(super) fn beginning(index: Index, prefix: &Prefix) -> Self {
        let low = cut(prefix.as_str()).to_owned();
        Self {
            high: greatest_after(&low),
            low,
            ..Self::all(index)
        }
    }

    /// The keys from one value to another, both included.
    pub(super) fn between(index: Index, from: Option<String>, to: Option<String>) -> Self {
        let all = Self::all(index);
        Self {
            low: from.unwrap_or(all.low),
            high: to.map_or(all.high, |to| greatest_after(&to)),
            ..all
        }
    }

    /// Limits the range to the partitions of this scope.
    pub(super) fn of(self, scope: &str) -> Self {
        Self {
            scope: Some(scope.to_owned()),
            ..self
        }
    }
}

/// An upper bound of all keys with this beginning, even of a name that itself begins with the
/// greatest character.
fn greatest_after(beginning: &str) -> String {
    let room = (MAX_KEY_BYTES - beginning.len()) / MAX_CHARACTER.len_utf8();
    beginning.to_owned() + &MAX_CHARACTER.to_string().repeat(room)
}

/// The number of the row's shard, the same in every index over all rows.
pub(super) fn shard(id: Id) -> u64 {
    id.get() % SHARDS
}

/// The partition key of a shard.
pub(super) fn partition(shard: u64, scope: Option<&str>) -> String {
    scope.map_or_else(|| shard.to_string(), |scope| format!("{shard}#{scope}"))
}

pub(super) fn shard_attribute(id: Id) -> (&'static str, AttributeValue) {
    (SHARD, text(&partition(shard(id), None)))
}

pub(super) fn id_key(id: Id) -> String {
    format!("{id:016}")
}

pub(super) fn text_key(folded: &str, id: Id) -> String {
    key(cut(folded), id)
}

/// The key of a part of a text: its last word, or the text without its article. A row whose part is
/// its whole text is found by that, so its part has the empty text's key, which no prefix finds.
pub(super) fn part_key(whole: &str, part: &str, id: Id) -> String {
    text_key(if part == whole { "" } else { part }, id)
}

pub(super) fn age_key(age: Age, id: Id) -> String {
    key(&age_value(age), id)
}

pub(super) fn release_key(date: ReleaseDate, id: Id) -> String {
    key(&release_value(date), id)
}

/// The encoding of an age at the beginning of a key.
pub(super) fn age_value(age: Age) -> String {
    format!("{:03}", age.get())
}

/// The encoding of a release date at the beginning of a key: seconds since the year 1653, so that
/// none is negative.
pub(super) fn release_value(date: ReleaseDate) -> String {
    format!("{:012}", date.timestamp() + 10_000_000_000)
}

fn key(value: &str, id: Id) -> String {
    format!("{value}{SEPARATOR}{}", id_key(id))
}

/// The longest prefix of the text that fits into a key.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT_BYTES.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    #[test]
    fn index_keys_sort_in_list_order() {
        let names = [
            ("", 9),
            ("an", 1),
            ("an", 2),
            ("an", 10),
            ("an a", 1),
            ("ana", 1),
            ("b", 1),
            ("é", 1),
            ("李", 1),
        ];
        let keys = names.map(|(name, number)| text_key(name, id(number)));
        assert!(keys.is_sorted(), "{keys:?}");
        let dates = [-5_364_662_400, -1, 0, 1_589_464_933, 253_402_300_799];
        let keys = dates.map(|date| release_key(ReleaseDate::from_timestamp(date).unwrap(), id(1)));
        assert!(
            keys.is_sorted() && keys.iter().all(|key| key.len() == 29),
            "{keys:?}"
        );
        assert!(age_key(Age::new(9).unwrap(), id(7)) < age_key(Age::new(10).unwrap(), id(1)));
        assert!(id_key(id(9)) < id_key(id(10)) && id_key(Id::MAX).len() == 16);
    }

    #[test]
    fn an_index_key_fits_any_name() {
        let long = "\u{1d5ba}".repeat(200) + &"é".repeat(300);
        assert!(text_key(&long, Id::MAX).len() <= MAX_KEY_BYTES);
        for greatest in [
            MAX_CHARACTER.to_string(),
            MAX_CHARACTER.to_string().repeat(200),
        ] {
            let key = text_key(&greatest, Id::MAX);
            for range in [
                Range::all(BY_NAME),
                Range::beginning(BY_NAME, &Prefix::new(&greatest).unwrap()),
            ] {
                assert!(range.low <= key && key <= range.high && range.high.len() <= MAX_KEY_BYTES);
            }
        }
    }
}
