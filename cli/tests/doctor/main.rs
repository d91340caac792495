//! `casting doctor`: broken set-ups, each diagnosed by its name, against the whole stack and, where
//! it cannot be broken in that way, against servers of the tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod command;
mod cors;
mod docs;
mod endpoints;
mod issuer;
mod permissions;
mod support;
mod token;
