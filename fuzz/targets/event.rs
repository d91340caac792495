//! No event makes a function panic. Every part that an endpoint reads is valid, or is an error with
//! a status of the contract.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::endpoint::MAX_BODY_BYTES;
use shared::fuzzing;
use shared::model::{Actor, ActorChanges, Form, Handling, NewActor, NewMovie};
use shared::route;

fuzz_target!(|json: &[u8]| {
    let Some(event) = fuzzing::event(json, route::ACTOR) else { return };
    let said = serde_json::from_slice::<Value>(json).unwrap_or_default();

    match event.id() {
        // A duplicate member cannot make the two differ: this parser keeps the last one, and the
        // function's parser rejects the event.
        Ok(id) => assert!(said.is_null() || said["pathParameters"]["actor_id"] == id.to_string().as_str()),
        Err(status) => assert_eq!(status, 404),
    }
    if let Some(route) = event.route() {
        // Authorizer events call it `path`, and the decoder accepts both names.
        let path = said["rawPath"].as_str().or_else(|| said["path"].as_str());
        assert!(said.is_null() || path.is_some_and(|path| path.starts_with(&route.path[..7])));
    }
    match event.list::<Actor>() {
        Ok(list) => assert!((1..=1000).contains(&list.query.limit)),
        Err(status) => assert_eq!(status, 422),
    }
    let refusals = [event.body::<NewActor>().err(), event.body::<NewMovie>().err(), event.body::<ActorChanges>().err()];
    assert!(refusals.iter().flatten().all(|status| [400, 413, 415, 422].contains(status)), "{refusals:?}");
    if event.body_bytes() > MAX_BODY_BYTES {
        assert_eq!(refusals, [Some(413); 3]);
    }
    match event.idempotency_key() {
        Ok(key) => assert!(key.is_none_or(|key| (1..=255).contains(&key.len()) && key.is_ascii())),
        Err(status) => assert_eq!(status, 422),
    }
    event.precondition();
    // An accepted body is one JSON object.
    let text = said["body"].as_str().filter(|_| said["isBase64Encoded"] != true);
    if let (Some(text), [None, ..]) = (text, refusals) {
        assert!(Form::parse(text.as_bytes(), Handling::Lenient).is_ok());
    }
});
