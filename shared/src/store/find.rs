//! Reads lists: which index serves a list, and one page after another.
//!
//! The order of a list does not depend on how it is read, and each page continues after the last
//! row that the previous page examined. So each page may use another strategy. A page uses the
//! first of these that applies:
//!
//! 1. **By credits**: reads the credits of the movie or actor that the filter names, then their
//!    rows. Strongly consistent.
//! 2. **Walk**: reads the table or an index in list order and skips few rows or none. It applies to
//!    a list without filters, to one in its filter's own order, and where an index range holds
//!    exactly the rows that match.
//! 3. **Gather**: reads everything that an index has for one of the filters, if that is few enough
//!    rows, and sorts it.
//! 4. **Filtered walk**: reads the table or an index in list order and skips the rows that do not
//!    match.
//!
//! Only the result of 3 shows whether the rows were few enough. So 4 runs at the same time, and the
//! number of calls does not depend on how many rows match.

use aws_sdk_dynamodb::Client;
use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all};

use super::credits::{CREDITS_TABLE, Credits};
use super::error::Error;
use super::index::{self, Range, SHARDS};
use super::list::Bounds;
use super::list_query::{ListQuery, Page, ShardRows};
use super::precondition::Versioned;
use super::record::{Record, Walk};
use super::table::Table;
use super::{Store, TableNames, retry};
use crate::model::Id;

/// The matching rows of the part of an index range that was read, in list order.
struct Section<R> {
    /// The rows with their positions.
    rows: Vec<(String, R)>,
    /// The position where reading stopped, if more rows may follow.
    read_to: Option<String>,
}

/// The tables that a list needs: the rows, their counterparts and the credits.
#[derive(Clone, Debug)]
pub struct ReadStore<R: Record> {
    pub(super) rows: Table<R>,
    pub(super) counterparts: Table<R::Counterpart>,
    pub(super) credits: Credits,
}

impl<R: Record> Store for ReadStore<R> {
    const TABLES: &'static [&'static str] = &[
        R::TABLE_VARIABLE,
        <R::Counterpart as Record>::TABLE_VARIABLE,
        CREDITS_TABLE,
    ];

    fn open(client: &Client, names: &TableNames) -> Self {
        Self {
            rows: Table::open(client, names),
            counterparts: Table::open(client, names),
            credits: Credits::new(client.clone(), names.get(CREDITS_TABLE)),
        }
    }
}

impl<R: Record> ReadStore<R> {
    /// Reads the row (strongly consistent). Costs 1 read unit.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub async fn get(&self, id: Id) -> Result<Versioned<R>, Error> {
        self.rows.get(id).await
    }

    /// Reads a page of a list. However large the table is, it makes a bounded number of calls. It
    /// reads at most 10 times the rows that the page may have, or 3,000 rows if that is more. A
    /// list by casting that is not in id order is the exception: it reads every row of the casting.
    ///
    /// # Errors
    /// [`Error::Contended`], [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub async fn find(&self, query: &ListQuery<R>) -> Result<Page<R>, Error> {
        if let Some(counterpart) = R::counterpart_in(&query.filter) {
            return self.find_by_casting(counterpart, query).await;
        }
        let walks = R::walks(query.order, &query.filter);
        if query.is_unfiltered()
            || query.order == R::default_order(&query.filter)
            || walks.iter().any(|walk| walk.exact)
        {
            return self.walk(walks, query.short_walk(), query).await;
        }
        let ranges_by_filter = R::ranges_by_filter(&query.filter);
        let gathered = ranges_by_filter
            .iter()
            .map(|ranges| self.gather(ranges, query.max_rows_read()));
        let walked = self.walk(walks, query.fixed_walk(), query);
        let (gathered, walked) = try_join(try_join_all(gathered), walked).await?;
        Ok(gathered
            .into_iter()
            .flatten()
            .next()
            .map_or(walked, |rows| query.page_of(rows)))
    }

    async fn find_by_casting(
        &self,
        counterpart: Id,
        query: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        retry::retry_on_conflict(|| self.try_find_by_casting(counterpart, query).boxed()).await
    }

    async fn try_find_by_casting(
        &self,
        counterpart: Id,
        query: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        let credits = self.credits.of::<R::Counterpart>(counterpart).await?;
        let mut ids: Vec<_> = credits.iter().map(|(id, _)| *id).collect();
        let read_to = query.cut_ids(&mut ids);
        // Read the counterpart after its credits: if it still exists, none of them has been swept.
        let rows = match try_join(self.counterparts.get(counterpart), self.rows.get_all(&ids)).await
        {
            Err(Error::Missing) => {
                return Ok(Page {
                    rows: Vec::new(),
                    next: None,
                });
            }
            found => found?.1,
        };
        if rows.len() < ids.len() {
            self.check_unchanged::<R::Counterpart>(counterpart, &credits)
                .await?;
        }
        let page = query.page_of(rows.into_values());
        Ok(Page {
            next: page.next.or(read_to.map(index::id_key)),
            ..page
        })
    }

    /// Reads the table or these index ranges in list order.
    async fn walk(
        &self,
        walks: Vec<Walk>,
        shard_rows: ShardRows,
        query: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        if walks.is_empty() {
            self.walk_table(query).await
        } else {
            self.walk_indexes(walks, shard_rows, query).await
        }
    }

    /// Reads the table in order of ids (strongly consistent if there is no filter).
    async fn walk_table(&self, query: &ListQuery<R>) -> Result<Page<R>, Error> {
        let all = query.is_unfiltered();
        let most = if all {
            usize::from(query.limit) + 1
        } else {
            query.max_rows_read()
        };
        let bounds = Bounds {
            limit: query.limit,
            after: query.after_id(),
            descending: query.descending,
            most,
            consistent: all,
        };
        let listing = self.rows.list(bounds, |row| query.admits(row)).await?;
        Ok(Page {
            rows: listing.rows,
            next: listing.next.map(index::id_key),
        })
    }

    /// Reads index ranges in list order until the page is full or it has read as many rows as it
    /// may. Rows that do not match make it read again, each time twice as many.
    async fn walk_indexes(
        &self,
        walks: Vec<Walk>,
        shard_rows: ShardRows,
        query: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        let ShardRows {
            first: mut count,
            most: mut left,
        } = shard_rows;
        let (mut rows, mut after) = (Vec::new(), query.after.clone());
        loop {
            count = count.min(left);
            left -= count;
            let rest = walks
                .iter()
                .filter_map(|walk| query.rest_of(walk.clone(), after.as_deref()));
            let reads = rest.map(|walk| self.read_walk(walk, count, after.as_deref(), query));
            let mut read_to = None;
            for section in try_join_all(reads).await? {
                rows.extend(section.rows);
                read_to = section.read_to;
                // The next section begins where this one ends.
                if read_to.is_some() {
                    break;
                }
            }
            if rows.len() > usize::from(query.limit) || read_to.is_none() || left == 0 {
                return Ok(query.cut(rows, read_to));
            }
            after = read_to;
            count *= 2;
        }
    }

    /// Reads the first rows of an index range after a position, `count` of each shard.
    async fn read_walk(
        &self,
        walk: Walk,
        count: usize,
        after: Option<&str>,
        query: &ListQuery<R>,
    ) -> Result<Section<R>, Error> {
        let Walk {
            range,
            position_prefix,
            ..
        } = walk;
        let reads =
            (0..SHARDS).map(|shard| self.rows.read_index(&range, shard, count, query.descending));
        let shards = try_join_all(reads).await?;
        // The rows of a shard are in the order of the walk's keys. The merged rows are complete
        // only up to the first position where a shard has more.
        let ends = shards
            .iter()
            .filter_map(|shard| Some(format!("{position_prefix}{}", shard.read_to.as_ref()?)));
        let read_to = if query.descending {
            ends.max()
        } else {
            ends.min()
        };
        let is_read = |position: &String| match &read_to {
            None => true,
            Some(end) if query.descending => position >= end,
            Some(end) => position <= end,
        };
        let rows = shards
            .into_iter()
            .flat_map(|shard| shard.rows)
            .map(|row| (query.position(&row), row));
        let mut rows: Vec<_> = rows
            // A row that matches in an earlier walk too is listed there.
            .filter(|(position, row)| {
                position.starts_with(position_prefix)
                    && is_read(position)
                    && query.is_after(position, after)
                    && query.admits(row)
            })
            .collect();
        query.sort(&mut rows);
        Ok(Section { rows, read_to })
    }

    /// Reads all rows of these index ranges. Returns `None` if a shard holds more than its share of
    /// `most`.
    async fn gather(&self, ranges: &[Range], most: usize) -> Result<Option<Vec<R>>, Error> {
        let each = most / (ranges.len() * SHARDS as usize);
        let reads = ranges
            .iter()
            .flat_map(|range| (0..SHARDS).map(move |shard| (range, shard)));
        let reads = reads.map(|(range, shard)| self.rows.read_index(range, shard, each, false));
        let shards = try_join_all(reads).await?;
        let all = shards.iter().all(|shard| shard.read_to.is_none());
        Ok(all.then(|| shards.into_iter().flat_map(|shard| shard.rows).collect()))
    }
}
