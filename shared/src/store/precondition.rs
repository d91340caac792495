//! Versions of rows, and preconditions on them.

/// The number of times a row has been written: 1 after creation, and 1 more with each change. A row
/// that another program put into the table has version 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u64);

/// A row with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<R> {
    /// The row.
    pub row: R,
    /// Its version.
    pub version: Version,
}

/// The condition on a row for a write to happen. DynamoDB checks it atomically with the write.
/// Every write of a row requires that the row exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The row exists.
    Exists,
    /// The row has one of these versions. An empty list never matches.
    IsOneOf(Vec<Version>),
}

impl Precondition {
    /// Whether a row with this version meets the precondition.
    pub(super) fn admits(&self, version: Version) -> bool {
        match self {
            Self::Exists => true,
            Self::IsOneOf(versions) => versions.contains(&version),
        }
    }
}
