//! Reads the rows of a file of JSON lines.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::canonical::{self, Cast};
use crate::members::{self, Members, MembersError, quoted};
use crate::row::{self, Body, Ignored, Problem, RowError, Rows, gathered};
use crate::{Resource, is_spelled, shortened};

/// The members of a credit that import sends.
pub(crate) const CREDIT: [&str; 3] = ["actor_id", "character", "billing"];
/// The most credits that one request can add.
pub(crate) const MAX_CREDITS: usize = 33;

pub(crate) fn json_rows(text: &str, resource: Resource) -> Result<Rows, Vec<Problem>> {
    let mut ignored: BTreeMap<String, usize> = BTreeMap::new();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let rows = gathered(lines.map(|(index, line)| {
        let mut unknown = BTreeSet::new();
        let body = json_body(line, resource, &mut unknown);
        for name in unknown {
            *ignored.entry(name).or_default() += 1;
        }
        Ok((index + 1, body))
    }))?;
    Ok(Rows {
        rows,
        ignored: ignored
            .into_iter()
            .map(|(name, rows)| Ignored { name, rows })
            .collect(),
    })
}

/// The body of a row: the members that the API has fields for, as it stores them. A member that is
/// null counts as absent. The names of the others go to `unknown`, except `id`, which the API
/// chooses.
fn json_body(
    line: &str,
    resource: Resource,
    unknown: &mut BTreeSet<String>,
) -> Result<Body, RowError> {
    let (mut body, mut original_indexes) = (BTreeMap::new(), Vec::new());
    for (name, value) in Members::parse(line.as_bytes()).map_err(unusable)?.0 {
        match name.as_str() {
            "id" => {}
            "cast" if resource == Resource::Movies => {
                let cast = cast(value, unknown)?;
                original_indexes = cast.original_indexes;
                body.extend(cast.json.map(|json| (name, json)));
            }
            _ if resource.has_field(&name) && value.get() == "null" => {}
            "release_date" if resource == Resource::Movies => drop(body.insert(name, date(value)?)),
            _ if resource.has_field(&name) => {
                let stored = canonical::value(&name, value.get());
                body.insert(name, stored);
            }
            _ => {
                let fields = resource.fields().iter().map(|field| field.name);
                check_spelling(
                    &name,
                    fields.chain((resource == Resource::Movies).then_some("cast")),
                )?;
                unknown.insert(name);
            }
        }
    }
    Ok(Body {
        json: row::body(body),
        original_indexes,
    })
}

fn unusable(error: MembersError) -> RowError {
    RowError::Row(match error {
        MembersError::NotAnObject => format!("{error}; JSON lines have one object on one line"),
        MembersError::Twice(_) => error.to_string(),
    })
}

/// Rejects the file if an unknown name is another spelling of a field: otherwise the field would be
/// ignored in every row.
fn check_spelling(
    name: &str,
    fields: impl IntoIterator<Item = &'static str>,
) -> Result<(), RowError> {
    match fields.into_iter().find(|field| is_spelled(name, field)) {
        Some(field) => Err(RowError::File(format!(
            "has {}, which the API calls {field}; rename it",
            shortened(name)
        ))),
        None => Ok(()),
    }
}

fn date(value: &RawValue) -> Result<String, RowError> {
    let is_number = value
        .get()
        .starts_with(|first: char| first.is_ascii_digit());
    match members::text(value) {
        Some(text) => canonical::release_date(&text).map(|date| quoted(&date)),
        None if is_number => canonical::release_date(value.get()).map(|date| quoted(&date)),
        None => Ok(value.get().to_owned()),
    }
}

fn cast(value: &RawValue, unknown: &mut BTreeSet<String>) -> Result<Cast, RowError> {
    let as_it_is = |json| Cast {
        json,
        original_indexes: Vec::new(),
    };
    if value.get() == "null" {
        return Ok(as_it_is(None));
    }
    // The API rejects anything but an array, and an entry that is not an object.
    let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
        return Ok(as_it_is(Some(value.get().to_owned())));
    };
    if entries.len() > MAX_CREDITS {
        return Err(RowError::Row(format!(
            "cast has {} credits, and one request can add {MAX_CREDITS}; import the movie with the first {MAX_CREDITS} of them, \
             and then PATCH it with the whole cast so far, {MAX_CREDITS} credits longer each time",
            entries.len()
        )));
    }
    let credits: Result<Vec<_>, _> = entries
        .into_iter()
        .map(|entry| credit(entry, unknown))
        .collect();
    let json = format!("[{}]", credits?.join(","));
    Ok(canonical::cast(&json).unwrap_or_else(|| as_it_is(Some(json))))
}

fn credit(entry: &RawValue, unknown: &mut BTreeSet<String>) -> Result<String, RowError> {
    let members = match Members::parse(entry.get().as_bytes()) {
        Err(MembersError::NotAnObject) => return Ok(entry.get().to_owned()),
        other => other.map_err(unusable)?.0,
    };
    let (known, others): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|(name, _)| CREDIT.contains(&name.as_str()));
    for (name, _) in others {
        check_spelling(&name, CREDIT)?;
        unknown.insert(format!("cast[].{name}"));
    }
    Ok(members::object(
        known.into_iter().map(|(name, value)| (name, value.get())),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Resource::{Actors, Movies};

    fn body(line: &str, resource: Resource) -> Result<String, String> {
        json_rows(line, resource).unwrap().rows.remove(0).body
    }

    #[test]
    fn equal_rows_have_equal_bodies_and_no_value_is_altered() {
        let check = |line: &str, resource, expected: &str| {
            assert_eq!(body(line, resource), Ok(expected.into()))
        };
        let ida = r#"{"age":34,"gender":"f","name":"Ida"}"#;
        check(
            r#"{"name":"\u0049da", "id":5, "gender":"f","age":34.0}"#,
            Actors,
            ida,
        );
        for other in [
            r#"{"name":" Ida\u00a0","age":"034","gender":"f\n"}"#,
            r#"{"gender":"f","name":"Ida","age":3.4e1,"id":null}"#,
        ] {
            check(other, Actors, ida);
        }
        let odd = r#"{"age":31.00000000000000000001,"gender":"","name":["x", 1e400]}"#;
        check(odd, Actors, odd);
        let dated = r#"{"release_date":"2020-05-14T14:02:13Z","title":"One"}"#;
        check(
            r#"{"title":"One","release_date":"Thu, 14 May 2020 14:02:13 GMT"}"#,
            Movies,
            dated,
        );
        for plain in [
            r#"{"title":"One","release_date":null}"#,
            r#"{"cast":[],"title":" One"}"#,
        ] {
            check(plain, Movies, r#"{"title":"One"}"#);
        }
        let cast = r#"{"cast":[{"actor_id":5,"billing":1},{"actor_id":6,"character":"Ida"}],"title":"One"}"#;
        let other = r#"{"cast":[{"character":" Ida ","actor_id":6.0,"billing":null},{"billing":1,"actor_id":5}],"title":"One"}"#;
        check(other, Movies, cast);
        let cast = r#"{"cast":[{"actor_id":5,"billing":1.0},7,[]],"title":"One"}"#;
        check(
            r#"{"title":"One","cast":[{"actor_id": 5, "billing": 1.0}, 7, []]}"#,
            Movies,
            cast,
        );
        check(r#"{"cast":null,"title":null}"#, Movies, "{}");
    }

    #[test]
    fn unknown_members_are_ignored_and_counted_by_rows() {
        let file = [
            r#"{"title":"One","Budget":5,"cast":[{"actor_id":5,"name":"Ida"},{"actor_id":6,"name":"Max"}]}"#,
            r#"{"title":"Two","Budget":null,"id":7,"cast":[]}"#,
        ];
        let rows = json_rows(&file.join("\n"), Movies).unwrap();
        let bodies: Vec<_> = rows.rows.into_iter().map(|row| row.body.unwrap()).collect();
        assert_eq!(
            bodies,
            [
                r#"{"cast":[{"actor_id":5},{"actor_id":6}],"title":"One"}"#,
                r#"{"title":"Two"}"#
            ]
        );
        let ignored = |name: &str, rows| Ignored {
            name: name.into(),
            rows,
        };
        assert_eq!(
            rows.ignored,
            [ignored("Budget", 2), ignored("cast[].name", 1)]
        );
    }

    #[test]
    fn a_field_that_is_spelled_in_another_way_rejects_the_file_and_is_not_ignored() {
        let check = |line: &str, resource, expected: &str| {
            let problems = json_rows(line, resource).unwrap_err();
            assert_eq!(problems, [Problem::at(1, expected)], "{line}");
        };
        let date = "has releaseDate, which the API calls release_date; rename it";
        check(
            r#"{"title":"One","releaseDate":"2020-05-14"}"#,
            Movies,
            date,
        );
        check(
            r#"{"Name":"Ida"}"#,
            Actors,
            "has Name, which the API calls name; rename it",
        );
        check(
            r#"{"title":"One","Cast":[]}"#,
            Movies,
            "has Cast, which the API calls cast; rename it",
        );
        let credit = "has actorId, which the API calls actor_id; rename it";
        check(r#"{"title":"One","cast":[{"actorId":1}]}"#, Movies, credit);
    }

    #[test]
    fn a_member_that_occurs_twice_makes_its_row_invalid() {
        assert_eq!(
            body(r#"{"name":"Ida","age":1,"name":"Max"}"#, Actors),
            Err("has the member name twice".into())
        );
        let cast = r#"{"title":"One","cast":[{"actor_id":1,"actor_id":2}]}"#;
        assert_eq!(
            body(cast, Movies),
            Err("has the member actor_id twice".into())
        );
        assert_eq!(
            body("{\"x\":1,\"x\":1}", Actors),
            Err("has the member x twice".into())
        );
    }

    #[test]
    fn a_cast_that_no_request_can_add_is_rejected_with_advice() {
        let cast = |credits: usize| {
            let credits: Vec<_> = (1..=credits)
                .map(|id| format!("{{\"actor_id\":{id}}}"))
                .collect();
            body(
                &format!("{{\"title\":\"One\",\"cast\":[{}]}}", credits.join(",")),
                Movies,
            )
        };
        assert!(cast(33).is_ok());
        let reason = cast(34).unwrap_err();
        assert!(
            reason.starts_with("cast has 34 credits, and one request can add 33;"),
            "{reason}"
        );
        assert!(reason.contains("PATCH"), "{reason}");
    }
}
