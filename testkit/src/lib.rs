//! What tests of several crates and the bench share: Lambda's side of the runtime API, the CPU
//! share of a memory size, and helpers for tests that kill a function's real bootstrap.

mod killed_posts;
mod quota;
mod runtime;
mod stack;

pub use killed_posts::Posts;
pub use quota::Quota;
pub use runtime::{Environment, Launch};
pub use stack::{event, request, start};

/// Why a process cannot be started, or does not respond.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
