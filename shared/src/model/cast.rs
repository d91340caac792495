//! The cast of a movie.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::form::{Field, integer};
use super::{Actor, FieldError, Form, Handling, Id, Name};
use crate::permission::MayRead;

/// A position in the order of a cast, 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Billing(u16);

/// An actor's part in a movie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// The character that the actor plays, if given.
    pub character: Option<Name>,
    /// The credit's position in the cast, if given.
    pub billing: Option<Billing>,
}

/// The whole cast of a movie: one credit per actor, at most [`Cast::MAX_CREDITS`], in the order of
/// the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cast(Vec<(Id, Credit)>);

impl Billing {
    const MAX_BILLING: u16 = 1000;
    const RULE: &'static str = "must be a whole number from 1 to 1000";

    /// The billing, if `position` is from 1 to 1000.
    pub fn new(position: u64) -> Option<Self> {
        u16::try_from(position)
            .ok()
            .filter(|position| (1..=Self::MAX_BILLING).contains(position))
            .map(Self)
    }

    /// The position as a number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Credit {
    /// The sort key of a credit in a cast: the billing (credits without one come last), then the
    /// actor's id.
    pub(crate) fn sort_key(&self, actor: Id) -> (bool, Option<Billing>, Id) {
        (self.billing.is_none(), self.billing, actor)
    }
}

impl Cast {
    /// The maximum number of credits of one movie.
    pub const MAX_CREDITS: usize = 1000;

    /// The actors and their credits.
    pub fn credits(&self) -> &[(Id, Credit)] {
        &self.0
    }

    /// Parses a JSON array of credits. It requires proof that the token may read actors, because
    /// the response reveals which of them exist.
    ///
    /// # Errors
    /// Every error, each with its position in the array: `cast[3].billing`.
    pub(super) fn read(
        json: &str,
        _proof: MayRead<Actor>,
        handling: Handling,
    ) -> Result<Self, Vec<FieldError>> {
        const RULE: &str = "must be an array of at most 1000 objects, each with an actor_id";
        let entries: Vec<&RawValue> =
            serde_json::from_str(json).map_err(|_| vec![FieldError::of("cast", RULE)])?;
        if entries.len() > Self::MAX_CREDITS {
            return Err(vec![FieldError::of("cast", RULE)]);
        }
        let (mut credits, mut errors, mut actors) = (Vec::new(), Vec::new(), HashSet::new());
        for (index, entry) in entries.into_iter().enumerate() {
            match read_credit(entry.get(), index, handling) {
                Ok((actor, _)) if !actors.insert(actor) => {
                    errors.push(FieldError::of(
                        format!("cast[{index}].actor_id"),
                        "is in the cast already",
                    ));
                }
                Ok(credit) => credits.push(credit),
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(Self(credits))
        } else {
            Err(errors)
        }
    }
}

fn read_credit(
    json: &str,
    index: usize,
    handling: Handling,
) -> Result<(Id, Credit), Vec<FieldError>> {
    let not_an_object = |_| {
        vec![FieldError::of(
            format!("cast[{index}]"),
            "must be an object with an actor_id",
        )]
    };
    let mut form = Form::parse(json.as_bytes(), handling).map_err(not_an_object)?;
    let (actor, character, billing) = (
        form.required("actor_id"),
        form.optional("character"),
        form.optional("billing"),
    );
    let credit = form.fields(actor.map(|actor| (actor, Credit { character, billing })));
    credit.map_err(|errors| {
        errors
            .into_iter()
            .map(|fault| fault.within(&format!("cast[{index}]")))
            .collect()
    })
}

impl Field for Billing {
    fn read(json: &str) -> Result<Self, &'static str> {
        integer(json).and_then(Self::new).ok_or(Self::RULE)
    }
}

impl Field for Id {
    fn read(json: &str) -> Result<Self, &'static str> {
        integer(json)
            .and_then(Self::new)
            .ok_or("must be the id of an actor, a whole number from 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permissions;

    fn read(json: &str, handling: Handling) -> Result<Cast, Vec<FieldError>> {
        Cast::read(
            json,
            Permissions::named(["get:actors"]).may_read().unwrap(),
            handling,
        )
    }

    fn errors(json: &str) -> Vec<String> {
        read(json, Handling::Lenient)
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.field.into_owned())
            .collect()
    }

    #[test]
    fn a_cast_is_parsed_as_one_credit_per_actor() {
        let cast = read(
            r#"[{"actor_id": 5, "character": " Rick ", "billing": 1}, {"actor_id": 2.0, "billing": null, "x": []}]"#,
            Handling::Lenient,
        );
        let rick = Credit {
            character: Name::new("Rick"),
            billing: Billing::new(1),
        };
        assert_eq!(
            cast,
            Ok(Cast(vec![
                (Id::new(5).unwrap(), rick),
                (Id::new(2).unwrap(), Credit::default())
            ]))
        );
        assert_eq!(read("[]", Handling::Strict), Ok(Cast::default()));
    }

    #[test]
    fn each_cast_error_is_reported_with_its_index_and_field() {
        for json in [
            "1",
            "{}",
            "\"x\"",
            "true",
            &format!("[{}1]", "1,".repeat(1000)),
        ] {
            assert_eq!(errors(json), ["cast"], "{json}");
        }
        assert_eq!(errors("[1, null, []]"), ["cast[0]", "cast[1]", "cast[2]"]);
        assert_eq!(
            errors(r#"[{"actor_id": 1}, {"actor_id": 1}]"#),
            ["cast[1].actor_id"]
        );
        assert_eq!(
            errors(r#"[{"character": "", "billing": 0}, {"actor_id": 0}]"#),
            [
                "cast[0].actor_id",
                "cast[0].character",
                "cast[0].billing",
                "cast[1].actor_id"
            ]
        );
        for billing in ["0", "1001", "-1", "1.5", "\"1\"", "true", "1e400"] {
            assert_eq!(
                errors(&format!(r#"[{{"actor_id": 1, "billing": {billing}}}]"#)),
                ["cast[0].billing"],
                "{billing}"
            );
        }
    }

    #[test]
    fn credits_without_a_billing_come_last() {
        let place = |billing, actor| {
            Credit {
                billing: Billing::new(billing),
                character: None,
            }
            .sort_key(Id::new(actor).unwrap())
        };
        assert!(
            place(1, 9) < place(2, 1) && place(2, 1) < place(2, 2) && place(1000, 9) < place(0, 1)
        );
    }
}
