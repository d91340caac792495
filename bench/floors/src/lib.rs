//! Minimal programs: lower bounds for the functions' figures.

pub mod client;
mod floor;

pub use floor::{Floor, run};
