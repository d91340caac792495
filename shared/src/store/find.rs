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

use std::cmp::Reverse;
use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all};

use super::credits::{CREDITS_TABLE, Credited, Credits};
use super::error::Error;
use super::index::{self, Range, SHARDS};
use super::precondition::Versioned;
use super::record::{Record, text};
use super::table::{Bounds, MAX_CONCURRENT_CALLS, Table};
use super::{Store, TableNames, retry};
use crate::model::{
    Actor, ActorFilter, ActorOrder, Age, Credit, Id, Movie, MovieFilter, MovieOrder, Order,
    ReadableId, ReleaseDate, folded,
};
use crate::permission::MayRead;

/// Each strategy may read at least this many rows, however small the page is.
const MIN_ROWS_READ: usize = 1000;
/// How many rows each strategy may read for each row that the page may have. At most three run: two
/// gathers and a walk.
const ROWS_READ_PER_ROW: usize = 3;
/// The most credits of a page that includes credits and has more than one row.
pub const MAX_PAGE_CREDITS: usize = 1000;

/// A kind of row that can be listed.
pub trait Listed: Record + Credited<Counterpart: Record> {
    /// The filters of a list.
    type Filter: Clone + Default + PartialEq + std::fmt::Debug + Send + Sync;
    /// The orders of a list.
    type Order: Order;

    /// Whether the row matches the filter, apart from its credits.
    fn is_admitted(&self, filter: &Self::Filter) -> bool;
    /// The counterpart that the filter names: only rows that have a credit with it match.
    fn casting(filter: &Self::Filter) -> Option<Id>;
    /// The row's position in this order, as text whose byte order is the list's order.
    fn place(&self, order: Self::Order) -> String;
    /// The id at this position, if the order is by id.
    fn id_at(order: Self::Order, place: &str) -> Option<Id>;
    /// The index range that is in this order and holds every matching row, and whether it holds
    /// only matching rows. `None` for the order by id.
    fn walk(order: Self::Order, filter: &Self::Filter) -> Option<(Range, bool)>;
    /// For each filter that an index serves, the most selective first: the index ranges that
    /// together hold every row that matches this filter.
    fn gatherings(filter: &Self::Filter) -> Vec<Vec<Range>>;
}

/// A request for one page of a list.
#[derive(Debug)]
pub struct ListQuery<R: Listed> {
    /// Which rows match.
    pub filter: R::Filter,
    /// The order of the rows.
    pub order: R::Order,
    /// Whether the order is reversed.
    pub descending: bool,
    /// The [position](Listed::place) after which the page begins.
    pub after: Option<String>,
    /// The most rows of the page, 1 to 1000.
    pub limit: u16,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows. There may be fewer than the limit, even if more follow.
    pub rows: Vec<R>,
    /// The position after which the next page begins, if more rows may follow.
    pub next: Option<String>,
}

/// The tables that a list needs: the rows, their counterparts and the credits.
#[derive(Clone, Debug)]
pub struct ReadStore<R: Listed> {
    rows: Table<R>,
    counterparts: Table<R::Counterpart>,
    credits: Credits,
}

/// A row with its credits: each counterpart, and the credit that connects the two. All of the
/// counterparts exist.
pub type WithCredits<R> = (R, Vec<(<R as Credited>::Counterpart, Credit)>);

impl<R: Listed> Store for ReadStore<R> {
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

impl<R: Listed> ListQuery<R> {
    fn is_by_id(&self) -> bool {
        R::Order::NAMES
            .first()
            .is_some_and(|(_, order)| *order == self.order)
    }

    fn admits(&self, row: &R) -> bool {
        row.is_admitted(&self.filter)
    }

    /// The most rows that one strategy may read.
    fn look(&self) -> usize {
        MIN_ROWS_READ.max(ROWS_READ_PER_ROW * usize::from(self.limit))
    }

    fn is_after(&self, place: &str) -> bool {
        match &self.after {
            None => true,
            Some(after) if self.descending => place < after.as_str(),
            Some(after) => place > after.as_str(),
        }
    }

    /// Makes the page from all rows that may match, given in any order.
    fn page_of(&self, rows: impl IntoIterator<Item = R>) -> Page<R> {
        let admitted = rows
            .into_iter()
            .filter(|row| self.admits(row))
            .map(|row| (row.place(self.order), row));
        let mut rows: Vec<_> = admitted.filter(|(place, _)| self.is_after(place)).collect();
        self.sort(&mut rows);
        // Two of the ranges may hold the same row.
        rows.dedup_by(|one, other| one.0 == other.0);
        self.cut(rows, None)
    }

    fn sort(&self, rows: &mut [(String, R)]) {
        if self.descending {
            rows.sort_by(|one, other| Reverse(&one.0).cmp(&Reverse(&other.0)));
        } else {
            rows.sort_by(|one, other| one.0.cmp(&other.0));
        }
    }

    /// Cuts the rows to the page's limit. `looked_to` is the position where reading stopped, if
    /// more rows may follow.
    fn cut(&self, mut rows: Vec<(String, R)>, looked_to: Option<String>) -> Page<R> {
        let limit = usize::from(self.limit);
        let next = if rows.len() > limit {
            Some(rows[limit - 1].0.clone())
        } else {
            looked_to
        };
        rows.truncate(limit);
        Page {
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            next,
        }
    }
}

impl<R: Listed> ReadStore<R> {
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
    pub async fn find(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        if let Some(counterpart) = R::casting(&wanted.filter) {
            return self.find_by_casting(counterpart, wanted).await;
        }
        if wanted.filter == R::Filter::default()
            || R::walk(wanted.order, &wanted.filter).is_some_and(|(_, just)| just)
        {
            return self.walk(wanted).await;
        }
        let gatherings = R::gatherings(&wanted.filter);
        let gatherings: Vec<_> = gatherings
            .iter()
            .map(|ranges| self.gather(ranges, wanted.look()))
            .collect();
        let (gathered, walked) = try_join(try_join_all(gatherings), self.walk(wanted)).await?;
        Ok(gathered
            .into_iter()
            .flatten()
            .next()
            .map_or(walked, |rows| wanted.page_of(rows)))
    }

    async fn find_by_casting(
        &self,
        counterpart: Id,
        wanted: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        retry::retry_on_conflict(|| self.try_find_by_casting(counterpart, wanted).boxed()).await
    }

    async fn try_find_by_casting(
        &self,
        counterpart: Id,
        wanted: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        let credits = self.credits.of::<R::Counterpart>(counterpart).await?;
        let mut ids: Vec<_> = credits.iter().map(|(id, _)| *id).collect();
        if let Some(after) = wanted
            .after
            .as_ref()
            .and_then(|after| R::id_at(wanted.order, after))
        {
            ids.retain(|id| {
                if wanted.descending {
                    *id < after
                } else {
                    *id > after
                }
            });
        }
        let looked_to = if wanted.is_by_id() {
            first_of(&mut ids, wanted)
        } else {
            None
        };
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
        let page = wanted.page_of(rows.into_values());
        Ok(Page {
            next: page.next.or(looked_to.map(index::id_key)),
            ..page
        })
    }

    /// Checks that the row's credits are still those that were read. Call it when some of their
    /// counterparts are missing.
    ///
    /// The credits may have been replaced after they were read and before the counterparts were
    /// deleted. Without the missing ones, the rest would be a cast that the movie never had.
    ///
    /// # Errors
    /// [`Error::Contended`] if the credits have changed.
    async fn check_unchanged<C: Credited>(
        &self,
        id: Id,
        credits: &[(Id, Credit)],
    ) -> Result<(), Error> {
        if self.credits.of::<C>(id).await? == credits {
            Ok(())
        } else {
            Err(Error::Contended { call: "Query" })
        }
    }

    async fn walk(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        match R::walk(wanted.order, &wanted.filter) {
            Some((range, just)) => self.walk_index(range, just, wanted).await,
            None => self.walk_table(wanted).await,
        }
    }

    /// Reads the table in order of ids (strongly consistent if there is no filter).
    async fn walk_table(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        let all = wanted.filter == R::Filter::default();
        let most = if all {
            usize::from(wanted.limit) + 1
        } else {
            wanted.look()
        };
        let after = wanted
            .after
            .as_ref()
            .and_then(|after| R::id_at(wanted.order, after));
        let bounds = Bounds {
            limit: wanted.limit,
            after,
            descending: wanted.descending,
            most,
            consistent: all,
        };
        let listing = self.rows.list(bounds, |row| wanted.admits(row)).await?;
        Ok(Page {
            rows: listing.rows,
            next: listing.next.map(index::id_key),
        })
    }

    /// Reads an index range in list order. `just` means that every row in the range matches.
    async fn walk_index(
        &self,
        range: Range,
        just: bool,
        wanted: &ListQuery<R>,
    ) -> Result<Page<R>, Error> {
        let most = if just {
            usize::from(wanted.limit) + 2
        } else {
            wanted.look().div_ceil(SHARDS as usize)
        };
        let range = rest_of(range, wanted);
        let reads =
            (0..SHARDS).map(|shard| self.rows.read_index(&range, shard, most, wanted.descending));
        let shards = try_join_all(reads).await?;
        // The merged rows are complete only up to the first position where a shard has more.
        let ends = shards
            .iter()
            .filter(|shard| shard.more)
            .filter_map(|shard| shard.rows.last());
        let ends = ends.map(|row| row.place(wanted.order));
        let looked_to = if wanted.descending {
            ends.max()
        } else {
            ends.min()
        };
        let known = |place: &String| match &looked_to {
            None => true,
            Some(end) if wanted.descending => place >= end,
            Some(end) => place <= end,
        };
        let rows = shards
            .into_iter()
            .flat_map(|shard| shard.rows)
            .map(|row| (row.place(wanted.order), row));
        let mut rows: Vec<_> = rows
            .filter(|(place, row)| known(place) && wanted.is_after(place) && wanted.admits(row))
            .collect();
        wanted.sort(&mut rows);
        Ok(wanted.cut(rows, looked_to))
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

    /// Like [`Self::get`], with the row's credits whose counterparts exist. Costs 2 read units, 1
    /// for each 4 KiB of credits, and 1 a counterpart.
    ///
    /// # Errors
    /// [`Error::Contended`], or as [`Table::get`].
    pub async fn get_with_credits(
        &self,
        id: Id,
        _proof: MayRead<R::Counterpart>,
    ) -> Result<Versioned<WithCredits<R>>, Error> {
        retry::retry_on_conflict(|| self.try_get_with_credits(id).boxed()).await
    }

    /// Reads the row before its credits and again after them. If the version is the same, nobody
    /// has changed the credits, so version and cast belong together. If the row still exists, none
    /// of them has been swept.
    async fn try_get_with_credits(&self, id: Id) -> Result<Versioned<WithCredits<R>>, Error> {
        let before = self.rows.get(id).await?;
        let credits = self.credits.of::<R>(id).await?;
        let (counterparts, after) =
            try_join(self.counterparts_of(credits.iter()), self.rows.get(id)).await?;
        let Versioned { row, version } = after;
        if version != before.version {
            return Err(Error::Contended { call: "Query" });
        }
        if !are_known(&credits, &counterparts) {
            self.check_unchanged::<R>(id, &credits).await?;
        }
        Ok(Versioned {
            row: (row, known(credits, &counterparts)),
            version,
        })
    }

    /// Like [`Self::find`], each row with its credits whose counterparts exist. A page that would
    /// have more than [`MAX_PAGE_CREDITS`] ends early, but not before its first row.
    /// Costs as [`Self::find`], and 1 read unit for each 4 KiB of credits, 1 a row and 1 a
    /// counterpart; if a row's counterparts are missing, its credits are read twice.
    ///
    /// # Errors
    /// [`Error::Contended`], or as [`Self::find`].
    pub async fn find_with_credits(
        &self,
        wanted: &ListQuery<R>,
        _proof: MayRead<R::Counterpart>,
    ) -> Result<Page<WithCredits<R>>, Error> {
        retry::retry_on_conflict(|| self.try_find_with_credits(wanted).boxed()).await
    }

    async fn try_find_with_credits(
        &self,
        wanted: &ListQuery<R>,
    ) -> Result<Page<WithCredits<R>>, Error> {
        let Page {
            rows: found,
            mut next,
        } = self.find(wanted).await?;
        let ids: Vec<_> = found.iter().map(R::id).collect();
        let credits = self.first_credits(&ids).await?;
        if let Some(last) = credits
            .len()
            .checked_sub(1)
            .filter(|_| credits.len() < ids.len())
        {
            next = Some(found[last].place(wanted.order));
        }
        // Read the rows after their credits: if a row still exists, none of its credits has been
        // swept.
        let counterparts = self.counterparts_of(credits.iter().flatten());
        let (counterparts, mut rows) =
            try_join(counterparts, self.rows.get_all(&ids[..credits.len()])).await?;
        let incomplete: Vec<_> = ids
            .iter()
            .zip(&credits)
            .filter(|(_, credits)| !are_known(credits, &counterparts))
            .collect();
        for some in incomplete.chunks(MAX_CONCURRENT_CALLS) {
            let checks = some
                .iter()
                .map(|(id, credits)| self.check_unchanged::<R>(**id, credits));
            try_join_all(checks).await?;
        }
        let rows = ids
            .iter()
            .zip(credits)
            .filter_map(|(id, credits)| Some((rows.remove(id)?, known(credits, &counterparts))));
        Ok(Page {
            rows: rows.filter(|(row, _)| wanted.admits(row)).collect(),
            next,
        })
    }

    /// Reads the credits of the first of these rows: of as many as have at most
    /// [`MAX_PAGE_CREDITS`] together, and of at least one.
    async fn first_credits(&self, ids: &[Id]) -> Result<Vec<Vec<(Id, Credit)>>, Error> {
        let (mut credits, mut count) = (Vec::new(), 0);
        for some in ids.chunks(MAX_CONCURRENT_CALLS) {
            for of_one in try_join_all(some.iter().map(|id| self.credits.of::<R>(*id))).await? {
                count += of_one.len();
                if count > MAX_PAGE_CREDITS && !credits.is_empty() {
                    return Ok(credits);
                }
                credits.push(of_one);
            }
        }
        Ok(credits)
    }

    async fn counterparts_of(
        &self,
        credits: impl Iterator<Item = &(Id, Credit)>,
    ) -> Result<HashMap<Id, R::Counterpart>, Error> {
        let mut ids: Vec<_> = credits.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        self.counterparts.get_all(&ids).await
    }
}

/// Whether the counterpart of every credit is in `counterparts`.
fn are_known<C>(credits: &[(Id, Credit)], counterparts: &HashMap<Id, C>) -> bool {
    credits.iter().all(|(id, _)| counterparts.contains_key(id))
}

/// Pairs each credit with its counterpart, and drops those whose counterpart is missing.
fn known<C: Clone>(credits: Vec<(Id, Credit)>, counterparts: &HashMap<Id, C>) -> Vec<(C, Credit)> {
    credits
        .into_iter()
        .filter_map(|(id, credit)| Some((counterparts.get(&id)?.clone(), credit)))
        .collect()
}

/// Keeps the first ids in list order, as many as may be read. Returns the last of them if it drops
/// any.
fn first_of<R: Listed>(ids: &mut Vec<Id>, wanted: &ListQuery<R>) -> Option<Id> {
    if wanted.descending {
        ids.reverse();
    }
    let cut = ids.len() > wanted.look();
    ids.truncate(wanted.look());
    ids.last().copied().filter(|_| cut)
}

/// The part of the range after the end of the previous page.
fn rest_of<R: Listed>(range: Range, wanted: &ListQuery<R>) -> Range {
    match wanted.after.clone() {
        None => range,
        Some(after) if wanted.descending => Range {
            high: after.min(range.high),
            ..range
        },
        Some(after) => Range {
            low: after.max(range.low),
            ..range
        },
    }
}

/// Rows of one shard of an index.
struct Shard<R> {
    rows: Vec<R>,
    /// Whether the shard has more rows in the range.
    more: bool,
}

impl<R: Listed> Table<R> {
    /// Reads the first rows of a range in one shard, at most `most` + 1 of them. Eventually
    /// consistent: a row that was just written may be missing. Costs half a read unit for each 4
    /// KiB.
    async fn read_index(
        &self,
        range: &Range,
        shard: u64,
        most: usize,
        descending: bool,
    ) -> Result<Shard<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        // DynamoDB rejects a range whose low end is above its high end.
        if range.low > range.high {
            return Ok(Shard { rows, more: false });
        }
        loop {
            let query = self
                .client
                .query()
                .table_name(self.name())
                .index_name(range.index.name)
                .scan_index_forward(!descending)
                .key_condition_expression(
                    "#partition = :partition AND #sort BETWEEN :low AND :high",
                )
                .expression_attribute_names("#partition", range.index.partition)
                .expression_attribute_names("#sort", range.index.sort)
                .expression_attribute_values(
                    ":partition",
                    text(&index::partition(shard, range.scope.as_deref())),
                )
                .expression_attribute_values(":low", text(&range.low))
                .expression_attribute_values(":high", text(&range.high))
                .limit(i32::try_from(most + 1 - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() || rows.len() > most {
                return Ok(Shard {
                    more: start.is_some(),
                    rows,
                });
            }
        }
    }
}

impl Listed for Actor {
    type Filter = ActorFilter;
    type Order = ActorOrder;

    fn is_admitted(&self, filter: &ActorFilter) -> bool {
        filter.admits(self)
    }

    fn casting(filter: &ActorFilter) -> Option<Id> {
        filter.movie.as_ref().map(ReadableId::id)
    }

    fn place(&self, order: ActorOrder) -> String {
        match order {
            ActorOrder::Id => index::id_key(self.id),
            ActorOrder::Name => index::text_key(&folded(self.name.as_str()), self.id),
            ActorOrder::Age => index::age_key(self.age, self.id),
        }
    }

    fn id_at(order: ActorOrder, place: &str) -> Option<Id> {
        if order == ActorOrder::Id {
            place.parse().ok().and_then(Id::new)
        } else {
            None
        }
    }

    fn walk(order: ActorOrder, filter: &ActorFilter) -> Option<(Range, bool)> {
        let only = |covered: &ActorFilter| {
            ActorFilter {
                movie: None,
                ..filter.clone()
            } == *covered
        };
        match order {
            ActorOrder::Id => None,
            ActorOrder::Name => Some((Range::all(index::BY_NAME), only(&ActorFilter::default()))),
            ActorOrder::Age => Some((
                by_age(filter),
                only(&ActorFilter {
                    name: None,
                    ..filter.clone()
                }),
            )),
        }
    }

    fn gatherings(filter: &ActorFilter) -> Vec<Vec<Range>> {
        let name = filter.name.as_ref().map(|name| {
            vec![
                Range::beginning(index::BY_NAME, name),
                Range::beginning(index::BY_LAST_WORD, name),
            ]
        });
        let aged = filter.gender.is_some() || filter.min_age.is_some() || filter.max_age.is_some();
        name.into_iter()
            .chain(aged.then(|| vec![by_age(filter)]))
            .collect()
    }
}

/// The index range of the filter's ages, and of its gender if it has one.
fn by_age(filter: &ActorFilter) -> Range {
    let value = |age: Option<Age>| age.map(index::age_value);
    let range = |index| Range::between(index, value(filter.min_age), value(filter.max_age));
    match &filter.gender {
        Some(gender) => range(index::BY_GENDER).of(gender),
        None => range(index::BY_AGE),
    }
}

impl Listed for Movie {
    type Filter = MovieFilter;
    type Order = MovieOrder;

    fn is_admitted(&self, filter: &MovieFilter) -> bool {
        filter.admits(self)
    }

    fn casting(filter: &MovieFilter) -> Option<Id> {
        filter.actor.as_ref().map(ReadableId::id)
    }

    fn place(&self, order: MovieOrder) -> String {
        match order {
            MovieOrder::Id => index::id_key(self.id),
            MovieOrder::Title => index::text_key(&folded(self.title.as_str()), self.id),
            MovieOrder::ReleaseDate => index::release_key(self.release_date, self.id),
        }
    }

    fn id_at(order: MovieOrder, place: &str) -> Option<Id> {
        if order == MovieOrder::Id {
            place.parse().ok().and_then(Id::new)
        } else {
            None
        }
    }

    fn walk(order: MovieOrder, filter: &MovieFilter) -> Option<(Range, bool)> {
        match order {
            MovieOrder::Id => None,
            MovieOrder::Title => Some((
                Range::all(index::BY_TITLE),
                *filter == MovieFilter::default(),
            )),
            MovieOrder::ReleaseDate => Some((by_release(filter), filter.title.is_none())),
        }
    }

    fn gatherings(filter: &MovieFilter) -> Vec<Vec<Range>> {
        let title = filter.title.as_ref().map(|title| {
            vec![
                Range::beginning(index::BY_TITLE, title),
                Range::beginning(index::BY_BARE_TITLE, title),
            ]
        });
        let dated = filter.released_from.is_some() || filter.released_to.is_some();
        title
            .into_iter()
            .chain(dated.then(|| vec![by_release(filter)]))
            .collect()
    }
}

/// The index range of the filter's release dates.
fn by_release(filter: &MovieFilter) -> Range {
    let value = |date: Option<ReleaseDate>| date.map(index::release_value);
    Range::between(
        index::BY_RELEASE,
        value(filter.released_from),
        value(filter.released_to),
    )
}
