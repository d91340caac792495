//! Minimal programs: lower bounds for the functions' figures. Each does only what its request
//! needs, built for speed (`[profile.floor]` in the workspace's `Cargo.toml`), and connects to
//! DynamoDB before it asks for its first event.

#[cfg(feature = "sdk")]
mod floor;
pub mod raw;
mod token;

#[cfg(feature = "sdk")]
pub use floor::{Floor, run};
pub use token::Verifier;

/// Why a floor cannot go on.
pub type Error = lambda_http::Error;
