//! Checks the pages of a list, so that no server can keep an export running forever.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::value::RawValue;

use crate::api::ApiResponse;
use crate::members::{self, Members};
use crate::{Api, Resource, Stop, shortened};

/// The most empty pages in a row. In each, this API skips some 250,000 deleted rows.
const MAX_EMPTY_PAGES: usize = 100;
/// The most pages with fewer than a tenth of the requested rows. This API sends such pages if most
/// of 250,000 rows are deleted, or if movies have more than a hundred credits each.
const MAX_SHORT_PAGES: usize = 10_000;
/// The most cursors that are remembered, in some 16 MB: enough for a list of 1,000,000,000 rows.
const MAX_CURSORS: usize = 1_000_000;
/// The longest path of a next page, in bytes; the gateway rejects request lines of more than
/// 10,240.
const MAX_NEXT_BYTES: usize = 8192;

/// Why a page cannot belong to a list that ends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The page has more rows than requested.
    #[error("the API sends {rows} rows in a page that may have {limit}")]
    TooManyRows {
        /// How many rows it has.
        rows: usize,
        /// How many rows it may have.
        limit: usize,
    },
    /// The ids do not ascend.
    #[error(
        "the API sends row {id} after {before}; a list ascends by id, so rows would be missing or come twice"
    )]
    Order {
        /// The id of the row.
        id: u64,
        /// The id before it, which must be smaller.
        before: u64,
    },
    /// The next page does not begin after the rows so far.
    #[error(
        "the API's next page begins after id {after}, which is not past {before}; the list would not end"
    )]
    After {
        /// Where the next page begins.
        after: u64,
        /// The last id, or where this page begins.
        before: u64,
    },
    /// The cursor is that of an earlier page.
    #[error("the API sends a cursor that it has sent before; the list would not end")]
    Cursor,
    /// Too many pages in a row are empty.
    #[error(
        "the API sends {MAX_EMPTY_PAGES} empty pages one after the other, each with a next page"
    )]
    Empty,
    /// Too many pages have few rows.
    #[error(
        "the API sends {MAX_SHORT_PAGES} pages with less than a tenth of the requested rows, each with a next page"
    )]
    Short,
    /// The path of the next page is not one of this list.
    #[error("the list's `next` is not one of this API's: {next}")]
    Next {
        /// The path.
        next: String,
    },
    /// The path of the next page is longer than the API accepts.
    #[error("the API sends a next page whose path is longer than {MAX_NEXT_BYTES} bytes")]
    LongNext,
}

/// One response of a list.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// The rows, with the spelling of the response.
    pub(crate) rows: Vec<Members<'a>>,
    pub(crate) next: Option<String>,
}

impl<'a> Page<'a> {
    /// Parses a page; `None` if the response is not one of the resource's list.
    pub(crate) fn parse(resource: Resource, response: &'a ApiResponse) -> Option<Self> {
        let members = Members::parse(&response.body)
            .ok()
            .filter(|_| response.status == 200)?;
        // A `next` that is not a string must not look like the end of the list.
        let next = members
            .get("next")
            .map(|next| members::text(next).unwrap_or_else(|| next.get().to_owned()));
        let rows: Vec<&RawValue> =
            serde_json::from_str(members.get(resource.name())?.get()).ok()?;
        let rows: Result<_, _> = rows
            .into_iter()
            .map(|row| Members::parse(row.get().as_bytes()))
            .collect();
        Some(Self {
            rows: rows.ok()?,
            next,
        })
    }
}

/// How far a list has been read.
#[derive(Default)]
pub(crate) struct Progress {
    /// The greatest id so far, or the id that the page begins after.
    last: u64,
    /// The id that the page begins after.
    after: u64,
    /// The number of empty pages since the last one with rows.
    empty: usize,
    /// The number of pages with few rows.
    short: usize,
    /// Digests of the cursors so far.
    cursors: HashSet<u64>,
    hasher: RandomState,
}

impl Progress {
    /// Checks a page against those before it, and returns the path of the next one.
    pub(crate) fn take(
        &mut self,
        api: &Api,
        resource: Resource,
        limit: usize,
        page: &Page<'_>,
    ) -> Result<Option<String>, TakeError> {
        if page.rows.len() > limit {
            return Err(PageError::TooManyRows {
                rows: page.rows.len(),
                limit,
            }
            .into());
        }
        for row in &page.rows {
            let id = row
                .get("id")
                .and_then(|id| id.get().parse().ok())
                .ok_or_else(|| api.foreign(200))?;
            if id <= self.last {
                return Err(PageError::Order {
                    id,
                    before: self.last,
                }
                .into());
            }
            self.last = id;
        }
        let Some(next) = &page.next else {
            return Ok(None);
        };
        self.count_empty(page)?;
        self.count_short(page, limit)?;
        if next.len() > MAX_NEXT_BYTES {
            return Err(PageError::LongNext.into());
        }
        // A path of another list or host is not followed.
        let foreign = || PageError::Next {
            next: shortened(next),
        };
        let path = api.relative(next);
        let query = path
            .strip_prefix(&format!("/{}?", resource.name()))
            .ok_or_else(foreign)?;
        self.check_next(query)?.ok_or_else(foreign)?;
        Ok(Some(path.to_owned()))
    }

    fn count_empty(&mut self, page: &Page<'_>) -> Result<(), PageError> {
        if !page.rows.is_empty() {
            self.empty = 0;
            return Ok(());
        }
        self.empty += 1;
        if self.empty < MAX_EMPTY_PAGES {
            Ok(())
        } else {
            Err(PageError::Empty)
        }
    }

    fn count_short(&mut self, page: &Page<'_>, limit: usize) -> Result<(), PageError> {
        self.short += usize::from(page.rows.len() * 10 < limit);
        if self.short < MAX_SHORT_PAGES {
            Ok(())
        } else {
            Err(PageError::Short)
        }
    }

    /// Checks that the next page continues the list. `None` if the query has no position.
    fn check_next(&mut self, query: &str) -> Result<Option<()>, PageError> {
        let mut leads_on = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name == "after" {
                let Ok(after) = value.parse() else {
                    return Ok(None);
                };
                if after < self.last || after <= self.after {
                    return Err(PageError::After {
                        after,
                        before: self.last,
                    });
                }
                (self.after, self.last) = (after, after);
                leads_on = Some(());
            } else if name == "cursor" {
                if self.cursors.len() >= MAX_CURSORS {
                    self.cursors.clear();
                }
                if !self.cursors.insert(self.hasher.hash_one(value.as_ref())) {
                    return Err(PageError::Cursor);
                }
                leads_on = Some(());
            }
        }
        Ok(leads_on)
    }
}

/// Why reading a list ends with an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Stop(#[from] Stop),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backoff;

    fn response(status: u16, body: &str) -> ApiResponse {
        ApiResponse {
            status,
            replayed: false,
            tag: None,
            body: body.into(),
        }
    }

    #[test]
    fn only_a_whole_page_is_a_page() {
        let check = |status, body: &str, expected: Option<(usize, Option<&str>)>| {
            let response = response(status, body);
            let page = Page::parse(Resource::Actors, &response);
            let page = page
                .as_ref()
                .map(|page| (page.rows.len(), page.next.as_deref()));
            assert_eq!(page, expected, "{body}");
        };
        check(200, r#"{"success":true,"actors":[]}"#, Some((0, None)));
        check(
            200,
            r#"{"actors":[{}],"next":"/actors?after=1"}"#,
            Some((1, Some("/actors?after=1"))),
        );
        check(200, r#"{"actors":[{}],"next":5}"#, Some((1, Some("5"))));
        check(
            200,
            r#"{"actors":[{}],"next":null}"#,
            Some((1, Some("null"))),
        );
        check(200, r#"{"actors":[5]}"#, None);
        check(200, r#"{"actors":[],"actors":[]}"#, None);
        check(200, r#"{"movies":[]}"#, None);
        check(200, "<html>", None);
        check(422, r#"{"actors":[]}"#, None);
    }

    /// Takes these pages one after the other, each with a limit of 3.
    fn walk(pages: &[(&[u64], &str)]) -> Result<Option<String>, TakeError> {
        let api = Api::new("http://127.0.0.1", "token", Backoff::default()).unwrap();
        let (mut progress, mut next) = (Progress::default(), None);
        for (ids, path) in pages {
            let rows: Vec<_> = ids.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
            let response = response(
                200,
                &format!(r#"{{"actors":[{}],"next":"{path}"}}"#, rows.join(",")),
            );
            let page = Page::parse(Resource::Actors, &response).unwrap();
            next = progress.take(&api, Resource::Actors, 3, &page)?;
        }
        Ok(next)
    }

    #[test]
    fn pages_lead_on_or_end_the_list_with_an_error_of_their_own() {
        let check = |pages: &[(&[u64], &str)], expected: PageError| {
            let error = walk(pages).unwrap_err();
            assert!(
                matches!(&error, TakeError::Page(error) if *error == expected),
                "{pages:?}: {error:?}"
            );
        };
        let good: &[(&[u64], &str)] = &[
            (&[1, 4], "/actors?after=4"),
            (&[], "/actors?limit=2&after=9"),
            (&[10], "/actors?cursor=a"),
            (&[], "/actors?cursor=b"),
        ];
        assert_eq!(walk(good).unwrap().as_deref(), Some("/actors?cursor=b"));
        check(
            &[(&[1, 2, 3, 4], "")],
            PageError::TooManyRows { rows: 4, limit: 3 },
        );
        check(&[(&[2, 1], "")], PageError::Order { id: 1, before: 2 });
        check(&[(&[2, 2], "")], PageError::Order { id: 2, before: 2 });
        check(
            &[(&[1], "/actors?after=5"), (&[5], "")],
            PageError::Order { id: 5, before: 5 },
        );
        check(
            &[(&[7], "/actors?after=6")],
            PageError::After {
                after: 6,
                before: 7,
            },
        );
        check(
            &[(&[], "/actors?after=6"), (&[], "/actors?after=6")],
            PageError::After {
                after: 6,
                before: 6,
            },
        );
        check(
            &[(&[], "/actors?after=6"), (&[], "/actors?after=5")],
            PageError::After {
                after: 5,
                before: 6,
            },
        );
        check(
            &[
                (&[], "/actors?cursor=a"),
                (&[], "/actors?cursor=b"),
                (&[], "/actors?cursor=a"),
            ],
            PageError::Cursor,
        );
        check(
            &[(&[1], "/actors?cursor=a"), (&[2], "/actors?cursor=a")],
            PageError::Cursor,
        );
        check(
            &[(&[1], &format!("/actors?cursor={}", "a".repeat(9000)))],
            PageError::LongNext,
        );
        let paths: Vec<_> = (1..=100)
            .map(|number| format!("/actors?after={number}"))
            .collect();
        let empty: Vec<(&[u64], &str)> =
            paths.iter().map(|path| (&[][..], path.as_str())).collect();
        check(&empty, PageError::Empty);
        assert!(walk(&empty[..99]).is_ok());
        for elsewhere in [
            "/movies?after=1",
            "https://example.com",
            "/actors?limit=5",
            "/actors?after=x",
            "/actors",
        ] {
            check(
                &[(&[], elsewhere)],
                PageError::Next {
                    next: elsewhere.into(),
                },
            );
        }
    }

    #[test]
    fn the_next_page_is_below_the_base_path_of_the_apis_url() {
        let check = |url: &str, next: &str, expected: Option<&str>| {
            let api = Api::new(url, "token", Backoff::default()).unwrap();
            let body = format!(r#"{{"actors":[{{"id":1}}],"next":"{next}"}}"#);
            let response = response(200, &body);
            let page = Page::parse(Resource::Actors, &response).unwrap();
            let taken = Progress::default().take(&api, Resource::Actors, 1, &page);
            assert_eq!(taken.ok().flatten().as_deref(), expected, "{url} {next}");
        };
        let plain = Some("/actors?after=1");
        for url in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/v1",
            "https://a.example/v1/",
        ] {
            check(url, "/actors?after=1", plain);
        }
        check("https://a.example/v1", "/v1/actors?after=1", plain);
        check(
            "https://a.example/casting/v1",
            "/casting/v1/actors?after=1",
            plain,
        );
        check("https://a.example/actors", "/actors/actors?after=1", plain);
        for (url, next) in [
            ("https://a.example", "/v1/actors?after=1"),
            ("https://a.example/v1", "/v2/actors?after=1"),
            ("https://a.example/v1", "/v1/v1/actors?after=1"),
            ("https://a.example/v1", "/v1actors?after=1"),
        ] {
            check(url, next, None);
        }
    }

    #[test]
    fn pages_with_few_rows_have_an_end_whatever_is_between_them() {
        let api = Api::new("http://127.0.0.1", "token", Backoff::default()).unwrap();
        // Takes this many pages; `rows` is the number of rows in the page with this number.
        let walk = |pages: u64, rows: &dyn Fn(u64) -> u64| {
            let mut progress = Progress::default();
            (1..=pages).try_for_each(|number| {
                let ids: Vec<_> = (number * 100..number * 100 + rows(number))
                    .map(|id| format!("{{\"id\":{id}}}"))
                    .collect();
                let next = format!("/actors?after={}", number * 100 + 99);
                let response = response(
                    200,
                    &format!(r#"{{"actors":[{}],"next":"{next}"}}"#, ids.join(",")),
                );
                let page = Page::parse(Resource::Actors, &response).unwrap();
                progress.take(&api, Resource::Actors, 50, &page).map(drop)
            })
        };
        let is_short = |error| matches!(error, Err(TakeError::Page(PageError::Short)));
        let one_after_99_empty = |number| u64::from(number % 100 == 0);
        assert!(walk(9_999, &|_| 1).is_ok() && is_short(walk(10_000, &|_| 1)));
        assert!(
            walk(9_999, &one_after_99_empty).is_ok() && is_short(walk(10_000, &one_after_99_empty))
        );
        assert!(is_short(walk(20_000, &|number| if number % 2 == 0 {
            50
        } else {
            4
        })));
        assert!(walk(11_000, &|_| 5).is_ok());
    }
}
