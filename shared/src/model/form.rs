//! Reads a request body's fields one by one and collects every error.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Cast;
use crate::permission::{Permission, Permissions};

/// How unknown names are handled: the two values of the preference `handling` (RFC 7240, section
/// 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handling {
    /// Unknown names are ignored. Of a duplicate name, the last value counts.
    #[default]
    Lenient,
    /// Each unknown name and each duplicate name is an error.
    Strict,
}

/// An invalid field. It never contains what the client sent, except the id of an actor that does
/// not exist and the names of unknown fields.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field, header or query parameter. Within an array it includes the position, as in
    /// `cast[3].billing`.
    pub field: Cow<'static, str>,
    /// The rule that the field breaks.
    pub message: Cow<'static, str>,
    /// Whether `field` is a name that the client made up, of an unknown field or parameter. Such a
    /// name must not be logged.
    #[serde(skip)]
    has_unknown_name: bool,
}

impl FieldError {
    /// The maximum number of characters of an unknown name in a response.
    const MAX_UNKNOWN_CHARACTERS: usize = 100;

    /// An error for `field`; `message` states the rule.
    pub(crate) fn of(
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            has_unknown_name: false,
        }
    }

    /// An error for an unknown name. The client chose the name, so it is truncated and must not be
    /// logged.
    pub(crate) fn unknown(name: &str, message: &'static str) -> Self {
        let field: String = name.chars().take(Self::MAX_UNKNOWN_CHARACTERS).collect();
        Self {
            has_unknown_name: true,
            ..Self::of(field, message)
        }
    }

    /// Whether `field` is a name that the client made up. Such a name must not be logged.
    pub(crate) fn has_unknown_name(&self) -> bool {
        self.has_unknown_name
    }

    /// The same error, for a field inside `whole`.
    pub(super) fn within(self, whole: &str) -> Self {
        Self {
            field: format!("{whole}.{}", self.field).into(),
            ..self
        }
    }
}

/// Why a body is not valid input for an endpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum FormError {
    /// A field is about another resource, which the token may not read.
    PermissionMissing(Permission),
    /// All invalid fields.
    Fields(Vec<FieldError>),
}

/// The body is not JSON, or not a JSON object.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnObject;

/// The members of a JSON object, not parsed yet.
///
/// A value is parsed only when its field is read. So an unknown member costs nothing, however deep
/// or large it is, and a number is checked as written, not as rounded to a float.
pub struct Form<'a> {
    members: Vec<(String, &'a RawValue)>,
    handling: Handling,
    permissions: Permissions,
    /// A permission that a field requires and the token does not grant.
    missing: Option<Permission>,
    /// The fields that were read. There is no other list of known fields.
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Form<'a> {
    /// Parses a body.
    ///
    /// # Errors
    /// [`NotAnObject`] if the body is anything but one JSON object.
    pub fn parse(body: &'a [u8], handling: Handling) -> Result<Self, NotAnObject> {
        let Members(members) = serde_json::from_slice(body).map_err(|_| NotAnObject)?;
        let permissions = Permissions::default();
        Ok(Self {
            members,
            handling,
            permissions,
            missing: None,
            known: Vec::new(),
            errors: Vec::new(),
        })
    }

    /// Sets the permissions that the request's token grants.
    #[must_use]
    pub fn granted(self, permissions: Permissions) -> Self {
        Self {
            permissions,
            ..self
        }
    }

    /// The field's value, or `None` if it is absent or null. Records an error if the value is
    /// invalid.
    pub(super) fn optional<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let raw = self.member(field)?;
        T::read(raw)
            .map_err(|message| self.errors.push(FieldError::of(field, message)))
            .ok()
    }

    /// The `cast`, or `None` if it is absent or null. Records an error if it is invalid. It
    /// requires the permission to read actors.
    pub(super) fn cast(&mut self) -> Option<Cast> {
        let is_given = self
            .members
            .iter()
            .rfind(|(name, _)| name == "cast")
            .is_some_and(|(_, raw)| raw.get() != "null");
        let raw = self.member("cast");
        match self.permissions.may_read() {
            Ok(proof) => Cast::read(raw?, proof, self.handling)
                .map_err(|errors| self.errors.extend(errors))
                .ok(),
            Err(missing) => {
                self.missing = is_given.then_some(missing);
                None
            }
        }
    }

    /// The member's JSON, unless it is absent or null. Of a duplicate name the last value counts,
    /// as in most JSON parsers (RFC 8259, section 4); in strict mode it is an error.
    fn member(&mut self, field: &'static str) -> Option<&'a str> {
        self.known.push(field);
        let mut values = self
            .members
            .iter()
            .filter(|(name, _)| name == field)
            .map(|(_, raw)| raw.get());
        let last = values.next_back();
        if self.handling == Handling::Strict && values.next().is_some() {
            self.errors.push(FieldError::of(field, "is given twice"));
            return None;
        }
        last.filter(|text| *text != "null")
    }

    /// Marks a field that only the server sets. It is ignored; in strict mode it is an error.
    pub(crate) fn set_by_server(&mut self, field: &'static str) {
        self.known.push(field);
        if self.handling == Handling::Strict && self.members.iter().any(|(name, _)| name == field) {
            self.errors.push(FieldError::of(
                field,
                "is chosen by the server and must be left out",
            ));
        }
    }

    /// As [`Self::optional`], but an absent field is an error.
    pub(super) fn required<T: Field>(&mut self, field: &'static str) -> Option<T> {
        let errors = self.errors.len();
        let value = self.optional(field);
        if value.is_none() && self.errors.len() == errors {
            self.errors.push(FieldError::of(field, "is required"));
        }
        value
    }

    /// Returns `whole` if no permission is missing, every field that was read is valid and, in
    /// strict mode, there is no other field.
    pub(super) fn finish<T>(self, whole: Option<T>) -> Result<T, FormError> {
        match self.missing {
            Some(missing) => Err(FormError::PermissionMissing(missing)),
            None => self.fields(whole).map_err(FormError::Fields),
        }
    }

    /// As [`Self::finish`], for a form whose fields require no permission.
    pub(super) fn fields<T>(mut self, whole: Option<T>) -> Result<T, Vec<FieldError>> {
        if self.handling == Handling::Strict {
            let mut seen = HashSet::new();
            let names = self.members.iter().map(|(name, _)| name.as_str());
            let unknown = names.filter(|name| !self.known.contains(name) && seen.insert(*name));
            self.errors
                .extend(unknown.map(|name| FieldError::unknown(name, "is an unknown field")));
        }
        match whole {
            Some(whole) if self.errors.is_empty() => Ok(whole),
            _ => Err(self.errors),
        }
    }
}

/// The members of a JSON object in the order of the body, including duplicate names.
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

/// A type that a field of a body can be parsed into.
pub(super) trait Field: Sized {
    /// Parses one JSON value from its text.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn read(json: &str) -> Result<Self, &'static str>;
}

/// Parses a non-negative integer by its digits, without a float: `24.0` and `2.4e1` are 24, and
/// `24.0000000000000000001` is not an integer.
pub(super) fn integer(json: &str) -> Option<u64> {
    if !json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, whole) = whole
        .strip_prefix('-')
        .map_or((false, whole), |digits| (true, digits));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let exponent: i32 = exponent.parse().ok()?;
    // The value is the significant digits times ten to this power. If the power is negative, the
    // value has a fraction.
    let power =
        i64::from(exponent) - fraction.len() as i64 + (digits.len() - significant.len()) as i64;
    let power = u32::try_from(power).ok().filter(|_| !negative)?;
    significant
        .parse::<u64>()
        .ok()?
        .checked_mul(10_u64.checked_pow(power)?)
}
