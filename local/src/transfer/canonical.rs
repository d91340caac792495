//! Brings values to the form in which the API stores them, so that rows which are equal to the API
//! have equal bodies and, with them, equal keys.

use shared::model::{ActorChanges, Form, Handling, Input, MovieChanges};
use shared::permission::Permissions;

use super::members::quoted;
use super::{Resource, rows};

/// A cast in the order of its actors' ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cast {
    /// The credits as JSON; none where there are no credits, which is the same as no cast.
    pub(super) json: Option<String>,
    /// For each credit its place in the cast that it is from.
    pub(super) places: Vec<usize>,
}

/// The value of a field as the API stores it. None if it is no valid value, which is for the API to
/// reject.
pub(super) fn value(resource: Resource, field: &str, json: &str) -> Option<String> {
    let object = format!("{{{}:{json}}}", quoted(field));
    let form = Form::parse(object.as_bytes(), Handling::Lenient).ok()?;
    match resource {
        Resource::Actors => {
            let ActorChanges { name, age, gender } = ActorChanges::read(form).ok()?;
            let text = name
                .map(|name| quoted(name.as_str()))
                .or(gender.map(|gender| quoted(gender.as_str())));
            text.or(age.map(|age| age.get().to_string()))
        }
        Resource::Movies => {
            let MovieChanges {
                title,
                release_date,
                ..
            } = MovieChanges::read(form).ok()?;
            title
                .map(|title| quoted(title.as_str()))
                .or(release_date.map(|date| quoted(&rows::iso(date))))
        }
    }
}

/// A cast as the API stores it, which keeps no order but that of billings and ids. None if it is no
/// valid cast.
pub(super) fn cast(json: &str) -> Option<Cast> {
    let object = format!(r#"{{"cast":{json}}}"#);
    let form = Form::parse(object.as_bytes(), Handling::Lenient).ok()?;
    let form = form.granted(Permissions::named(["get:actors"]));
    let cast = MovieChanges::read(form).ok()?.cast?;
    let mut credits: Vec<_> = cast.credits().iter().enumerate().collect();
    credits.sort_by_key(|(_, (actor, _))| *actor);
    let json: Vec<_> = credits
        .iter()
        .map(|(_, (actor, credit))| {
            let billing = credit
                .billing
                .map(|billing| format!(r#","billing":{}"#, billing.get()));
            let character = credit
                .character
                .as_ref()
                .map(|name| format!(r#","character":{}"#, quoted(name.as_str())));
            let (billing, character) = (billing.unwrap_or_default(), character.unwrap_or_default());
            format!(r#"{{"actor_id":{}{billing}{character}}}"#, actor.get())
        })
        .collect();
    let places = credits.iter().map(|(place, _)| *place).collect();
    Some(Cast {
        json: (!json.is_empty()).then(|| format!("[{}]", json.join(","))),
        places,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Resource::{Actors, Movies};

    #[test]
    fn values_that_the_api_takes_as_equal_become_one() {
        let check = |resource, field: &str, values: &[&str], expected: Option<&str>| {
            for json in values {
                assert_eq!(
                    value(resource, field, json).as_deref(),
                    expected,
                    "{field} {json}"
                );
            }
        };
        check(
            Actors,
            "age",
            &["31", "31.0", "3.1e1", r#""31""#, r#""031""#, r#""\u00331""#],
            Some("31"),
        );
        check(
            Actors,
            "age",
            &["null", "151", "-1", "31.5", r#"" 31""#, r#""31.0""#, "true"],
            None,
        );
        let names = [
            r#""Ida""#,
            r#"" Ida ""#,
            r#""\u3000Ida\u00a0""#,
            r#""\u0049da\n""#,
        ];
        check(Actors, "name", &names, Some(r#""Ida""#));
        check(Actors, "gender", &names, Some(r#""Ida""#));
        check(Movies, "title", &names, Some(r#""Ida""#));
        check(
            Actors,
            "name",
            &[r#""""#, r#""a\u0000b""#, r#""\ud800""#, "5"],
            None,
        );
    }

    #[test]
    fn casts_that_the_api_takes_as_equal_become_one() {
        let expected = r#"[{"actor_id":2,"billing":1,"character":"The \"Cat\""},{"actor_id":5}]"#;
        for (json, places) in [
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
                    places: places.into()
                }),
                "{json}"
            );
        }
        assert_eq!(
            cast("[]"),
            Some(Cast {
                json: None,
                places: Vec::new()
            })
        );
        for json in [
            r#"[{"actor_id":1},{"actor_id":1}]"#,
            r#"[{"actor_id":0}]"#,
            "[7]",
            "{}",
        ] {
            assert_eq!(cast(json), None, "{json}");
        }
    }
}
