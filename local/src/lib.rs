//! The whole API on one machine: a gateway in front of the eight functions, an identity service in
//! place of the Auth0 tenant, a DynamoDB, and the console. `main.rs` is the command line; tests
//! start the same [`Stack`] in their own process.

mod access;
mod console;
mod database;
pub mod demo;
mod docs;
mod dynamodb;
mod gateway;
mod home;
mod identity;
mod stack;
mod upgrade;

pub use database::{ACTORS_TABLE, CREDITS_TABLE, MOVIES_TABLE};
pub use gateway::route_keys;
pub use home::kept_signing_key;
pub use identity::{RedirectUri, Role, SigningKey, TOKEN_SECONDS, Tokens};
pub use stack::{Options, Ports, Stack, StartError};

/// The API identifier (`aud`) that the local stack accepts, unless `API_AUDIENCE` sets another.
pub const AUDIENCE: &str = "casting-agency";
