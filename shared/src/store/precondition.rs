//! Versions of rows, and what a write demands of them.

/// How often a row has been written: 1 when it is created, one more with each change, 0 for a row that was put into the table by other means.
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

/// What must be so of a row for a write to happen; judged by DynamoDB together with the write. Every write of a row demands that it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// That the row exists, and nothing more.
    Exists,
    /// That the row has one of these versions; none of them where there is none.
    IsOneOf(Vec<Version>),
}

impl Precondition {
    /// Whether a row of this version may be written.
    pub(super) fn admits(&self, version: Version) -> bool {
        match self {
            Self::Exists => true,
            Self::IsOneOf(versions) => versions.contains(&version),
        }
    }
}
