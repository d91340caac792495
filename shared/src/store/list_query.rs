//! A request for one page of a list, and how a page is made from the rows that were read.

use std::cmp::Reverse;

use super::index::{Range, SHARDS};
use super::record::{Record, Walk};
use crate::model::{Id, Order};

/// Each strategy may read at least this many rows, however small the page is.
const MIN_ROWS_READ: usize = 1000;
/// How many rows each strategy may read for each row that the page may have. At most three run: two
/// gathers and a walk.
const ROWS_READ_PER_ROW: usize = 3;

/// A request for one page of a list.
#[derive(Debug)]
pub struct ListQuery<R: Record> {
    /// Which rows match.
    pub filter: R::Filter,
    /// The order of the rows.
    pub order: R::Order,
    /// Whether the order is reversed.
    pub descending: bool,
    /// The [position](Record::position) after which the page begins.
    pub after: Option<String>,
    /// The most rows of the page, 1 to 1000.
    pub limit: u16,
}

/// How many rows of each shard of an index a walk reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShardRows {
    /// With its first queries.
    pub(super) first: usize,
    /// With all of them.
    pub(super) most: usize,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows. There may be fewer than the limit, even if more follow.
    pub rows: Vec<R>,
    /// The position after which the next page begins, if more rows may follow.
    pub next: Option<String>,
}

impl<R: Record> ListQuery<R> {
    /// Whether every row matches.
    pub(super) fn is_unfiltered(&self) -> bool {
        self.filter == R::Filter::default()
    }

    pub(super) fn admits(&self, row: &R) -> bool {
        row.matches(&self.filter)
    }

    /// The id after which the page begins, if the order is by id.
    pub(super) fn after_id(&self) -> Option<Id> {
        let after = self
            .after
            .as_ref()
            .filter(|_| self.order == R::Order::BY_ID)?;
        Id::new(after.parse().ok()?)
    }

    /// If the order is by id, drops the ids that the page will not read, and returns the last one
    /// kept if others follow. In any other order, any id may be on the page, so it keeps them all.
    pub(super) fn cut_ids(&self, ids: &mut Vec<Id>) -> Option<Id> {
        if self.order != R::Order::BY_ID {
            return None;
        }
        if let Some(after) = self.after_id() {
            ids.retain(|id| {
                if self.descending {
                    *id < after
                } else {
                    *id > after
                }
            });
        }
        if self.descending {
            ids.reverse();
        }
        let more = ids.len() > self.max_rows_read();
        ids.truncate(self.max_rows_read());
        ids.last().copied().filter(|_| more)
    }

    /// The row's position in the list.
    pub(super) fn position(&self, row: &R) -> String {
        row.position(self.order, &self.filter)
    }

    /// The part of the walk after this position; `None` if the walk ends before it.
    pub(super) fn rest_of(&self, walk: Walk, after: Option<&str>) -> Option<Walk> {
        let Some(after) = after else {
            return Some(walk);
        };
        let range = match after.strip_prefix(walk.position_prefix) {
            None if after > walk.position_prefix => return None,
            None => walk.range,
            Some(key) if self.descending => Range {
                high: walk.range.high.min(key.to_owned()),
                ..walk.range
            },
            Some(key) => Range {
                low: walk.range.low.max(key.to_owned()),
                ..walk.range
            },
        };
        Some(Walk { range, ..walk })
    }

    /// For a walk that may skip many rows: it reads all the rows it may at once, so that its number
    /// of calls does not depend on how many it skips.
    pub(super) fn fixed_walk(&self) -> ShardRows {
        let share = self.max_rows_read().div_ceil(SHARDS as usize);
        ShardRows {
            first: share,
            most: share,
        }
    }

    /// For a walk that skips few rows: it first reads what fills a page if it skips none, and then
    /// reads on. That is the limit, one row more to see whether others follow, and the last row of
    /// the previous page, since a range includes its ends.
    pub(super) fn short_walk(&self) -> ShardRows {
        let first = usize::from(self.limit) + 2;
        ShardRows {
            first,
            most: first.max(self.fixed_walk().most),
        }
    }

    /// The most rows that one strategy may read.
    pub(super) fn max_rows_read(&self) -> usize {
        MIN_ROWS_READ.max(ROWS_READ_PER_ROW * usize::from(self.limit))
    }

    /// Whether the position comes after another in list order.
    pub(super) fn is_after(&self, position: &str, after: Option<&str>) -> bool {
        match after {
            None => true,
            Some(after) if self.descending => position < after,
            Some(after) => position > after,
        }
    }

    /// Makes the page from all rows that may match, given in any order.
    pub(super) fn page_of(&self, rows: impl IntoIterator<Item = R>) -> Page<R> {
        let admitted = rows
            .into_iter()
            .filter(|row| self.admits(row))
            .map(|row| (self.position(&row), row));
        let mut rows: Vec<_> = admitted
            .filter(|(position, _)| self.is_after(position, self.after.as_deref()))
            .collect();
        self.sort(&mut rows);
        // Two of the ranges may hold the same row.
        rows.dedup_by(|one, other| one.0 == other.0);
        self.cut(rows, None)
    }

    pub(super) fn sort(&self, rows: &mut [(String, R)]) {
        if self.descending {
            rows.sort_by(|one, other| Reverse(&one.0).cmp(&Reverse(&other.0)));
        } else {
            rows.sort_by(|one, other| one.0.cmp(&other.0));
        }
    }

    /// Cuts the rows to the page's limit. `read_to` is the position where reading stopped, if
    /// more rows may follow.
    pub(super) fn cut(&self, mut rows: Vec<(String, R)>, read_to: Option<String>) -> Page<R> {
        let limit = usize::from(self.limit);
        let next = if rows.len() > limit {
            Some(rows[limit - 1].0.clone())
        } else {
            read_to
        };
        rows.truncate(limit);
        Page {
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            next,
        }
    }
}
