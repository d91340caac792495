//! What a handler answers with when all went well.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::model::{Id, Resource};
use crate::route::Route;
use crate::store::{Bounds, Listing, Version, Versioned};

/// A success: always 200, always JSON.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub(crate) body: String,
    /// The path and query of the next page, if more rows follow.
    pub(crate) next: Option<String>,
    /// The version of the one row that is answered.
    pub(crate) version: Option<Version>,
    /// Whether this is what an earlier request with the same key was answered.
    pub(crate) replayed: bool,
}

impl Reply {
    /// One row, in an array of one.
    pub fn row<R: Resource>(row: &Versioned<R>) -> Self {
        Self { body: Self::body_of(&row.row), version: Some(row.version), ..Self::default() }
    }

    /// One page of a list, with the way to the next.
    pub fn page<R: Resource>(route: &Route, bounds: Bounds, listing: &Listing<R>) -> Self {
        let next = listing.next.map(|after| format!("{}?after={after}&limit={}", route.path, bounds.limit));
        Self { body: json(&Rows { rows: &listing.rows, next: next.as_deref() }), next, ..Self::default() }
    }

    /// That the row with this id is gone.
    pub fn deleted(id: Id) -> Self {
        Self { body: json(&Deleted { success: true, deleted: id }), ..Self::default() }
    }

    /// What was answered before, when the row had this version.
    pub(super) fn again(body: String, version: Version) -> Self {
        Self { body, version: Some(version), replayed: true, ..Self::default() }
    }

    /// The body of an answer with this one row.
    pub(super) fn body_of<R: Resource>(row: &R) -> String {
        json(&Rows { rows: std::slice::from_ref(row), next: None })
    }
}

#[derive(Serialize)]
struct Deleted {
    success: bool,
    deleted: Id,
}

struct Rows<'a, R> {
    rows: &'a [R],
    next: Option<&'a str>,
}

impl<R: Resource> Serialize for Rows<'_, R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("success", &true)?;
        object.serialize_entry(R::NAME, self.rows)?;
        if let Some(next) = self.next {
            object.serialize_entry("next", next)?;
        }
        object.end()
    }
}

/// A body's JSON. Nothing that is answered can fail to be JSON: names are strings and numbers are whole.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| unreachable!("an answer is always JSON: {error}"))
}
