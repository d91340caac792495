//! The scopes that a client may ask for (OpenID Connect Core, sections 5.4 and 11). Permissions are
//! not among them: a token has those of its role.

/// Which of the supported scopes are granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// An ID token.
    pub(super) openid: bool,
    /// The user's name in it.
    pub(super) profile: bool,
    /// A refresh token.
    pub(super) offline_access: bool,
}

impl Scope {
    /// The names of the supported scopes.
    pub(super) const NAMES: [&str; 3] = ["openid", "profile", "offline_access"];

    /// The supported ones among the requested scopes. Others are ignored, as on a real tenant
    /// (RFC 6749, section 3.3).
    pub(super) fn granted(requested: &str) -> Self {
        let has = |name| requested.split(' ').any(|scope| scope == name);
        let [openid, profile, offline_access] = Self::NAMES.map(has);
        Self {
            openid,
            profile,
            offline_access,
        }
    }

    /// The scopes that are in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            openid: self.openid && other.openid,
            profile: self.profile && other.profile,
            offline_access: self.offline_access && other.offline_access,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let granted = [self.openid, self.profile, self.offline_access];
        let names = Self::NAMES.into_iter().zip(granted);
        let names: Vec<_> = names
            .filter_map(|(name, has)| has.then_some(name))
            .collect();
        formatter.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_are_ignored() {
        for (requested, granted) in [
            ("", ""),
            ("openid", "openid"),
            (
                "offline_access get:actors profile openid",
                "openid profile offline_access",
            ),
            ("openid_x OPENID", ""),
        ] {
            assert_eq!(Scope::granted(requested).to_string(), granted);
        }
    }

    #[test]
    fn both_scopes_have_what_is_in_each() {
        let all = Scope::granted("openid profile offline_access");
        for name in Scope::NAMES {
            let one = Scope::granted(name);
            assert_eq!((all.and(one), one.and(all)), (one, one));
            assert_eq!(one.and(Scope::default()), Scope::default());
        }
    }
}
