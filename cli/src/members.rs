//! Reads JSON objects member by member, and keeps the spelling of each value.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The members of a JSON object, in their order. Names are unique.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

/// Why a text cannot be read as an object without loss.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MembersError {
    /// The text is not an object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// Two members have the same name.
    #[error("has the member {0} twice")]
    Twice(String),
}

impl<'a> Members<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, MembersError> {
        let Every(members) = serde_json::from_slice(json).map_err(|_| MembersError::NotAnObject)?;
        let mut names = HashSet::new();
        match members.iter().find(|(name, _)| !names.insert(name)) {
            Some((name, _)) => Err(MembersError::Twice(name.clone())),
            None => Ok(Self(members)),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| *value)
    }
}

/// Every member, including those with the same name.
struct Every<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Every<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Every<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Every(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The text of a JSON string; `None` for any other value.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An object of these members, whose values are JSON.
pub(crate) fn object<N: AsRef<str>>(
    members: impl IntoIterator<Item = (N, impl AsRef<str>)>,
) -> String {
    let member = |(name, value): (N, _)| {
        format!("{}:{}", quoted(name.as_ref()), AsRef::<str>::as_ref(&value))
    };
    format!(
        "{{{}}}",
        members
            .into_iter()
            .map(member)
            .collect::<Vec<_>>()
            .join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_with_every_member_once() {
        let members = Members::parse(br#"{"b": 1.0, "a": ["x", {}], "\u0063": "\u0041"}"#).unwrap();
        let members: Vec<_> = members
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
            .collect();
        assert_eq!(
            members,
            [("b", "1.0"), ("a", r#"["x", {}]"#), ("c", r#""\u0041""#)]
        );
        assert_eq!(
            Members::parse(br#"{"a":1,"\u0061":2}"#).unwrap_err(),
            MembersError::Twice("a".into())
        );
        for json in ["", "[]", "5", "{", "{} {}", "{\"a\":}"] {
            assert_eq!(
                Members::parse(json.as_bytes()).unwrap_err(),
                MembersError::NotAnObject,
                "{json}"
            );
        }
    }

    #[test]
    fn a_deep_document_does_not_exhaust_the_stack() {
        let deep = format!(
            "{{\"a\":{}{}}}",
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );
        assert!(Members::parse(deep.as_bytes()).is_ok());
        assert!(Members::parse(&deep.as_bytes()[..1_500_000]).is_err());
    }
}
