//! The `permissions` claim, and the role that it corresponds to.

use serde_json::Value;

use super::report::{Check, Finding};
use super::token::Token;
use crate::shortened;

/// The eight permissions, in the order of the matrix of roles.
const PERMISSIONS: [&str; 8] = [
    "get:actors",
    "get:movies",
    "post:actors",
    "patch:actors",
    "delete:actors",
    "patch:movies",
    "post:movies",
    "delete:movies",
];

/// A role's title, and how many of [`PERMISSIONS`] it has. Each role has those of the one before.
const ROLES: [(&str, usize); 3] = [
    ("Casting Assistant", 2),
    ("Casting Director", 6),
    ("Executive Producer", 8),
];

/// The permissions that the token grants: those of the array, if it contains nothing but strings.
pub(super) fn granted<'a>(token: &'a Token<'_>) -> Vec<&'a str> {
    token.permissions().and_then(strings).unwrap_or_default()
}

fn strings(claim: &Value) -> Option<Vec<&str>> {
    claim.as_array()?.iter().map(Value::as_str).collect()
}

/// The role with exactly these permissions; unknown ones do not count.
pub(super) fn role(granted: &[&str]) -> Option<&'static str> {
    let has = |permission: &&str| granted.contains(permission);
    let (title, _) = ROLES.into_iter().find(|(_, count)| {
        let (own, others) = PERMISSIONS.split_at(*count);
        own.iter().all(has) && !others.iter().any(has)
    })?;
    Some(title)
}

/// Checks the claim.
pub(super) fn check(token: &Token<'_>) -> Check {
    let Some(claim) = token.permissions() else {
        return Check::of("permissions", vec![missing(token.scope())], "");
    };
    let Some(granted) = strings(claim) else {
        let finding = Finding::new(
            "permissions-malformed",
            "The permissions claim is no array of strings, so it grants nothing.",
            "Let Auth0 write the claim; remove the Action that sets it.",
        );
        return Check::of("permissions", vec![finding], "");
    };
    if granted.is_empty() {
        return Check::of("permissions", vec![empty()], "");
    }
    let findings = unknown(&granted).into_iter().chain(no_role(&granted));
    let role = role(&granted).unwrap_or_default();
    Check::of(
        "permissions",
        findings.collect(),
        format!("{}, the role {role}.", counted(granted.len(), "permission")),
    )
}

fn missing(scope: Option<&str>) -> Finding {
    let named = |scope: &&str| {
        PERMISSIONS
            .iter()
            .any(|one| scope.split(' ').any(|s| s == *one))
    };
    let scope = match scope.filter(named) {
        Some(_) => " Permissions in scope grant nothing.",
        None => "",
    };
    Finding::new(
        "permissions-missing",
        format!("The token has no permissions claim, so every request is 403.{scope}"),
        "In the Auth0 API's Settings, turn on \"Enable RBAC\" and \"Add Permissions in the Access \
         Token\".",
    )
}

fn empty() -> Finding {
    Finding::new(
        "permissions-empty",
        "The token grants no permission, so every request is 403.",
        "In Auth0, assign a role to the user and this API's permissions to the role.",
    )
}

fn unknown(granted: &[&str]) -> Option<Finding> {
    let unknown: Vec<_> = granted
        .iter()
        .copied()
        .filter(|name| !PERMISSIONS.contains(name))
        .collect();
    (!unknown.is_empty()).then(|| {
        Finding::new(
            "permissions-unknown",
            format!("The API does not know {}.", shortened(&unknown.join(", "))),
            "Correct the names of the API's permissions in Auth0: docs/roles.md has them.",
        )
    })
}

/// The finding about permissions that are no role's, compared with the role that differs least.
fn no_role(granted: &[&str]) -> Option<Finding> {
    if role(granted).is_some() {
        return None;
    }
    let differences = |(_, count): &(&str, usize)| {
        let (own, others) = PERMISSIONS.split_at(*count);
        let lacking = own.iter().filter(|one| !granted.contains(one));
        let extra = others.iter().filter(|one| granted.contains(one));
        (list(lacking), list(extra))
    };
    let nearest = ROLES.iter().min_by_key(|role| {
        let (lacking, extra) = differences(role);
        lacking.len() + extra.len()
    })?;
    let (lacking, extra) = differences(nearest);
    let part = |before: &str, names: &[&str]| match names {
        [] => String::new(),
        _ => format!("{before}{}", names.join(", ")),
    };
    let seen = format!(
        "No role has these permissions. The nearest is {}{}{}.",
        nearest.0,
        part(", but it also has ", &lacking),
        part(", but it does not have ", &extra)
    );
    let remedy = "Correct the role's permissions in Auth0: docs/roles.md has them.";
    Some(Finding::new("permissions-no-role", seen, remedy))
}

fn list<'a>(names: impl Iterator<Item = &'a &'static str>) -> Vec<&'static str> {
    names.copied().collect()
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::ENDPOINTS;
    use super::*;

    #[test]
    fn the_roles_are_those_of_the_committed_matrix() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/permissions.txt");
        let matrix = std::fs::read_to_string(file).unwrap();
        let mut checked = 0;
        for endpoint in &ENDPOINTS {
            let name = endpoint.name();
            let line = matrix.lines().find_map(|line| {
                let rest = line.strip_prefix(&name)?;
                rest.starts_with(' ')
                    .then(|| rest.split_whitespace().collect::<Vec<_>>())
            });
            let expected = ROLES.map(|(_, count)| {
                let has = PERMISSIONS[..count].contains(&endpoint.permission);
                if has { "yes" } else { "no" }
            });
            assert_eq!(line.unwrap()[..3], expected, "{name}");
            checked += 1;
        }
        assert_eq!(checked, 10);
    }

    #[test]
    fn a_role_has_exactly_its_permissions() {
        for (title, count) in ROLES {
            assert_eq!(role(&PERMISSIONS[..count]), Some(title));
            assert_eq!(role(&PERMISSIONS[1..count]), None);
            let with_unknown = [&PERMISSIONS[..count], &["read:actors"]].concat();
            assert_eq!(role(&with_unknown), Some(title));
        }
        assert_eq!(role(&PERMISSIONS[..3]), None);
    }

    #[test]
    fn permissions_of_no_role_are_compared_with_the_nearest_one() {
        let check = |granted: &[&str], expected: &str| {
            let seen = no_role(granted).unwrap().seen;
            assert_eq!(
                seen,
                format!("No role has these permissions. The nearest is {expected}.")
            );
        };
        check(
            &["get:actors"],
            "Casting Assistant, but it also has get:movies",
        );
        let director = "Casting Director, but it does not have post:movies";
        check(&PERMISSIONS[..7], director);
        assert_eq!(no_role(&PERMISSIONS), None);
    }
}
