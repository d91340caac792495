//! Code that the tests of several crates share: Lambda's side of the runtime API, for tests that
//! kill a function's real bootstrap.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod runtime;

mod killed_posts;

pub use killed_posts::Posts;
