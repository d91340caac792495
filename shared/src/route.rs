//! The four paths of the API and the methods that each one supports.
//!
//! The gateway already routes. A function matches the route again because `get_actors` also
//! receives every request that has no endpoint (405 and 404), and because an event may reach a
//! function that does not serve it.

use std::str::FromStr;

/// A path of the API, with the methods that have an endpoint there.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The path as in the gateway's route keys, for example `/actors/{actor_id}`.
    pub path: &'static str,
    /// The value of the `Allow` header of a 405 (RFC 9110, section 10.2.1).
    pub allow: &'static str,
    /// The name of the path's parameter, if it has one.
    pub parameter: Option<&'static str>,
}

/// `/actors`: lists actors and creates them.
pub const ACTORS: &Route = &Route {
    path: "/actors",
    allow: "GET, POST",
    parameter: None,
};
/// `/actors/{actor_id}`: one actor.
pub const ACTOR: &Route = &Route {
    path: "/actors/{actor_id}",
    allow: "DELETE, GET, PATCH",
    parameter: Some("actor_id"),
};
/// `/movies`: lists movies and creates them.
pub const MOVIES: &Route = &Route {
    path: "/movies",
    allow: "GET, POST",
    parameter: None,
};
/// `/movies/{movie_id}`: one movie.
pub const MOVIE: &Route = &Route {
    path: "/movies/{movie_id}",
    allow: "DELETE, GET, PATCH",
    parameter: Some("movie_id"),
};

/// All paths of the API; any other path is a 404.
pub const ROUTES: [&Route; 4] = [ACTORS, ACTOR, MOVIES, MOVIE];

/// The route of a request, if it has one.
///
/// The event's `route_key` (`GET /actors`, `PATCH /actors/{actor_id}`) wins if it names a path.
/// Otherwise (`$default`) the raw path decides, without its base path.
pub fn find(route_key: Option<&str>, raw_path: &str) -> Option<&'static Route> {
    let routed = route_key
        .and_then(|key| key.split_once(' '))
        .map(|(_method, path)| path);
    match routed {
        Some(path) => ROUTES.into_iter().find(|route| route.path == path),
        None => ROUTES.into_iter().find(|route| route.matches(raw_path)),
    }
}

/// The path below which a custom domain has the API: empty, or with a slash at its beginning only
/// (`/casting/v1`).
///
/// API Gateway matches routes without it, but leaves it in the event's raw path. A request to the
/// API's own address does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Splits a raw path into the base path, or nothing if it is not below the base path, and the
    /// rest.
    pub fn split<'a>(&'a self, raw_path: &'a str) -> (&'a str, &'a str) {
        match raw_path.strip_prefix(&self.0) {
            Some(rest) if rest.starts_with('/') => (&self.0, rest),
            _ => ("", raw_path),
        }
    }
}

impl FromStr for BasePath {
    type Err = &'static str;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(is_allowed);
        if path.split('/').all(is_segment) {
            Ok(Self(format!("/{path}")))
        } else {
            Err("must be segments of letters, digits, - and _, with a slash between them")
        }
    }
}

impl Route {
    /// Whether the route has an endpoint for `method`.
    pub fn allows(&self, method: &str) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method)
    }

    /// The resource of the route: `actors`.
    pub(crate) fn resource(&self) -> &'static str {
        self.path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default()
    }

    fn matches(&self, raw_path: &str) -> bool {
        match self.path.split_once('{') {
            None => raw_path == self.path,
            Some((prefix, _)) => raw_path
                .strip_prefix(prefix)
                .is_some_and(|id| !id.is_empty() && !id.contains('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_found_by_key_or_else_by_path() {
        let check = |key: Option<&str>, path: &str, expected: Option<&'static Route>| {
            assert_eq!(find(key, path), expected, "{key:?} {path}");
        };
        check(Some("GET /actors"), "/actors", Some(ACTORS));
        check(Some("PATCH /actors/{actor_id}"), "/actors/1", Some(ACTOR));
        check(Some("GET /elsewhere"), "/movies", None);
        for key in [None, Some("$default")] {
            check(key, "/actors", Some(ACTORS));
            check(key, "/actors/1", Some(ACTOR));
            check(key, "/movies/%00", Some(MOVIE));
            for path in [
                "",
                "/",
                "/actors/",
                "/actors/1/",
                "/actors/1/2",
                "/Actors",
                "//actors",
                "/actors?",
                "actors",
            ] {
                check(key, path, None);
            }
        }
    }

    #[test]
    fn a_base_path_is_split_off_only_as_whole_segments() {
        let base: BasePath = "casting/v1".parse().unwrap();
        let check = |path: &str, expected: (&str, &str)| {
            assert_eq!(base.split(path), expected, "{path}");
        };
        check("/casting/v1/actors", ("/casting/v1", "/actors"));
        check("/casting/v1/", ("/casting/v1", "/"));
        for other in [
            "/actors",
            "/casting/v1",
            "/casting/v12/actors",
            "/casting",
            "",
        ] {
            check(other, ("", other));
        }
        assert_eq!(BasePath::default().split("/actors"), ("", "/actors"));
        for malformed in ["", "/", "/v1", "v1/", "a//b", "..", "a b", "é", "a%2Fb"] {
            assert!(malformed.parse::<BasePath>().is_err(), "{malformed}");
        }
    }

    #[test]
    fn allowed_methods_are_matched_exactly() {
        assert!(ACTORS.allows("GET"));
        for method in ["get", "PUT", "HEAD", "", "GET, POST", "PATCH"] {
            assert!(!ACTORS.allows(method), "{method}");
        }
    }
}
