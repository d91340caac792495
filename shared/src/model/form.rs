//! A request body's fields, read one by one, with every fault collected.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

/// A field that broke its rule. It never holds what was sent.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field or query parameter.
    pub field: &'static str,
    /// The rule that it broke.
    pub message: &'static str,
}

/// The body is not JSON, or is JSON but no object.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnObject;

/// The members of a JSON object, each still unread.
///
/// Values stay text until a field asks for its own, so that a member nobody knows costs nothing, however deep or
/// large it is, and a number is judged by what was written and not by what a float makes of it.
pub struct Form<'a> {
    members: HashMap<String, &'a RawValue>,
    faults: Vec<Fault>,
}

impl<'a> Form<'a> {
    /// Reads a body. Where a name stands twice the last one counts, as for most readers of JSON (RFC 8259, section 4).
    ///
    /// # Errors
    /// [`NotAnObject`] when the body is anything but one JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, NotAnObject> {
        let members = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
        Ok(Self { members, faults: Vec::new() })
    }

    /// The field's value if it is there and keeps its rule. A null counts as absent.
    pub(super) fn optional<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let raw = self.members.get(field).map(|raw| raw.get()).filter(|text| *text != "null")?;
        T::read(raw).map_err(|message| self.faults.push(Fault { field, message })).ok()
    }

    /// As [`Self::optional`], where an absent field is a fault.
    pub(super) fn required<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let faults = self.faults.len();
        let value = self.optional(field);
        if value.is_none() && self.faults.len() == faults {
            self.faults.push(Fault { field, message: "is required" });
        }
        value
    }

    /// The whole, if every field that was asked for kept its rule.
    pub(super) fn finish<T>(self, whole: Option<T>) -> Result<T, Vec<Fault>> {
        match whole {
            Some(whole) if self.faults.is_empty() => Ok(whole),
            _ => Err(self.faults),
        }
    }
}

/// A value that a body's field can hold.
pub(super) trait Field: Sized {
    /// Reads one JSON value, as it was written.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn read(json: &str) -> Result<Self, &'static str>;
}
