//! Brings values to the form in which the API stores them, so that rows which are equal to the API
//! have equal bodies and, with them, equal keys. What the API does not accept is left for it to
//! reject.

use serde_json::value::RawValue;

use crate::date;
use crate::members::{Members, object, quoted};
use crate::row::RowError;
use crate::shortened;

/// A cast in the order of its actors' ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    /// The credits as JSON; `None` if there are no credits, which is the same as no cast.
    pub(crate) json: Option<String>,
    /// For each credit its index in the original cast.
    pub(crate) original_indexes: Vec<usize>,
}

/// The value of a field as the API stores it. A value that has no such form is unchanged.
pub(crate) fn value(field: &str, json: &str) -> String {
    let stored = match field {
        "age" => age(json).map(|age| age.to_string()),
        _ => trimmed(json),
    };
    stored.unwrap_or_else(|| json.to_owned())
}

/// An age is a number, or a string of digits.
fn age(json: &str) -> Option<u64> {
    match serde_json::from_str::<String>(json) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Ok(_) => None,
        Err(_) => integer(json),
    }
}

/// A JSON string without the white space around it.
fn trimmed(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    Some(quoted(text.trim()))
}

/// The integer that a JSON number is, however it is spelled: `31`, `31.0`, `3.1e1`.
fn integer(json: &str) -> Option<u64> {
    /// Floats represent every integer up to this one: 2^53.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let float: f64 = json.parse().ok()?;
    let number =
        (float.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&float)).then_some(float as u64)?;
    // The float may be rounded. It is the number exactly if both have the same significant digits.
    let significant = |text: &str| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    };
    (significant(json) == significant(&number.to_string())).then_some(number)
}

/// A release date, in any spelling, as ISO 8601.
pub(crate) fn release_date(text: &str) -> Result<String, RowError> {
    match date::parse(text) {
        Ok(date) => Ok(date::iso(date)),
        Err(_) if is_bare_number(text) => Err(RowError::File(format!(
            "release_date is the bare number {}: a year, or a date as a spreadsheet counts it; \
             format the column as YYYY-MM-DD in the spreadsheet and save the file again",
            shortened(text)
        ))),
        Err(rule) => Err(RowError::File(format!(
            "release_date: {rule} ({})",
            shortened(text)
        ))),
    }
}

fn is_bare_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',')
        && text.bytes().filter(|byte| !byte.is_ascii_digit()).count() <= 1
}

/// A cast as the API stores it: it keeps no order but that of billings and ids. `None` if an entry
/// has no such form.
pub(crate) fn cast(json: &str) -> Option<Cast> {
    let entries: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let credits: Option<Vec<_>> = entries.into_iter().map(credit).collect();
    let mut credits: Vec<_> = credits?.into_iter().enumerate().collect();
    credits.sort_by_key(|(_, (actor, _))| *actor);
    let (original_indexes, json): (Vec<_>, Vec<_>) = credits
        .into_iter()
        .map(|(index, (_, credit))| (index, credit))
        .unzip();
    Some(Cast {
        json: (!json.is_empty()).then(|| format!("[{}]", json.join(","))),
        original_indexes,
    })
}

/// The id of a credit's actor, and the credit without members that are null.
fn credit(json: &RawValue) -> Option<(u64, String)> {
    let members = Members::parse(json.get().as_bytes()).ok()?;
    let given = |name| {
        members
            .get(name)
            .map(RawValue::get)
            .filter(|json| *json != "null")
    };
    let actor = integer(given("actor_id")?)?;
    let mut stored = vec![("actor_id", actor.to_string())];
    if let Some(billing) = given("billing") {
        stored.push(("billing", integer(billing)?.to_string()));
    }
    if let Some(character) = given("character") {
        stored.push(("character", trimmed(character)?));
    }
    Some((actor, object(stored)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::model::{Form, Handling, Input, NewActor, NewMovie};
    use shared::permission::Permissions;

    use super::*;

    /// Checks that every spelling becomes this one.
    fn check(field: &str, values: &[&str], expected: &str) {
        for json in values {
            assert_eq!(value(field, json), expected, "{field} {json}");
        }
    }

    #[test]
    fn values_that_the_api_takes_as_equal_become_one() {
        let ages = ["31", "31.0", "3.1e1", r#""31""#, r#""031""#, r#""\u00331""#];
        check("age", &ages, "31");
        let names = [
            r#""Ida""#,
            r#"" Ida ""#,
            r#""\u3000Ida\u00a0""#,
            r#""\u0049da\n""#,
        ];
        for field in ["name", "gender", "title"] {
            check(field, &names, r#""Ida""#);
        }
    }

    #[test]
    fn what_the_api_does_not_take_is_unchanged() {
        for json in [
            "null",
            "-1",
            "31.5",
            "31.00000000000000000001",
            r#"" 31""#,
            r#""31.0""#,
            r#""""#,
            "true",
        ] {
            check("age", &[json], json);
        }
        for json in [r#""\ud800""#, "5", "[ ]"] {
            check("name", &[json], json);
        }
    }

    #[test]
    fn casts_that_the_api_takes_as_equal_become_one() {
        let expected = r#"[{"actor_id":2,"billing":1,"character":"The \"Cat\""},{"actor_id":5}]"#;
        for (json, indexes) in [
            (expected, [0, 1]),
            (
                r#"[{"actor_id":5,"billing":null},{"character":" The \"Cat\" ","actor_id":2.0,"billing":1}]"#,
                [1, 0],
            ),
        ] {
            assert_eq!(
                cast(json),
                Some(Cast {
                    json: Some(expected.into()),
                    original_indexes: indexes.into()
                }),
                "{json}"
            );
        }
        assert_eq!(
            cast("[]"),
            Some(Cast {
                json: None,
                original_indexes: Vec::new()
            })
        );
        for json in ["[7]", "{}", r#"[{"billing":1}]"#, r#"[{"actor_id":"1"}]"#] {
            assert_eq!(cast(json), None, "{json}");
        }
    }

    /// The actor that the API reads from these fields, if it accepts them.
    fn actor(name: &str, age: &str) -> Option<NewActor> {
        let body = format!(r#"{{"name":{name},"age":{age},"gender":"f"}}"#);
        NewActor::read(Form::parse(body.as_bytes(), Handling::Strict).ok()?).ok()
    }

    /// The cast that the API reads, in the order of its actors, if it accepts it.
    fn stored_cast(json: &str) -> Option<shared::model::Cast> {
        let body = format!(r#"{{"title":"One","cast":{json}}}"#);
        let form = Form::parse(body.as_bytes(), Handling::Strict).ok()?;
        let form = form.granted(Permissions::named(["get:actors"]));
        Some(NewMovie::read(form).ok()?.cast)
    }

    fn is_json(json: &str) -> bool {
        serde_json::from_str::<&RawValue>(json).is_ok()
    }

    fn json_number() -> impl Strategy<Value = String> {
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{0,2}0{0,20}[01]?)?([eE][-+]?[0-3])?"
            .prop_filter("it is a JSON number", |text| is_json(text))
    }

    fn json_text() -> impl Strategy<Value = String> {
        "[ \u{a0}\u{3000}\t\n\u{0}]{0,2}\\PC{0,4}[ \n]{0,2}".prop_map(|text| quoted(&text))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn canonical_values_mean_the_same_to_the_api_and_equal_values_become_one(
            name in json_text(), age in prop_oneof![json_number(), "\"[0-9]{0,4}\"", "\"[-+ .0-9]{0,4}\""]
        ) {
            let (own_name, own_age) = (value("name", &name), value("age", &age));
            let read = actor(&name, &age);
            prop_assert_eq!(&actor(&own_name, &own_age), &read, "{} {}", own_name, own_age);
            if let Some(read) = read {
                prop_assert_eq!(own_name, quoted(read.name.as_str()));
                prop_assert_eq!(own_age, read.age.get().to_string());
            }
        }

        #[test]
        fn a_cast_stays_the_same_to_the_api(
            credits in prop::collection::vec((json_number(), json_number(), json_text()), 0..4)
        ) {
            let credits: Vec<_> = credits.iter().map(|(actor, billing, character)| {
                format!(r#"{{"character":{character},"actor_id":{actor},"billing":{billing}}}"#)
            }).collect();
            let json = format!("[{}]", credits.join(","));
            let Some(own) = cast(&json) else {
                prop_assert_eq!(stored_cast(&json), None);
                return Ok(());
            };
            let sent = own.json.unwrap_or_else(|| "[]".into());
            let sorted = |cast: shared::model::Cast| {
                let mut credits = cast.credits().to_vec();
                credits.sort_by_key(|(actor, _)| *actor);
                credits
            };
            prop_assert_eq!(stored_cast(&sent).map(sorted), stored_cast(&json).map(sorted), "{}", sent);
        }
    }
}
