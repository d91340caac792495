//! The floors under the functions' figures.

pub mod client;
mod floor;

pub use floor::{Floor, run};
