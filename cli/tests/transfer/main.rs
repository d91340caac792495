//! Import and export, against the whole stack and against servers that are busy, gone or another
//! API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agency;
mod backup;
mod client;
mod export;
mod import;
mod interruption;
mod reindex;
mod restore;
mod support;
mod terminal;
