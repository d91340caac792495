//! Lists rows in the order of their ids, one bucket of the table after another.

use futures_util::future::try_join;

use super::error::Error;
use super::item::number;
use super::record::Record;
use super::table::{BUCKET, BUCKET_SIZE, ID, Table};
use crate::model::Id;

/// The most rows of one page.
pub const MAX_LIMIT: u16 = 1000;
/// The most buckets that one page reads. A page that would need more ends early, with a
/// continuation.
pub const MAX_BUCKETS: u64 = 250;

/// Which part of the table to list, in the order of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most rows to return, 1 to [`MAX_LIMIT`].
    pub limit: u16,
    /// Only rows after this id, in list order.
    pub after: Option<Id>,
    /// Whether to list from the greatest id down.
    pub descending: bool,
    /// The most rows to read, including those that are filtered out; at least `limit` + 1.
    pub most: usize,
    /// Whether to read with strong consistency, at twice the cost.
    pub consistent: bool,
}

impl Bounds {
    /// The next `limit` rows, ascending and strongly consistent.
    pub fn ascending(limit: u16, after: Option<Id>) -> Self {
        Self {
            limit,
            after,
            descending: false,
            most: usize::from(limit) + 1,
            consistent: true,
        }
    }

    /// The first bucket of the list; `None` if it depends on the greatest id.
    fn first_bucket(&self) -> Option<u64> {
        match (self.after.map(Id::get), self.descending) {
            (after, false) => Some((after.unwrap_or(0) + 1) / BUCKET_SIZE),
            (Some(after), true) => Some((after - 1) / BUCKET_SIZE),
            (None, true) => None,
        }
    }

    /// Whether the first bucket has too few ids to fill the page, so that the page certainly needs
    /// the counter.
    fn outgrow(&self, first: u64) -> bool {
        let (low, high) = (first * BUCKET_SIZE, (first + 1) * BUCKET_SIZE);
        let ids = match (self.after.map(Id::get), self.descending) {
            (after, false) => high - 1 - after.unwrap_or(0).max(low.saturating_sub(1)),
            (Some(after), true) => after.min(high) - low.max(1),
            (None, true) => BUCKET_SIZE,
        };
        usize::try_from(ids).is_ok_and(|ids| ids < self.most)
    }
}

/// A page of a list, in the order of ids.
#[derive(Debug)]
pub struct Listing<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// The id after which to continue, if more rows may follow.
    pub next: Option<Id>,
}

impl<R: Record> Table<R> {
    /// Lists the rows within `bounds` that `admits` accepts. Costs 1 read unit for each 4 KiB of
    /// rows read (8 KiB if the read is not strongly consistent), rounded up for each bucket. Costs
    /// 1 more for the counter, unless the first bucket fills the page.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Failed`], or [`Error::Malformed`] if an item is not a valid
    /// row: a list never omits one silently.
    pub async fn list(
        &self,
        bounds: Bounds,
        admits: impl Fn(&R) -> bool,
    ) -> Result<Listing<R>, Error> {
        let mut page = PageBuilder::new(bounds, admits);
        let first = bounds.first_bucket();
        let mut last_id = None;
        if let Some(first) = first {
            let rows = self.read_bucket(first, bounds, bounds.most);
            let rows = if bounds.outgrow(first) {
                let (rows, counted) = try_join(rows, self.last_id()).await?;
                last_id = Some(counted);
                rows
            } else {
                rows.await?
            };
            page.add(rows);
        }
        if let Some(finished) = page.finished_page() {
            return Ok(finished);
        }
        let last_id = match last_id {
            Some(last_id) => last_id,
            None => self.last_id().await?,
        };
        let mut buckets = Buckets::of(bounds, last_id);
        if first.is_some() && buckets.next == first {
            buckets.next();
        }
        let left = MAX_BUCKETS as usize - usize::from(first.is_some());
        for bucket in buckets.by_ref().take(left) {
            page.add(self.read_bucket(bucket, bounds, page.left()).await?);
            if let Some(finished) = page.finished_page() {
                return Ok(finished);
            }
        }
        Ok(Listing {
            rows: page.rows,
            next: buckets.continuation(),
        })
    }

    /// Reads the first `count` rows of the bucket that are within the bounds.
    async fn read_bucket(
        &self,
        bucket: u64,
        bounds: Bounds,
        count: usize,
    ) -> Result<Vec<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        let (condition, after) = match (bounds.after, bounds.descending) {
            (after, false) => (
                "#bucket = :bucket AND #id > :after",
                after.map_or(0, Id::get),
            ),
            (after, true) => (
                "#bucket = :bucket AND #id < :after",
                after.map_or(Id::MAX.get() + 1, Id::get),
            ),
        };
        while rows.len() < count {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(bounds.consistent)
                .scan_index_forward(!bounds.descending)
                .key_condition_expression(condition)
                .expression_attribute_names("#bucket", BUCKET)
                .expression_attribute_names("#id", ID)
                .expression_attribute_values(":bucket", number(bucket))
                .expression_attribute_values(":after", number(after))
                .limit(i32::try_from(count - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

/// A page of a list that is being read.
struct PageBuilder<R, F> {
    bounds: Bounds,
    admits: F,
    rows: Vec<R>,
    /// How many rows were read, including those that are filtered out.
    rows_read: usize,
    /// The last row that was read.
    last: Option<Id>,
}

impl<R: Record, F: Fn(&R) -> bool> PageBuilder<R, F> {
    fn new(bounds: Bounds, admits: F) -> Self {
        Self {
            bounds,
            admits,
            rows: Vec::new(),
            rows_read: 0,
            last: None,
        }
    }

    /// How many more rows may be read.
    fn left(&self) -> usize {
        self.bounds.most - self.rows_read
    }

    /// Whether there is one row more than the limit, which proves that more follow.
    fn is_over(&self) -> bool {
        self.rows.len() > usize::from(self.bounds.limit)
    }

    fn add(&mut self, rows: Vec<R>) {
        for row in rows {
            if self.is_over() {
                break;
            }
            self.rows_read += 1;
            self.last = Some(row.id());
            if (self.admits)(&row) {
                self.rows.push(row);
            }
        }
    }

    /// The page, if it is complete or no more rows may be read.
    fn finished_page(&mut self) -> Option<Listing<R>> {
        let next = if self.is_over() {
            self.rows.truncate(usize::from(self.bounds.limit));
            self.rows.last().map(R::id)
        } else if self.left() == 0 {
            self.last
        } else {
            return None;
        };
        Some(Listing {
            rows: std::mem::take(&mut self.rows),
            next,
        })
    }
}

/// Iterates over the buckets of a list.
struct Buckets {
    /// The next bucket to read, if there is one.
    next: Option<u64>,
    /// The last bucket; less than the next if the list descends.
    end: u64,
    descending: bool,
}

impl Buckets {
    /// The buckets that may hold rows within these bounds; `last` is the greatest id given out.
    fn of(bounds: Bounds, last: u64) -> Self {
        let last = last / BUCKET_SIZE;
        let first = bounds.first_bucket().unwrap_or(last);
        let (first, end) = if bounds.descending {
            (first.min(last), 0)
        } else {
            (first, last)
        };
        let any = if bounds.descending {
            first >= end
        } else {
            first <= end
        };
        Self {
            next: any.then_some(first),
            end,
            descending: bounds.descending,
        }
    }

    /// The id after which to continue, if buckets are left: the one just before the next bucket in
    /// list order.
    fn continuation(&self) -> Option<Id> {
        self.next.and_then(|next| {
            Id::new(if self.descending {
                (next + 1) * BUCKET_SIZE
            } else {
                next * BUCKET_SIZE - 1
            })
        })
    }
}

impl Iterator for Buckets {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let bucket = self.next?;
        self.next = match self.descending {
            false => (bucket < self.end).then(|| bucket + 1),
            true => (bucket > self.end).then(|| bucket - 1),
        };
        Some(bucket)
    }
}
