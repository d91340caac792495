//! Ways into the private parsers, for the targets of `fuzz/`. They are there with the feature
//! `fuzzing` alone, which nothing that is deployed turns on.

pub use crate::auth::fuzzing::{Key, Signed, key_set, token};
pub use crate::endpoint::fuzzing::{Event, event};
