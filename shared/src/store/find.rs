//! Reads lists: which index serves a list, and one page after another.
//!
//! The order of a list does not depend on how it is read, and each page continues after the last
//! row that the previous page examined. So each page may use another strategy. A page uses the
//! first of these that applies:
//!
//! 1. **By credits**: reads the credits of the movie or actor that the filter names, then their
//!    rows. Strongly consistent.
//! 2. **Exact walk**: reads the table or an index in list order, where a range of it holds exactly
//!    the rows that match.
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
use super::list_query::{ListQuery, Page};
use super::precondition::Versioned;
use super::record::{Record, Walk};
use super::table::Table;
use super::{Store, TableNames, retry};
use crate::model::Id;

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
    /// reads at most 10 times the rows that the page may have, or 3,000 rows if that is more.
    ///
    /// # Errors
    /// [`Error::Contended`], [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub async fn find(&self, query: &ListQuery<R>) -> Result<Page<R>, Error> {
        if let Some(counterpart) = R::counterpart_in(&query.filter) {
            return self.find_by_casting(counterpart, query).await;
        }
        if query.is_unfiltered()
            || R::walk(query.order, &query.filter).is_some_and(|walk| walk.exact)
        {
            return self.walk(query).await;
        }
        let gatherings = R::gatherings(&query.filter);
        let gatherings: Vec<_> = gatherings
            .iter()
            .map(|ranges| self.gather(ranges, query.max_rows_read()))
            .collect();
        let (gathered, walked) = try_join(try_join_all(gatherings), self.walk(query)).await?;
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

    async fn walk(&self, query: &ListQuery<R>) -> Result<Page<R>, Error> {
        match R::walk(query.order, &query.filter) {
            Some(walk) => self.walk_index(walk, query).await,
            None => self.walk_table(query).await,
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

    /// Reads an index range in list order.
    async fn walk_index(
        &self,
        Walk { range, exact }: Walk,
        query: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        let most = if exact {
            usize::from(query.limit) + 2
        } else {
            query.max_rows_read().div_ceil(SHARDS as usize)
        };
        let range = query.rest_of(range);
        let reads =
            (0..SHARDS).map(|shard| self.rows.read_index(&range, shard, most, query.descending));
        let shards = try_join_all(reads).await?;
        // The merged rows are complete only up to the first position where a shard has more.
        let ends = shards
            .iter()
            .filter(|shard| shard.more)
            .filter_map(|shard| shard.rows.last());
        let ends = ends.map(|row| row.place(query.order));
        let read_to = if query.descending {
            ends.max()
        } else {
            ends.min()
        };
        let known = |place: &String| match &read_to {
            None => true,
            Some(end) if query.descending => place >= end,
            Some(end) => place <= end,
        };
        let rows = shards
            .into_iter()
            .flat_map(|shard| shard.rows)
            .map(|row| (row.place(query.order), row));
        let mut rows: Vec<_> = rows
            .filter(|(place, row)| known(place) && query.is_after(place) && query.admits(row))
            .collect();
        query.sort(&mut rows);
        Ok(query.cut(rows, read_to))
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
        let all = !shards.iter().any(|shard| shard.more);
        Ok(all.then(|| shards.into_iter().flat_map(|shard| shard.rows).collect()))
    }
}
