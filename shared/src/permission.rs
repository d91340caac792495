//! The eight permissions that an access token's `permissions` claim can grant.

use std::fmt;
use std::marker::PhantomData;

use crate::model::Resource;

/// The right to call one endpoint. The code knows no roles: the issuer decides which permissions a
/// role has.
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
    const ALL: [Self; 8] = [
        Self::GetActors,
        Self::PostActors,
        Self::PatchActors,
        Self::DeleteActors,
        Self::GetMovies,
        Self::PostMovies,
        Self::PatchMovies,
        Self::DeleteMovies,
    ];

    /// The permission as written in tokens; the comparison is exact and case-sensitive.
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

/// The permissions that a token grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// One bit per permission.
    granted: u8,
}

impl Permissions {
    /// The permissions with these names. Any other name grants nothing.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| {
                Permission::ALL
                    .into_iter()
                    .find(|known| known.as_str() == name)
            })
            .collect()
    }

    /// All eight permissions.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether the permission is granted.
    pub(crate) fn contains(self, permission: Permission) -> bool {
        self.granted & bit(permission) != 0
    }

    /// Proof that the token grants reading rows of `R`.
    ///
    /// # Errors
    /// The missing permission.
    pub(crate) fn may_read<R: Resource>(self) -> Result<MayRead<R>, Permission> {
        if self.contains(R::READ) {
            Ok(MayRead(PhantomData))
        } else {
            Err(R::READ)
        }
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Self {
        Self {
            granted: permissions
                .into_iter()
                .fold(0, |granted, permission| granted | bit(permission)),
        }
    }
}

const fn bit(permission: Permission) -> u8 {
    1 << permission as u8
}

/// Proof that a token grants reading the resource `R`.
///
/// Code that shows or probes rows of a resource other than the endpoint's own requires this proof:
/// `include`, the filters by cast and the cast in a body. Only [`Permissions::may_read`] creates
/// one:
///
/// ```compile_fail,E0423
/// let unchecked = shared::permission::MayRead::<shared::model::Movie>(std::marker::PhantomData);
/// ```
pub struct MayRead<R>(PhantomData<fn() -> R>);

// Derived implementations would require the same traits of `R`.
impl<R> Clone for MayRead<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for MayRead<R> {}

impl<R> fmt::Debug for MayRead<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MayRead")
    }
}

impl<R> PartialEq for MayRead<R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<R> Eq for MayRead<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Movie};

    #[test]
    fn a_permission_is_granted_by_its_exact_name() {
        for permission in Permission::ALL {
            let alone = Permissions::named([permission.as_str()]);
            let granted: Vec<_> = Permission::ALL
                .into_iter()
                .filter(|other| alone.contains(*other))
                .collect();
            assert_eq!(granted, [permission]);
        }
        for name in ["", "Get:actors", "get:actors ", "get:actor", "get:*", "*"] {
            assert_eq!(Permissions::named([name]), Permissions::default(), "{name}");
        }
    }

    #[test]
    fn reading_a_resource_requires_its_get_permission() {
        let actors = Permissions::named(["get:actors", "patch:movies"]);
        assert!(actors.may_read::<Actor>().is_ok());
        assert_eq!(actors.may_read::<Movie>(), Err(Permission::GetMovies));
        assert_eq!(
            Permissions::default().may_read::<Actor>(),
            Err(Permission::GetActors)
        );
    }
}
