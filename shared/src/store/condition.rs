//! The update and condition expressions of writes.

use std::collections::HashMap;

use super::error::Error;
use super::item::{Attributes, Item, number};
use super::precondition::Precondition;
use super::table::{ID, VERSION};

/// An update of a row that also increments its version.
pub(super) struct Change {
    pub(super) expression: String,
    pub(super) condition: String,
    /// Attribute names by placeholder.
    pub(super) names: HashMap<String, String>,
    /// Values by placeholder.
    pub(super) values: Item,
}

impl Change {
    /// Sets these attributes if the row exists and meets `precondition`.
    pub(super) fn of(changed: Attributes, precondition: &Precondition) -> Self {
        let Condition {
            expression: condition,
            mut names,
            mut values,
        } = Condition::of(precondition);
        names.insert("#version".to_owned(), VERSION.to_owned());
        values.insert(":one".to_owned(), number(1));
        let mut clauses = Vec::new();
        for (name, value) in changed {
            clauses.push(format!("#{name} = :{name}"));
            names.insert(format!("#{name}"), name.to_owned());
            values.insert(format!(":{name}"), value);
        }
        let set = if clauses.is_empty() {
            String::new()
        } else {
            format!("SET {} ", clauses.join(", "))
        };
        Self {
            expression: format!("{set}ADD #version :one"),
            condition,
            names,
            values,
        }
    }
}

/// The condition of a write on its item.
pub(super) struct Condition {
    pub(super) expression: String,
    /// Attribute names by placeholder.
    pub(super) names: HashMap<String, String>,
    /// Values by placeholder.
    pub(super) values: Item,
}

impl Condition {
    /// Requires that the row exists and meets `precondition`.
    pub(super) fn of(precondition: &Precondition) -> Self {
        let mut expression = "attribute_exists(#id)".to_owned();
        let mut names = HashMap::from([("#id".to_owned(), ID.to_owned())]);
        let mut values = Item::new();
        if let Precondition::IsOneOf(versions) = precondition {
            let mut alternatives = Vec::new();
            for (index, version) in versions.iter().enumerate() {
                // A row without the attribute has version 0; a comparison with a missing attribute
                // is false.
                if version.0 == 0 {
                    alternatives.push("attribute_not_exists(#version)".to_owned());
                } else {
                    alternatives.push(format!("#version = :version{index}"));
                    values.insert(format!(":version{index}"), number(version.0));
                }
            }
            // With no version to match, add a condition that no row meets.
            if alternatives.is_empty() {
                alternatives.push("attribute_not_exists(#id)".to_owned());
            } else {
                names.insert("#version".to_owned(), VERSION.to_owned());
            }
            expression += &format!(" AND ({})", alternatives.join(" OR "));
        }
        Self {
            expression,
            names,
            values,
        }
    }
}

/// Why a write's condition failed: the row is missing if DynamoDB found no item.
pub(super) fn unmet(found: Option<&Item>) -> Error {
    if found.is_some() {
        Error::PreconditionFailed
    } else {
        Error::Missing
    }
}
