//! The eight permissions, as they stand in an access token's `permissions` claim.

use std::fmt;

/// The right to call one endpoint. The code knows permissions alone; which role holds which is the issuer's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `get:actors`
    GetActors,
    /// `post:actors`
    PostActors,
    /// `patch:actors`
    PatchActors,
    /// `delete:actors`
    DeleteActors,
    /// `get:movies`
    GetMovies,
    /// `post:movies`
    PostMovies,
    /// `patch:movies`
    PatchMovies,
    /// `delete:movies`
    DeleteMovies,
}

impl Permission {
    /// The permission as tokens spell it; compared exactly, case and all.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetActors => "get:actors",
            Self::PostActors => "post:actors",
            Self::PatchActors => "patch:actors",
            Self::DeleteActors => "delete:actors",
            Self::GetMovies => "get:movies",
            Self::PostMovies => "post:movies",
            Self::PatchMovies => "patch:movies",
            Self::DeleteMovies => "delete:movies",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
