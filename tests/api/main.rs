//! Tests of the whole API over HTTP. Each has its own in-memory stack: real gateway events, the
//! functions' own services, the real DynamoDB client and a real DynamoDB.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod actors;
mod casting;
mod console;
mod finding;
mod movies;

mod base_path;
mod bodies;
mod idempotency;
mod ids;
mod lists;
mod preconditions;
mod routes;
mod strict;

mod authorization;
mod key_set;
mod permissions;
mod pipeline;

mod hostile;
mod properties;

mod faults;
mod histories;
mod policies;
mod races;
mod store;

mod docs;
mod dynamodb;
mod events;
mod gateway;
mod identity;
mod log;
mod openapi;
mod sign_in;
mod template;
mod websites;
