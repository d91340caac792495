//! The local stack and its command, as their users run them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod command;
mod demo;
#[cfg(unix)]
mod home;
mod support;
mod upgrade;
