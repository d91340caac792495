//! The successful response of a handler.

use serde::Serialize;
use serde::ser::SerializeMap;

use super::{List, Queried};
use crate::model::{Handling, Id, Resource};
use crate::store::{Created, Page, Version, Versioned, WithCredits};

/// A successful response: status 200 with a JSON body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub(crate) body: String,
    /// The path and query of the next page, if more rows follow.
    pub(crate) next: Option<String>,
    /// The version of the row, in a response with one row.
    pub(crate) version: Option<Version>,
    /// Whether this repeats the response to an earlier request with the same idempotency key.
    pub(crate) replayed: bool,
    /// How unknown names in the request were handled.
    pub(crate) handling: Handling,
}

impl Reply {
    /// One row, in an array of one.
    pub fn row<R: Resource>(row: &Versioned<R>) -> Self {
        Self {
            body: Self::body_of(&row.row),
            version: Some(row.version),
            ..Self::default()
        }
    }

    /// One row with its credits, in an array of one. The version is that of the row.
    pub fn row_with_credits<R: Queried>(found: Versioned<WithCredits<R>>) -> Self {
        let rows = [R::with_credits(found.row)];
        Self {
            body: rows_body::<R>(&rows, None),
            version: Some(found.version),
            ..Self::default()
        }
    }

    /// One page of a list, with the path of the next page.
    pub fn page<R: Queried>(list: &List<R>, page: &Page<R>) -> Self {
        let next = page.next.as_ref().map(|position| list.next(position));
        Self {
            body: rows_body::<R>(&page.rows, next.as_deref()),
            next,
            ..Self::default()
        }
    }

    /// As [`Self::page`], for rows with their credits.
    pub fn page_with_credits<R: Queried>(list: &List<R>, page: Page<WithCredits<R>>) -> Self {
        let next = page.next.as_ref().map(|position| list.next(position));
        let rows: Vec<_> = page.rows.into_iter().map(R::with_credits).collect();
        Self {
            body: rows_body::<R>(&rows, next.as_deref()),
            next,
            ..Self::default()
        }
    }

    /// The new row, or the response to the first request with the same idempotency key.
    pub fn created<R: Resource>(created: Created<R>) -> Self {
        match created {
            Created::Now(row) => Self::row(&row),
            Created::Before(body, version) => Self {
                body,
                version: Some(version),
                replayed: true,
                ..Self::default()
            },
        }
    }

    /// Confirms that the row with this id was deleted.
    pub fn deleted(id: Id) -> Self {
        Self {
            body: json(&Deleted {
                success: true,
                deleted: id,
            }),
            ..Self::default()
        }
    }

    /// The body of a response with this one row.
    pub fn body_of<R: Resource>(row: &R) -> String {
        rows_body::<R>(std::slice::from_ref(row), None)
    }
}

#[derive(Serialize)]
struct Deleted {
    success: bool,
    deleted: Id,
}

/// The body of a response with rows of a resource.
fn rows_body<R: Resource>(rows: &[impl Serialize], next: Option<&str>) -> String {
    json(&Rows {
        name: R::NAME,
        rows,
        next,
    })
}

struct Rows<'a, T> {
    name: &'static str,
    rows: &'a [T],
    next: Option<&'a str>,
}

impl<T: Serialize> Serialize for Rows<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("success", &true)?;
        object.serialize_entry(self.name, self.rows)?;
        if let Some(next) = self.next {
            object.serialize_entry("next", next)?;
        }
        object.end()
    }
}

/// Serializes a response body as JSON. This cannot fail: all names are strings and all numbers are
/// integers.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|error| unreachable!("a response is always JSON: {error}"))
}
