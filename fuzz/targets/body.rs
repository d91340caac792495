//! An accepted body follows the rules, and the errors of a rejected body name its invalid fields.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use shared::model::{
    Actor, ActorChanges, Cast, Form, FormError, Gender, Handling, Id, Input, Movie, MovieChanges, Name, NewActor,
    NewMovie,
};
use shared::permission::Permissions;

/// Parses the body as `T`, which has these fields. On error, the names of the invalid fields, in
/// order, each once.
fn parse_as<T: Input>(body: &[u8], fields: &[&'static str]) -> Option<Result<T, Vec<&'static str>>> {
    let parsed = T::read(Form::parse(body, Handling::Lenient).ok()?.granted(Permissions::all()));
    Some(parsed.map_err(|error| {
        let FormError::Fields(errors) = error else { panic!("every permission is granted") };
        // Errors in a cast name a position, as in `cast[3].billing`.
        let is_within = |name: &str, field: &str| {
            name == field || field == "cast" && name.starts_with("cast[") && name.contains(']')
        };
        let names: Vec<_> = errors.into_iter().map(|error| error.field.into_owned()).collect();
        let field_of = |name: &String| fields.iter().copied().find(|field| is_within(name, field));
        let mut invalid_fields: Vec<_> = names.iter().map(|name| field_of(name).unwrap()).collect();
        invalid_fields.dedup();
        // Errors come in the order of the contract's table.
        let in_order: Vec<_> = fields.iter().filter(|field| invalid_fields.contains(field)).copied().collect();
        assert!(!invalid_fields.is_empty() && invalid_fields == in_order, "{names:?}");
        invalid_fields
    }))
}

/// The trimmed text of a value that another JSON parser read, if the contract accepts it: 1 to
/// `max_characters` characters without control characters.
fn valid_text(value: Option<&Value>, max_characters: usize) -> Option<&str> {
    let text = value?.as_str()?.trim();
    let is_valid = (1..=max_characters).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_valid.then_some(text)
}

/// A body that is accepted in strict mode is accepted in lenient mode too, as the same value.
fn check_strict_mode<T: Input + PartialEq>(body: &[u8]) {
    let read = |handling| T::read(Form::parse(body, handling).ok()?).ok();
    if let Some(value) = read(Handling::Strict) {
        assert!(read(Handling::Lenient) == Some(value));
    }
}

fuzz_target!(|body: &[u8]| {
    check_strict_mode::<NewActor>(body);
    check_strict_mode::<ActorChanges>(body);
    check_strict_mode::<MovieChanges>(body);

    let actor = parse_as::<NewActor>(body, &["name", "age", "gender"]);
    let actor_changes = parse_as::<ActorChanges>(body, &["name", "age", "gender"]);
    let movie = parse_as::<NewMovie>(body, &["title", "release_date", "cast"]);
    let movie_changes = parse_as::<MovieChanges>(body, &["title", "release_date", "cast"]);

    let members = fuzz::members(body);
    assert_eq!(members.is_some(), actor.is_some());
    if let Some(members) = members {
        assert!(body.trim_ascii_start().starts_with(b"{"));
        let (name, age, gender) = (members.get("name"), members.get("age"), members.get("gender"));
        if let Some(Ok(actor)) = &actor {
            assert_eq!(Some(actor.name.as_str()), valid_text(name, 200));
            assert_eq!(Some(actor.gender.as_str()), valid_text(gender, 80));
            let sent_age = age.and_then(|age| age.as_f64().or_else(|| age.as_str()?.parse().ok()));
            assert_eq!(sent_age, Some(f64::from(actor.age.get())));
        }
        if let Some(Err(invalid_fields)) = &actor {
            assert_eq!(invalid_fields.contains(&"name"), valid_text(name, 200).is_none());
            assert_eq!(invalid_fields.contains(&"gender"), valid_text(gender, 80).is_none());
            let is_age = age.and_then(Value::as_u64).is_some_and(|years| years <= 150);
            assert!(!invalid_fields.contains(&"age") || !is_age);
        }
    }
    if let Some(Ok(actor)) = actor {
        let (name, age, gender) = (actor.name.clone(), actor.age, actor.gender.clone());
        assert!(age.get() <= 150 && Name::new(name.as_str()).is_some() && Gender::new(gender.as_str()).is_some());
        let changes = ActorChanges { name: Some(name.clone()), age: Some(age), gender: Some(gender.clone()) };
        assert_eq!(actor_changes, Some(Ok(changes)));
        // A row of a response is accepted as a request body.
        let row = json!(Actor { id: Id::MAX, name, age, gender }).to_string();
        assert_eq!(parse_as::<NewActor>(row.as_bytes(), &[]), Some(Ok(actor)));
    }
    if let Some(Ok(movie)) = &movie {
        let credits = movie.cast.credits();
        let actors: std::collections::HashSet<_> = credits.iter().map(|(actor, _)| actor).collect();
        assert!(actors.len() == credits.len() && credits.len() <= Cast::MAX_CREDITS);
        for (_, credit) in credits {
            assert!(credit.billing.is_none_or(|billing| (1..=1000).contains(&billing.get())));
            assert!(credit.character.as_ref().is_none_or(|character| Name::new(character.as_str()).as_ref() == Some(character)));
        }
    }
    if let Some(Ok(movie)) = movie {
        let (title, release_date) = (movie.title.clone(), movie.release_date);
        let changes = movie_changes.unwrap().unwrap();
        assert_eq!(changes.title.as_ref(), Some(&title));
        assert!(changes.release_date.is_none_or(|date| date == release_date));
        assert_eq!(changes.cast.unwrap_or_default(), movie.cast);
        let row = json!(Movie { id: Id::MAX, title, release_date }).to_string();
        let plain = NewMovie { cast: Cast::default(), ..movie };
        assert_eq!(parse_as::<NewMovie>(row.as_bytes(), &[]), Some(Ok(plain)));
    }
});
