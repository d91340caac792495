//! DynamoDB items, and how their attributes are read and written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item, as the SDK returns it.
pub type Item = HashMap<String, AttributeValue>;

/// Read access to an item's attributes by name.
pub trait ItemView {
    /// Whether the item has the attribute, of any type.
    fn has(&self, attribute: &str) -> bool;
    /// The attribute, if it is a string.
    fn text(&self, attribute: &str) -> Option<&str>;
    /// The attribute's digits as DynamoDB spells them, if it is a number.
    fn digits(&self, attribute: &str) -> Option<&str>;
}

impl ItemView for Item {
    fn has(&self, attribute: &str) -> bool {
        self.contains_key(attribute)
    }

    fn text(&self, attribute: &str) -> Option<&str> {
        self.get(attribute)?.as_s().ok().map(String::as_str)
    }

    fn digits(&self, attribute: &str) -> Option<&str> {
        self.get(attribute)?.as_n().ok().map(String::as_str)
    }
}

/// Attributes to write, by name.
pub type Attributes = Vec<(&'static str, AttributeValue)>;

/// The first attribute of an item that breaks its rule, or that is required and missing.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn read_text<T>(
    item: &dyn ItemView,
    attribute: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Malformed> {
    item.text(attribute)
        .and_then(parse)
        .ok_or(Malformed(attribute))
}

pub(super) fn read_number<T>(
    item: &dyn ItemView,
    attribute: &'static str,
    parse: impl Fn(i64) -> Option<T>,
) -> Result<T, Malformed> {
    item.digits(attribute)
        .and_then(|digits| digits.parse().ok())
        .and_then(parse)
        .ok_or(Malformed(attribute))
}

/// Reads an optional attribute; `read_required` reads it if the item has it.
pub(super) fn read_optional<T>(
    item: &dyn ItemView,
    attribute: &'static str,
    read_required: impl Fn(&dyn ItemView, &'static str) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    item.has(attribute)
        .then(|| read_required(item, attribute))
        .transpose()
}

/// Reads a whole number that is not negative.
pub(super) fn read_u64(item: &dyn ItemView, attribute: &str) -> Option<u64> {
    item.digits(attribute)?.parse().ok()
}
