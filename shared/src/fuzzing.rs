//! Exports the private parsers to the targets of `fuzz/`. Only the feature `fuzzing` compiles this
//! module, and no deployed crate enables it.

pub use crate::auth::fuzzing::{Key, UnverifiedToken, key_set, token};
pub use crate::endpoint::fuzzing::{Event, event};
