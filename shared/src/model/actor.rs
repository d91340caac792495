//! Actors.

use serde::Serialize;

use super::form::{Field, integer};
use super::text::string;
use super::{
    ActorFilter, ActorOrder, Form, FormError, Gender, Id, Input, Name, ReadableId, Resource,
};
use crate::permission::Permission;

/// An actor, as stored and as sent in responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// The id, chosen by the store.
    pub id: Id,
    /// The actor's name.
    pub name: Name,
    /// The actor's age.
    pub age: Age,
    /// The actor's gender.
    pub gender: Gender,
}

/// The fields of a new actor, which has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewActor {
    /// The actor's name.
    pub name: Name,
    /// The actor's age.
    pub age: Age,
    /// The actor's gender.
    pub gender: Gender,
}

/// The fields of an actor that a PATCH changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorChanges {
    /// The new name, if it changes.
    pub name: Option<Name>,
    /// The new age, if it changes.
    pub age: Option<Age>,
    /// The new gender, if it changes.
    pub gender: Option<Gender>,
}

impl Resource for Actor {
    const NAME: &'static str = "actors";
    const READ: Permission = Permission::GetActors;
    type New = NewActor;
    type Changes = ActorChanges;
    type Filter = ActorFilter;
    type Order = ActorOrder;

    fn with_id(id: Id, NewActor { name, age, gender }: NewActor) -> Self {
        Self {
            id,
            name,
            age,
            gender,
        }
    }

    fn id(&self) -> Id {
        self.id
    }

    fn matches(&self, filter: &ActorFilter) -> bool {
        filter.admits(self)
    }

    fn default_order(filter: &ActorFilter) -> ActorOrder {
        filter.order()
    }

    fn counterpart_in(filter: &ActorFilter) -> Option<Id> {
        filter.movie.as_ref().map(ReadableId::id)
    }
}

impl Input for NewActor {
    fn read(mut form: Form<'_>) -> Result<Self, FormError> {
        let (name, age, gender) = (
            form.required("name"),
            form.required("age"),
            form.required("gender"),
        );
        // None if a required field is missing or invalid: then `finish` returns the errors.
        form.finish((|| {
            Some(Self {
                name: name?,
                age: age?,
                gender: gender?,
            })
        })())
    }
}

impl Input for ActorChanges {
    fn read(mut form: Form<'_>) -> Result<Self, FormError> {
        let changes = Self {
            name: form.optional("name"),
            age: form.optional("age"),
            gender: form.optional("gender"),
        };
        form.finish(Some(changes))
    }
}

/// An age in whole years, 0 to 150.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Age(u8);

impl Age {
    const MAX_YEARS: u8 = 150;
    const RULE: &'static str = "must be a whole number from 0 to 150";

    /// The age, if `years` is at most 150.
    pub fn new(years: u64) -> Option<Self> {
        u8::try_from(years)
            .ok()
            .filter(|years| *years <= Self::MAX_YEARS)
            .map(Self)
    }

    /// The age in years.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Parses a string of digits; leading zeros are ignored.
    fn from_digits(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = text.trim_start_matches('0');
        if digits.is_empty() {
            Some(Self(0))
        } else {
            Self::new(digits.parse().ok()?)
        }
    }
}

impl Field for Age {
    fn read(json: &str) -> Result<Self, &'static str> {
        let age = match json.as_bytes().first() {
            Some(b'"') => string(json).and_then(|text| Self::from_digits(&text)),
            Some(_) => integer(json).and_then(Self::new),
            None => None,
        };
        age.ok_or(Self::RULE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Handling;
    use super::*;

    #[test]
    fn an_age_is_an_integral_number_or_a_string_of_digits() {
        let taken = [
            ("0", 0),
            ("24", 24),
            ("150", 150),
            ("24.0", 24),
            ("24.000", 24),
            ("-0", 0),
            ("-0.0", 0),
            ("0e9", 0),
            ("2.4e1", 24),
            ("1E2", 100),
            ("1e+2", 100),
            ("1500e-1", 150),
            ("0.15E3", 150),
            ("0e99999999999999999999", 0),
            (r#""24""#, 24),
            (r#""0""#, 0),
            (r#""007""#, 7),
            (r#""\u0032""#, 2),
        ];
        for (json, years) in taken {
            assert_eq!(Age::read(json).map(Age::get), Ok(years), "{json}");
        }
        let refused = [
            "151",
            "-1",
            "24.5",
            "24.0000000000000000001",
            "1e400",
            "1e-400",
            "1e99999999999",
            "18446744073709551640",
            "256",
            "true",
            "[]",
            "{}",
            r#""""#,
            r#"" 24""#,
            r#""24 ""#,
            r#""-1""#,
            r#""+24""#,
            r#""24.0""#,
            r#""1e1""#,
            r#""151""#,
            r#""0x18""#,
            r#""٢٤""#,
            r#""twenty""#,
            r#""99999999999999999999999""#,
            "[24]",
        ];
        for json in refused {
            assert_eq!(Age::read(json), Err(Age::RULE), "{json}");
        }
    }

    fn new(body: &str) -> Result<NewActor, FormError> {
        NewActor::read(
            Form::parse(body.as_bytes(), Handling::Lenient)
                .ok()
                .unwrap(),
        )
    }

    #[test]
    fn all_field_errors_of_a_body_are_reported_together() {
        let error = new(r#"{"name": "", "age": null}"#).unwrap_err();
        let FormError::Fields(errors) = error else {
            panic!("{error:?}")
        };
        let fields: Vec<_> = errors.iter().map(|fault| fault.field.as_ref()).collect();
        assert_eq!(fields, ["name", "age", "gender"]);
        assert_eq!(errors[1].message, "is required");
    }

    #[test]
    fn unknown_fields_are_ignored_with_any_value() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let body = format!(
            r#"{{"id": 7, "odd": 1e999, "deep": {deep}, "name": "Ida", "age": 24, "gender": "f"}}"#
        );
        assert_eq!(new(&body).unwrap().age.get(), 24);
    }

    #[test]
    fn a_null_field_in_a_patch_changes_nothing() {
        let form = Form::parse(br#"{"name": null, "age": "30"}"#, Handling::Lenient)
            .ok()
            .unwrap();
        let changes = ActorChanges::read(form).unwrap();
        assert_eq!(
            changes,
            ActorChanges {
                age: Age::new(30),
                ..ActorChanges::default()
            }
        );
    }

    #[test]
    fn strict_mode_rejects_unknown_and_duplicate_fields() {
        let check = |body: &str, expected: &[(&str, &str)]| {
            let read =
                |handling| ActorChanges::read(Form::parse(body.as_bytes(), handling).ok().unwrap());
            let errors = match read(Handling::Strict) {
                Err(FormError::Fields(errors)) => errors,
                _ => Vec::new(),
            };
            let named: Vec<_> = errors
                .iter()
                .map(|fault| (fault.field.as_ref(), fault.message.as_ref()))
                .collect();
            assert_eq!(named, expected, "{body}");
            assert!(read(Handling::Lenient).is_ok(), "{body}");
        };
        let (unknown, twice) = ("is an unknown field", "is given twice");
        check(r#"{"name": "Ida", "age": null}"#, &[]);
        check("{}", &[]);
        check(
            r#"{"b": {"c": 1, "c": 2}, "name": "Ida", "a": null, "b": 1}"#,
            &[("b", unknown), ("a", unknown)],
        );
        check(
            r#"{"Age": 1, "": 2, "age ": 3}"#,
            &[("Age", unknown), ("", unknown), ("age ", unknown)],
        );
        check(
            r#"{"age": 1, "a\u0067e": 2, "gender": null, "gender": null}"#,
            &[("age", twice), ("gender", twice)],
        );
    }

    #[test]
    fn a_body_is_one_json_object() {
        for body in ["{}", " {\"a\": 1} \n"] {
            assert!(
                Form::parse(body.as_bytes(), Handling::Lenient).is_ok(),
                "{body}"
            );
        }
        for body in [
            "",
            " ",
            "[]",
            "null",
            "1",
            "\"{}\"",
            "{",
            "{}{}",
            "{} x",
            "{'a': 1}",
            "{\"a\": 1,}",
            "{\"a\": NaN}",
            "\u{feff}{}",
        ] {
            assert!(
                Form::parse(body.as_bytes(), Handling::Lenient).is_err(),
                "{body}"
            );
        }
        assert!(Form::parse(b"{\"name\": \"\xff\"}", Handling::Lenient).is_err());
    }
}
