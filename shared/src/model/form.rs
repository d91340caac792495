//! A request body's fields, read one by one, with every fault collected.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Cast;
use crate::permission::{Permission, Permissions};

/// How names are handled that are unknown where they stand: the two values of the preference `handling`
/// (RFC 7240, section 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handling {
    /// Unknown names are ignored, and of a name that is given twice the last value counts.
    #[default]
    Lenient,
    /// Each unknown name, and each name that is given twice, is an error.
    Strict,
}

/// A field that broke its rule. It never holds what was sent, but for the id of an actor that is not there and for
/// names that are unknown.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field, header or query parameter; within an array its place, as in `cast[3].billing`.
    pub field: Cow<'static, str>,
    /// The rule that it broke.
    pub message: Cow<'static, str>,
    /// Whether the client chose the name of the field.
    #[serde(skip)]
    unknown: bool,
}

impl FieldError {
    /// The most characters of an unknown name that are sent back.
    const MAX_UNKNOWN_CHARACTERS: usize = 100;

    /// That `field` broke this rule.
    pub fn of(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), message: message.into(), unknown: false }
    }

    /// That a name is unknown. The client chose it, so it is cut, and must not be logged.
    pub(crate) fn unknown(name: &str, message: &'static str) -> Self {
        let field: String = name.chars().take(Self::MAX_UNKNOWN_CHARACTERS).collect();
        Self { unknown: true, ..Self::of(field, message) }
    }

    /// Whether the client chose the name of the field: then it must not be logged.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
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
    Fields(Vec<FieldError>),
}

/// The body is not JSON, or is JSON but no object.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnObject;

/// The members of a JSON object, each still unread.
///
/// Values stay text until a field asks for its own, so that a member nobody knows costs nothing, however deep or
/// large it is, and a number is judged by what was written and not by what a float makes of it.
pub struct Form<'a> {
    members: Vec<(String, &'a RawValue)>,
    handling: Handling,
    permissions: Permissions,
    /// A permission that a field takes and the token does not grant.
    missing: Option<Permission>,
    /// The fields that were asked for. There is no other list of what is known.
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

impl<'a> Form<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// [`NotAnObject`] when the body is anything but one JSON object.
    pub fn parse(body: &'a [u8], handling: Handling) -> Result<Self, NotAnObject> {
        let Members(members) = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
        let permissions = Permissions::default();
        Ok(Self { members, handling, permissions, missing: None, known: Vec::new(), faults: Vec::new() })
    }

    /// The form, of a request whose token grants these permissions.
    #[must_use]
    pub fn granted(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }

    /// The field's value if it is there and keeps its rule. A null counts as absent.
    pub(super) fn optional<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let raw = self.member(field)?;
        T::read(raw).map_err(|message| self.faults.push(FieldError::of(field, message))).ok()
    }

    /// The `cast`, if it is there and keeps its rules; it takes the permission to read actors. A null counts as absent.
    pub(super) fn cast(&mut self) -> Option<Cast> {
        let is_given =
            self.members.iter().rfind(|(name, _)| name == "cast").is_some_and(|(_, raw)| raw.get() != "null");
        let raw = self.member("cast");
        match self.permissions.may_read() {
            Ok(proof) => Cast::read(raw?, proof, self.handling).map_err(|faults| self.faults.extend(faults)).ok(),
            Err(missing) => {
                self.missing = is_given.then_some(missing);
                None
            }
        }
    }

    /// The member's JSON unless it is absent or null. Where a name is given twice the last one counts, as for most
    /// readers of JSON (RFC 8259, section 4); in strict mode that is an error.
    fn member(&mut self, field: &'static str) -> Option<&'a str> {
        self.known.push(field);
        let mut values = self.members.iter().filter(|(name, _)| name == field).map(|(_, raw)| raw.get());
        let last = values.next_back();
        if self.handling == Handling::Strict && values.next().is_some() {
            self.faults.push(FieldError::of(field, "is given twice"));
            return None;
        }
        last.filter(|text| *text != "null")
    }

    /// A field that the server alone sets. It is ignored; in strict mode it is an error.
    pub(crate) fn set_by_server(&mut self, field: &'static str) {
        self.known.push(field);
        if self.handling == Handling::Strict && self.members.iter().any(|(name, _)| name == field) {
            self.faults.push(FieldError::of(field, "is chosen by the server and must be left out"));
        }
    }

    /// As [`Self::optional`], where an absent field is a fault.
    pub(super) fn required<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let faults = self.faults.len();
        let value = self.optional(field);
        if value.is_none() && self.faults.len() == faults {
            self.faults.push(FieldError::of(field, "is required"));
        }
        value
    }

    /// The whole, if every field that was asked for may be sent and kept its rule, and in strict mode there is no other.
    pub(super) fn finish<T>(self, whole: Option<T>) -> Result<T, FormError> {
        match self.missing {
            Some(missing) => Err(FormError::PermissionMissing(missing)),
            None => self.fields(whole).map_err(FormError::Fields),
        }
    }

    /// As [`Self::finish`], of a form whose fields take no permission.
    pub(super) fn fields<T>(mut self, whole: Option<T>) -> Result<T, Vec<FieldError>> {
        if self.handling == Handling::Strict {
            let mut seen = HashSet::new();
            let names = self.members.iter().map(|(name, _)| name.as_str());
            let unknown = names.filter(|name| !self.known.contains(name) && seen.insert(*name));
            self.faults.extend(unknown.map(|name| FieldError::unknown(name, "is an unknown field")));
        }
        match whole {
            Some(whole) if self.faults.is_empty() => Ok(whole),
            _ => Err(self.faults),
        }
    }
}

/// The members of a JSON object in the order that they were sent in, repeated names among them.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
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
