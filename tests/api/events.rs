//! Every sample event gets the response that its name promises, from the function that its folder
//! names.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use local::Role;
use serde_json::{Value, json};

use crate::support::Api;

/// The sample events, by function and by name.
pub(crate) fn events() -> BTreeMap<(String, String), Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut events = BTreeMap::new();
    for folder in fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        for file in fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
            let event = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            events.insert((name(&folder), name(&file)), event);
        }
    }
    events
}

/// The status that an event's name promises.
fn expected_status(name: &str) -> u16 {
    match name {
        "listed" | "listed_in_pages" | "sorted_with_credits" | "sorted_with_cast" => 200,
        "found" | "found_by_actor" | "one" | "one_with_credits" | "one_with_cast" => 200,
        "created"
        | "created_from_base64"
        | "created_with_cast"
        | "updated"
        | "recast"
        | "deleted" => 200,
        "malformed" => 400,
        "unauthorized" => 401,
        "forbidden" => 403,
        "not_found" | "one_missing" | "invalid_id" => 404,
        "method_not_allowed" => 405,
        "unsupported_media_type" => 415,
        "invalid" | "invalid_cursor" | "invalid_actor" => 422,
        other => panic!("no status is known for events named {other}"),
    }
}

/// The sender's role: `Nobody` if the event must be forbidden, none if it must be unauthorized.
fn sender(name: &str) -> Option<Role> {
    match name {
        "unauthorized" => None,
        "forbidden" => Some(Role::Nobody),
        _ => Some(Role::Producer),
    }
}

#[tokio::test]
async fn every_sample_event_gets_the_status_its_name_promises() {
    for ((function, name), mut event) in events() {
        let api = Api::start().await;
        let (actor, movie) = (
            api.add_actor("Ida Example").await,
            api.add_movie("An Example").await,
        );
        assert_eq!(
            (actor, movie),
            (1, 1),
            "the events are about the rows with id 1"
        );
        let cast = json!({"cast": [{"actor_id": actor, "character": "Rick Blaine", "billing": 1}]});
        api.patch(Role::Producer, "/movies/1", &cast)
            .await
            .expect(200);
        if let Some(role) = sender(&name) {
            let token = api.stack.tokens.as_ref().unwrap().issue(role).unwrap();
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        }
        let response = api.stack.invoke(&function, &event).await.unwrap();
        assert_eq!(
            response["statusCode"],
            expected_status(&name),
            "{function}/{name}: {response}"
        );
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            body["success"],
            expected_status(&name) == 200,
            "{function}/{name}: {response}"
        );
        check_body(&name, &body);
    }
}

/// Checks that the response shows what an event asks for: the actor and the movie with id 1, and
/// how the two are cast.
fn check_body(name: &str, body: &Value) {
    let (actors, movies) = (&body["actors"][0], &body["movies"][0]);
    let shown = match name {
        "one" | "found" | "found_by_actor" => actors["id"] == 1 || movies["id"] == 1,
        "one_with_credits" | "sorted_with_credits" => actors["credits"][0]["movie_id"] == 1,
        "one_with_cast" | "sorted_with_cast" => movies["cast"][0]["character"] == "Rick Blaine",
        "created_with_cast" => movies["id"] == 2,
        "invalid_cursor" => body["details"][0]["field"] == "cursor",
        "invalid_actor" => body["details"][0]["field"] == "cast[0].actor_id",
        _ => true,
    };
    assert!(shown, "{name}: {body}");
}

#[test]
fn every_function_has_sample_events_for_success_403_and_invalid_input() {
    let events = events();
    let functions: std::collections::BTreeSet<_> = local::route_keys()
        .into_iter()
        .map(|(_, function)| function)
        .collect();
    assert_eq!(functions.len(), 8);
    for function in functions {
        let names: Vec<_> = events
            .keys()
            .filter(|(folder, _)| *folder == function)
            .map(|(_, name)| name.as_str())
            .collect();
        assert!(
            names.iter().any(|name| expected_status(name) == 200),
            "{function}: {names:?}"
        );
        assert!(names.contains(&"forbidden"), "{function}: {names:?}");
        assert!(
            names.iter().any(|name| name.starts_with("invalid")),
            "{function}: {names:?}"
        );
    }
}

#[test]
fn every_sample_event_has_the_gateways_format_and_no_token() {
    for ((function, name), event) in events() {
        let what = format!("{function}/{name}");
        let key = event["routeKey"].as_str().unwrap().to_owned();
        assert!(
            local::route_keys().contains(&(key.clone(), function)),
            "{what}: {key} leads elsewhere"
        );
        let context = &event["requestContext"];
        assert_eq!(
            (&event["version"], &context["routeKey"]),
            (&json!("2.0"), &json!(key)),
            "{what}"
        );
        assert_eq!(
            (&event["rawPath"], &context["stage"]),
            (&context["http"]["path"], &json!("$default")),
            "{what}"
        );
        let method = context["http"]["method"].as_str().unwrap();
        assert!(
            key == "$default" || key.starts_with(&format!("{method} ")),
            "{what}"
        );
        assert_eq!(event["headers"].get("authorization"), None, "{what}");
        assert!(
            event["headers"]
                .as_object()
                .unwrap()
                .keys()
                .all(|name| *name == name.to_lowercase()),
            "{what}"
        );
        assert_eq!(
            event.get("pathParameters").is_some(),
            key.contains('{'),
            "{what}"
        );
    }
}
