//! Query parameters. Unknown parameters are ignored; in strict mode each one is an error.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use lambda_http::RequestExt;
use serde::Serialize;

use super::{Authorized, cursor};
use crate::error::Error;
use crate::model::{
    Actor, ActorFilter, Age, Billing, Credit, FieldError, Gender, Handling, Id, Movie, MovieFilter,
    Name, Order, Prefix, ReadableId, ReleaseDate, Resource,
};
use crate::permission::{MayRead, Permission};
use crate::store::{ListQuery, MAX_LIMIT, Record, WithCredits};

/// The maximum number of rows on a page with credits.
const MAX_LIMIT_WITH_CREDITS: u16 = 100;

/// A resource whose lists can be queried.
pub trait Queried: Record {
    /// The value of `include` that asks for credits, and the error message for any other value.
    const CREDITS: (&'static str, &'static str);
    /// The error message for an invalid `sort`.
    const SORT_RULE: &'static str;
    /// A row with its credits, as sent in a response.
    type WithCredits: Serialize;

    /// Reads the filter parameters.
    fn filter(query: &mut Query<'_>) -> Self::Filter;
    /// The row as sent in a response, with its credits sorted.
    fn with_credits(row: WithCredits<Self>) -> Self::WithCredits;
}

/// A list that a query asks for.
#[derive(Debug)]
pub struct List<R: Record> {
    /// The page to read from the store.
    pub query: ListQuery<R>,
    /// Set if each row comes with its credits: proof that the token may read the other resource.
    pub credits: Option<MayRead<R::Counterpart>>,
    /// The path of the list, and what precedes it behind a custom domain.
    path: &'static str,
    base_path: String,
    /// The filter and sort parameters, form-encoded in a fixed order. Cursors are bound to them.
    scope: String,
    /// The limit that the client asked for.
    limit: u16,
    /// The rest of the query: `&include=…`, or nothing.
    include: String,
    /// Whether the list has no filter and is in ascending order of id. Its next page is requested
    /// with `after`, not with a cursor.
    plain: bool,
}

impl<R: Record> List<R> {
    /// The path and query of the page that follows this position.
    pub(super) fn next(&self, position: &str) -> String {
        let Self {
            path,
            base_path,
            scope,
            limit,
            include,
            ..
        } = self;
        if self.plain {
            return format!(
                "{base_path}{path}?after={}&limit={limit}{include}",
                position.trim_start_matches('0')
            );
        }
        let separator = if scope.is_empty() { "" } else { "&" };
        let cursor = cursor::encode(&scoped(path, scope), position);
        format!("{base_path}{path}?{scope}{separator}cursor={cursor}&limit={limit}{include}")
    }
}

fn scoped(path: &str, scope: &str) -> String {
    format!("{path}?{scope}")
}

/// Reads a request's query parameters one by one and collects every error.
pub struct Query<'a> {
    authorized: &'a Authorized,
    /// The parameters that were read. There is no other list of known parameters.
    known: Vec<&'static str>,
    /// A permission that a parameter requires and the token does not grant.
    missing: Option<Permission>,
    errors: Vec<FieldError>,
    /// The filter and sort parameters read so far.
    scope: form_urlencoded::Serializer<'static, String>,
}

impl<'a> Query<'a> {
    fn of(authorized: &'a Authorized) -> Self {
        let scope = form_urlencoded::Serializer::new(String::new());
        Self {
            authorized,
            known: Vec::new(),
            missing: None,
            errors: Vec::new(),
            scope,
        }
    }

    /// All the values of a parameter.
    fn values(&self, field: &str) -> Vec<&'a str> {
        self.authorized
            .request
            .query_string_parameters_ref()
            .and_then(|query| query.all(field))
            .unwrap_or_default()
    }

    /// Proof that the token may read `R`, if the request has this parameter, which is about `R`.
    /// Records the permission if it is missing.
    fn proof<R: Resource>(&mut self, field: &'static str) -> Option<MayRead<R>> {
        self.known.push(field);
        if self.values(field).is_empty() {
            return None;
        }
        self.authorized
            .permissions
            .may_read()
            .map_err(|missing| self.missing = Some(missing))
            .ok()
    }

    /// The id of a row of the other resource that filters the list.
    fn readable_id<R: Resource>(&mut self, field: &'static str) -> Option<ReadableId<R>> {
        let proof = self.proof(field)?;
        self.narrow(field, ID_RULE, Id::parse)
            .map(|id| ReadableId::new(id, proof))
    }

    /// The parameter's value, or `None` if it is absent. Records an error if the value is invalid
    /// or given more than once.
    fn read<T>(
        &mut self,
        field: &'static str,
        rule: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.read_or(field, |text| read(text).ok_or(rule))
    }

    /// As [`Self::read`], with the error message from `read`.
    fn read_or<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        self.known.push(field);
        let value = match self.values(field)[..] {
            [] => return None,
            [value] => read(value),
            _ => Err("must be given once"),
        };
        value
            .map_err(|message| self.errors.push(FieldError::of(field, message)))
            .ok()
    }

    /// As [`Self::read`], for a filter or sort parameter, which becomes part of the scope.
    fn narrow<T>(
        &mut self,
        field: &'static str,
        rule: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.narrow_or(field, |text| read(text).ok_or(rule))
    }

    fn narrow_or<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let (text, value) = self.read_or(field, |text| Ok((text.to_owned(), read(text)?)))?;
        self.scope.append_pair(field, &text);
        Some(value)
    }

    /// In strict mode, an error for each parameter that was not read, sorted by name.
    fn unknown(&self) -> Vec<FieldError> {
        let Authorized {
            request, handling, ..
        } = self.authorized;
        let parameters = request
            .query_string_parameters_ref()
            .filter(|_| *handling == Handling::Strict);
        let names: BTreeSet<_> = parameters
            .into_iter()
            .flat_map(|query| query.iter().map(|(name, _)| name))
            .collect();
        let unknown = names.into_iter().filter(|name| !self.known.contains(name));
        unknown
            .map(|name| FieldError::unknown(name, "is an unknown query parameter"))
            .collect()
    }

    fn finish<T>(mut self, whole: T) -> Result<T, Error> {
        self.errors.extend(self.unknown());
        match self.missing {
            Some(missing) => Err(Error::PermissionMissing(missing)),
            None if self.errors.is_empty() => Ok(whole),
            None => Err(Error::Unprocessable(self.errors)),
        }
    }
}

const ID_RULE: &str = "must be an id, a whole number from 1 to 9007199254740991";
const AGE_RULE: &str = "must be a whole number from 0 to 150";
const PREFIX_RULE: &str = "must be a text of 1 to 200 characters without control characters, with more than accents and dashes";

/// Reads the whole query of a list.
pub(super) fn list<R: Queried>(authorized: &Authorized) -> Result<List<R>, Error> {
    let (mut query, route) = (Query::of(authorized), authorized.route);
    let filter = R::filter(&mut query);
    let unfiltered = filter == R::Filter::default();
    let sort = sort::<R>(&mut query);
    let is_sorted = sort.is_some();
    let (order, descending) = sort.unwrap_or((R::default_order(&filter), false));
    let limit = query.read("limit", "must be a whole number from 1 to 1000", |text| {
        Id::parse(text)
            .and_then(|number| u16::try_from(number.get()).ok())
            .filter(|limit| *limit <= MAX_LIMIT)
    });
    let limit = limit.unwrap_or(MAX_LIMIT);
    let after = query.read("after", ID_RULE, Id::parse);
    let credits = include::<R>(&mut query);

    let scope = query.scope.finish();
    let list = scoped(route.path, &scope);
    let cursor = query.read("cursor", "must be one that this list gave", |text| {
        let position = cursor::decode(&list, text)?;
        let is_id = Id::parse(position.trim_start_matches('0')).is_some();
        (is_id == (order == R::Order::BY_ID)).then_some(position)
    });
    let by_id = order == R::Order::BY_ID && !descending;
    if after.is_some() {
        let rule = if !is_sorted && !unfiltered {
            Some("needs a list without filters, or sort=id; otherwise use the cursor in next")
        } else if !by_id || cursor.is_some() {
            Some("needs a list in ascending order of id, and no cursor")
        } else {
            None
        };
        let error = rule.map(|rule| FieldError::of("after", rule));
        query.errors.extend(error);
    }
    let plain = by_id && unfiltered;
    let page = if credits.is_some() {
        limit.min(MAX_LIMIT_WITH_CREDITS)
    } else {
        limit
    };
    let after = cursor.or_else(|| after.map(|id| format!("{id:016}")));
    let include = if credits.is_some() {
        format!("&include={}", R::CREDITS.0)
    } else {
        String::new()
    };
    let list_query = ListQuery {
        filter,
        order,
        descending,
        after,
        limit: page,
    };
    query.finish(List {
        query: list_query,
        credits,
        path: route.path,
        base_path: authorized.base_path.clone(),
        scope,
        limit,
        include,
        plain,
    })
}

/// Reads the query of a single row: `include` is its only parameter.
pub(super) fn include_alone<R: Queried>(
    authorized: &Authorized,
) -> Result<Option<MayRead<R::Counterpart>>, Error> {
    let mut query = Query::of(authorized);
    let included = include::<R>(&mut query);
    query.finish(included)
}

/// In strict mode, an error for each parameter, for an endpoint that has none.
pub(super) fn unknown(authorized: &Authorized) -> Vec<FieldError> {
    Query::of(authorized).unknown()
}

fn include<R: Queried>(query: &mut Query<'_>) -> Option<MayRead<R::Counterpart>> {
    let (name, rule) = R::CREDITS;
    let proof = query.proof("include")?;
    query.read("include", rule, |text| (text == name).then_some(proof))
}

/// Reads `sort`: the name of an order, with a leading `-` for descending.
fn sort<R: Queried>(query: &mut Query<'_>) -> Option<(R::Order, bool)> {
    query.narrow("sort", R::SORT_RULE, |text| {
        let (name, descending) = text
            .strip_prefix('-')
            .map_or((text, false), |name| (name, true));
        let (_, order) = R::Order::NAMES.iter().find(|(known, _)| *known == name)?;
        Some((*order, descending))
    })
}

impl Queried for Actor {
    const CREDITS: (&'static str, &'static str) = ("credits", "must be credits");
    const SORT_RULE: &'static str = "must be id, name or age, or one of them after a -";
    type WithCredits = ActorWithCredits;

    fn filter(query: &mut Query<'_>) -> ActorFilter {
        ActorFilter {
            name: query.narrow("name", PREFIX_RULE, Prefix::new),
            gender: query
                .narrow("gender", Gender::RULE, Gender::new)
                .map(|gender| ActorFilter::fold_gender(gender.as_str())),
            min_age: query.narrow("min_age", AGE_RULE, age),
            max_age: query.narrow("max_age", AGE_RULE, age),
            movie: query.readable_id("movie_id"),
        }
    }

    /// Sorts credits by release date, newest first, then by movie id.
    fn with_credits(found: WithCredits<Self>) -> ActorWithCredits {
        let WithCredits {
            row: actor,
            mut credits,
        } = found;
        credits.sort_by_key(|(movie, _)| (Reverse(movie.release_date), movie.id));
        let credits = credits.into_iter().map(
            |(
                Movie {
                    id,
                    title,
                    release_date,
                },
                Credit { character, billing },
            )| {
                MovieCredit {
                    movie_id: id,
                    title,
                    release_date,
                    character,
                    billing,
                }
            },
        );
        ActorWithCredits {
            actor,
            credits: credits.collect(),
        }
    }
}

impl Queried for Movie {
    const CREDITS: (&'static str, &'static str) = ("cast", "must be cast");
    const SORT_RULE: &'static str = "must be id, title or release_date, or one of them after a -";
    type WithCredits = MovieWithCast;

    fn filter(query: &mut Query<'_>) -> MovieFilter {
        MovieFilter {
            title: query.narrow("title", PREFIX_RULE, Prefix::new),
            released_from: query.narrow_or("released_from", ReleaseDate::parse),
            released_to: query.narrow_or("released_to", ReleaseDate::parse_end),
            actor: query.readable_id("actor_id"),
        }
    }

    /// Sorts credits by billing, those without one last, then by actor id.
    fn with_credits(found: WithCredits<Self>) -> MovieWithCast {
        let WithCredits {
            row: movie,
            mut credits,
        } = found;
        credits.sort_by_key(|(actor, credit)| credit.sort_key(actor.id));
        let cast =
            credits
                .into_iter()
                .map(
                    |(Actor { id, name, .. }, Credit { character, billing })| CastMember {
                        actor_id: id,
                        name,
                        character,
                        billing,
                    },
                );
        MovieWithCast {
            movie,
            cast: cast.collect(),
        }
    }
}

/// Parses an age: digits without leading zeros.
fn age(text: &str) -> Option<Age> {
    let well_formed =
        text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed {
        Age::new(text.parse().ok()?)
    } else {
        None
    }
}

/// An actor with the movies they play in.
#[derive(Debug, Serialize)]
pub struct ActorWithCredits {
    #[serde(flatten)]
    actor: Actor,
    credits: Vec<MovieCredit>,
}

#[derive(Debug, Serialize)]
struct MovieCredit {
    movie_id: Id,
    title: Name,
    release_date: ReleaseDate,
    character: Option<Name>,
    billing: Option<Billing>,
}

/// A movie with the actors that play in it.
#[derive(Debug, Serialize)]
pub struct MovieWithCast {
    #[serde(flatten)]
    movie: Movie,
    cast: Vec<CastMember>,
}

#[derive(Debug, Serialize)]
struct CastMember {
    actor_id: Id,
    name: Name,
    character: Option<Name>,
    billing: Option<Billing>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permissions;
    use crate::route;

    fn read(query: &str) -> Result<List<Actor>, Vec<String>> {
        read_list(route::ACTORS, query)
    }

    fn read_list<R: Queried>(
        route: &'static route::Route,
        query: &str,
    ) -> Result<List<R>, Vec<String>> {
        let request = lambda_http::http::Request::new(lambda_http::Body::Empty);
        let mut parameters = std::collections::HashMap::<String, Vec<String>>::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            parameters
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        let authorized = Authorized {
            request: request.with_query_string_parameters(parameters),
            route,
            base_path: String::new(),
            subject: String::new(),
            permissions: Permissions::named(["get:actors", "get:movies"]),
            handling: Handling::Lenient,
        };
        list(&authorized).map_err(|error| match error {
            Error::Unprocessable(errors) => errors
                .into_iter()
                .map(|fault| fault.field.into_owned())
                .collect(),
            other => panic!("{other}"),
        })
    }

    fn errors(query: &str) -> Vec<String> {
        read(query).unwrap_err()
    }

    #[test]
    fn limit_and_after_are_parsed_and_invalid_values_rejected() {
        let check = |query: &str, limit: u16, after: Option<&str>| {
            let list = read(query).unwrap().query;
            assert_eq!(
                (list.limit, list.after.as_deref()),
                (limit, after),
                "{query}"
            );
        };
        check("", 1000, None);
        check("limit=1&other=x", 1, None);
        check("limit=1000&after=7", 1000, Some("0000000000000007"));
        check("limit=1000&include=credits", 100, None);
        for limit in [
            "",
            "0",
            "1001",
            "-1",
            "1.5",
            "ten",
            "%201",
            "01",
            "1,2",
            "99999999999999999999",
        ] {
            assert_eq!(errors(&format!("limit={limit}")), ["limit"], "{limit}");
        }
        for after in [
            "",
            "0",
            "-1",
            "x",
            "9007199254740992",
            "1&after=1",
            "1&sort=-id",
            "1&sort=age",
        ] {
            assert_eq!(errors(&format!("after={after}")), ["after"], "{after}");
        }
        assert_eq!(errors("limit=1&limit=2&after=x"), ["limit", "after"]);
    }

    #[test]
    fn every_movie_list_parameter_rejects_invalid_values() {
        for (name, values) in [
            ("title", &["", "%20", "%CC%81", "-", &"x".repeat(201)][..]),
            ("released_from", &["", "x", "2020-13-01", "01/02/2020"]),
            ("released_to", &["", "x", "2020-02-30"]),
            ("actor_id", &["", "0", "01", "x"]),
            ("sort", &["", "name", "release-date", "--title"]),
            ("include", &["", "credits", "Cast"]),
        ] {
            for value in values {
                let read = read_list::<Movie>(route::MOVIES, &format!("{name}={value}"));
                assert_eq!(read.unwrap_err(), [name], "{value}");
            }
        }
    }

    #[test]
    fn every_actor_list_parameter_rejects_invalid_values() {
        for (name, values) in [
            (
                "name",
                &["", "%20", "%CC%81", &"x".repeat(201), "a&name=a"][..],
            ),
            ("gender", &["", "%20", "%00", &"x".repeat(81), "a&gender=a"]),
            (
                "min_age",
                &["", "-1", "151", "1.0", "01", "x", "1&min_age=1"],
            ),
            ("max_age", &["", "-1", "151", "1e1", "00", "1&max_age=1"]),
            (
                "movie_id",
                &["", "0", "01", "x", "9007199254740992", "1&movie_id=1"],
            ),
            (
                "sort",
                &[
                    "",
                    "-",
                    "--id",
                    "ID",
                    "title",
                    "+id",
                    "id,age",
                    "id&sort=id",
                ],
            ),
            (
                "include",
                &[
                    "",
                    "cast",
                    "Credits",
                    "credits,x",
                    "credits&include=credits",
                ],
            ),
            ("cursor", &["", "x", "AAAAAAAAAAAAAAAA", "a&cursor=a"]),
        ] {
            for value in values {
                assert_eq!(errors(&format!("{name}={value}")), [name], "{value}");
            }
        }
    }

    #[test]
    fn a_list_by_id_continues_with_after_and_any_other_with_a_cursor() {
        let next = |query: &str, position: &str| read(query).unwrap().next(position);
        assert_eq!(
            next("limit=2", "0000000000000005"),
            "/actors?after=5&limit=2"
        );
        assert_eq!(
            next("sort=id&include=credits", "0000000000000005"),
            "/actors?after=5&limit=1000&include=credits"
        );
        let path = next(
            "name=L%C3%A9a+S&sort=-age&limit=7",
            "034\u{1f}0000000000000005",
        );
        assert!(
            path.starts_with("/actors?name=L%C3%A9a+S&sort=-age&cursor="),
            "{path}"
        );
        let (_, query) = path.split_once('?').unwrap();
        let again = read(query).unwrap();
        assert_eq!(
            again.query.after.as_deref(),
            Some("034\u{1f}0000000000000005")
        );
        assert_eq!((again.query.limit, again.query.descending), (7, true));
        for foreign in [
            query.replace("sort=-age", "sort=age"),
            query.replace("+S", ""),
            format!("{query}&min_age=3"),
        ] {
            assert_eq!(errors(&foreign), ["cursor"], "{foreign}");
        }
    }

    #[test]
    fn a_cursor_for_another_sort_order_is_rejected() {
        let (id, age) = ("0000000000000005", "034\u{1f}0000000000000005");
        for (query, position) in [("gender=f", age), ("gender=f&sort=id", id)] {
            let list = format!("/actors?{query}");
            let path = |position| format!("{query}&cursor={}", cursor::encode(&list, position));
            assert_eq!(
                read(&path(position)).unwrap().query.after.as_deref(),
                Some(position)
            );
            // The cursor of a version in whose order lists came otherwise.
            let other = if position == id { age } else { id };
            assert_eq!(errors(&path(other)), ["cursor"], "{query}");
        }
    }
}
