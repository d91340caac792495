//! A request body's fields, read one by one, with every fault collected.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Cast;
use crate::permission::{Permission, Permissions};

/// A field that broke its rule. It never holds what was sent, but for the id of an actor that is not there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field, header or query parameter; within an array its place, as in `cast[3].billing`.
    pub field: Cow<'static, str>,
    /// The rule that it broke.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// That `field` broke this rule.
    pub fn of(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The fault, of a field in `whole`.
    pub(super) fn within(self, whole: &str) -> Self {
        Self { field: format!("{whole}.{}", self.field).into(), ..self }
    }
}

/// Why a body cannot be read as what an endpoint takes.
#[derive(Debug, PartialEq, Eq)]
pub enum FormError {
    /// A field is about another resource, and the token does not grant reading that one.
    PermissionMissing(Permission),
    /// Every field that breaks a rule.
    Fields(Vec<Fault>),
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
    permissions: Permissions,
    missing: Option<Permission>,
    faults: Vec<Fault>,
}

impl<'a> Form<'a> {
    /// Reads a body. Where a name stands twice the last one counts, as for most readers of JSON (RFC 8259, section 4).
    ///
    /// # Errors
    /// [`NotAnObject`] when the body is anything but one JSON object.
    pub fn parse(body: &'a [u8]) -> Result<Self, NotAnObject> {
        let members = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
        Ok(Self { members, permissions: Permissions::default(), missing: None, faults: Vec::new() })
    }

    /// The form, of a request whose token grants these permissions.
    #[must_use]
    pub fn granted(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }

    /// The field's value if it is there and keeps its rule. A null counts as absent.
    pub(super) fn optional<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let raw = self.members.get(field).map(|raw| raw.get()).filter(|text| *text != "null")?;
        T::read(raw).map_err(|message| self.faults.push(Fault::of(field, message))).ok()
    }

    /// The `cast`, if it is there and keeps its rules; it takes the permission to read actors. A null counts as absent.
    pub(super) fn cast(&mut self) -> Option<Cast> {
        let raw = self.members.get("cast").map(|raw| raw.get()).filter(|text| *text != "null")?;
        let proof = self.permissions.may_read().map_err(|missing| self.missing = Some(missing)).ok()?;
        Cast::read(raw, proof).map_err(|faults| self.faults.extend(faults)).ok()
    }

    /// As [`Self::optional`], where an absent field is a fault.
    pub(super) fn required<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let faults = self.faults.len();
        let value = self.optional(field);
        if value.is_none() && self.faults.len() == faults {
            self.faults.push(Fault::of(field, "is required"));
        }
        value
    }

    /// The whole, if every field that was asked for may be sent and kept its rule.
    pub(super) fn finish<T>(self, whole: Option<T>) -> Result<T, FormError> {
        match self.missing {
            Some(missing) => Err(FormError::PermissionMissing(missing)),
            None => self.fields(whole).map_err(FormError::Fields),
        }
    }

    /// As [`Self::finish`], of a form whose fields take no permission.
    pub(super) fn fields<T>(self, whole: Option<T>) -> Result<T, Vec<Fault>> {
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

/// A whole number that is not negative, read by its digits, so that `24.0` and `2.4e1` are 24 and `24.0000000000000000001` is none.
pub(super) fn integer(json: &str) -> Option<u64> {
    if !json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, whole) = whole.strip_prefix('-').map_or((false, whole), |digits| (true, digits));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let exponent: i32 = exponent.parse().ok()?;
    // The value is the significant digits times ten to this power; below zero it has a fraction.
    let power = i64::from(exponent) - fraction.len() as i64 + (digits.len() - significant.len()) as i64;
    let power = u32::try_from(power).ok().filter(|_| !negative)?;
    significant.parse::<u64>().ok()?.checked_mul(10_u64.checked_pow(power)?)
}
