//! Finding rows: which index a list is read by, and page after page of it.
//!
//! The order of a list never depends on how it is found, and a page goes on from the last row that the page before it looked at; so the way may
//! change from page to page. A list is found in the first of these ways that applies:
//!
//! 1. **By casting**: the credits of the movie or actor that is named, then their rows. Strongly consistent.
//! 2. **Along its order**, where the part of the table or index that is in this order holds just what is asked for.
//! 3. **Gathered**: everything that an index has for one of the filters, if that is little enough; then sorted.
//! 4. **Along its order**, passing over what is not asked for.
//!
//! Whether 3 will do shows only once it is done; so 4 is under way at the same time, and the number of calls does not depend on
//! how many rows are asked for.

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
    Actor, ActorFilter, ActorOrder, Age, Credit, Id, Movie, MovieFilter, MovieOrder, Order, ReadableId, ReleaseDate,
    folded,
};
use crate::permission::MayRead;

/// The least number of rows that each way of finding a page may look at, however small the page is.
const MIN_ROWS_READ: usize = 1000;
/// How many rows, for each that the page may have, each way may look at. There are three at most: two gatherings and a walk.
const ROWS_READ_PER_ROW: usize = 3;
/// The most credits of a page with credits, where it has more than one row.
pub const MAX_PAGE_CREDITS: usize = 1000;

/// A kind of row that can be found.
pub trait Listed: Record + Credited<Counterpart: Record> {
    /// What a list can be narrowed to.
    type Filter: Clone + Default + PartialEq + std::fmt::Debug + Send + Sync;
    /// What it can be sorted by.
    type Order: Order;

    /// Whether the row is one that is asked for, but for its casting.
    fn is_admitted(&self, filter: &Self::Filter) -> bool;
    /// The counterpart whose credits are asked for.
    fn casting(filter: &Self::Filter) -> Option<Id>;
    /// Where the row comes in this order, as text whose bytes compare so.
    fn place(&self, order: Self::Order) -> String;
    /// The id, where the order is that of ids, at this place.
    fn id_at(order: Self::Order, place: &str) -> Option<Id>;
    /// The part of an index that is in this order and misses nothing that is asked for, and whether it is just that. None for the order of ids.
    fn walk(order: Self::Order, filter: &Self::Filter) -> Option<(Range, bool)>;
    /// For each filter that an index knows, the most selective first: the parts of indexes that together have all that it asks for.
    fn gatherings(filter: &Self::Filter) -> Vec<Vec<Range>>;
}

/// A list that is asked for.
#[derive(Debug)]
pub struct ListQuery<R: Listed> {
    /// Which rows.
    pub filter: R::Filter,
    /// In which order.
    pub order: R::Order,
    /// In reverse.
    pub descending: bool,
    /// After which [place](Listed::place).
    pub after: Option<String>,
    /// The most rows of the page, 1 to 1000.
    pub limit: u16,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows, which may be fewer than the page could have.
    pub rows: Vec<R>,
    /// The place after which the next page begins, if more may follow.
    pub next: Option<String>,
}

/// The rows of one kind, with all that is needed to find them.
#[derive(Clone, Debug)]
pub struct ReadStore<R: Listed> {
    rows: Table<R>,
    counterparts: Table<R::Counterpart>,
    credits: Credits,
}

/// A row with its credits: each counterpart, and how the two are cast. None of them is gone.
pub type WithCredits<R> = (R, Vec<(<R as Credited>::Counterpart, Credit)>);

impl<R: Listed> Store for ReadStore<R> {
    const TABLES: &'static [&'static str] =
        &[R::TABLE_VARIABLE, <R::Counterpart as Record>::TABLE_VARIABLE, CREDITS_TABLE];

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
        R::Order::NAMES.first().is_some_and(|(_, order)| *order == self.order)
    }

    fn admits(&self, row: &R) -> bool {
        row.is_admitted(&self.filter)
    }

    /// The most rows that one way of finding the page may look at.
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

    /// The page out of all the rows that there are, in any order.
    fn page_of(&self, rows: impl IntoIterator<Item = R>) -> Page<R> {
        let admitted = rows.into_iter().filter(|row| self.admits(row)).map(|row| (row.place(self.order), row));
        let mut rows: Vec<_> = admitted.filter(|(place, _)| self.is_after(place)).collect();
        self.sort(&mut rows);
        // An index that is read in two parts may give a row twice.
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

    /// The first rows of those found; `looked_to` is the place where looking ended, if more may follow there.
    fn cut(&self, mut rows: Vec<(String, R)>, looked_to: Option<String>) -> Page<R> {
        let limit = usize::from(self.limit);
        let next = if rows.len() > limit { Some(rows[limit - 1].0.clone()) } else { looked_to };
        rows.truncate(limit);
        Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next }
    }
}

impl<R: Listed> ReadStore<R> {
    /// The row as it is now (strongly consistent). Costs 1 read unit.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub async fn get(&self, id: Id) -> Result<Versioned<R>, Error> {
        self.rows.get(id).await
    }

    /// A page of a list. However large the table is, it makes a bounded number of calls and looks at no more than 10 times the rows that the page may have, or
    /// 3,000 where that is more.
    ///
    /// # Errors
    /// [`Error::Contended`], [`Error::Unavailable`], [`Error::Failed`] or [`Error::Malformed`].
    pub async fn find(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        if let Some(counterpart) = R::casting(&wanted.filter) {
            return self.find_by_casting(counterpart, wanted).await;
        }
        if wanted.filter == R::Filter::default() || R::walk(wanted.order, &wanted.filter).is_some_and(|(_, just)| just)
        {
            return self.walk(wanted).await;
        }
        let gatherings = R::gatherings(&wanted.filter);
        let gatherings: Vec<_> = gatherings.iter().map(|ranges| self.gather(ranges, wanted.look())).collect();
        let (gathered, walked) = try_join(try_join_all(gatherings), self.walk(wanted)).await?;
        Ok(gathered.into_iter().flatten().next().map_or(walked, |rows| wanted.page_of(rows)))
    }

    async fn find_by_casting(&self, counterpart: Id, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        retry::retry_on_conflict(|| self.try_find_by_casting(counterpart, wanted).boxed()).await
    }

    async fn try_find_by_casting(&self, counterpart: Id, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        let credits = self.credits.of::<R::Counterpart>(counterpart).await?;
        let mut ids: Vec<_> = credits.iter().map(|(id, _)| *id).collect();
        if let Some(after) = wanted.after.as_ref().and_then(|after| R::id_at(wanted.order, after)) {
            ids.retain(|id| if wanted.descending { *id < after } else { *id > after });
        }
        let looked_to = if wanted.is_by_id() { first_of(&mut ids, wanted) } else { None };
        // PageBuilder at after its credits: while it is there, none of them has been swept away.
        let rows = match try_join(self.counterparts.get(counterpart), self.rows.get_all(&ids)).await {
            Err(Error::Missing) => return Ok(Page { rows: Vec::new(), next: None }),
            found => found?.1,
        };
        if rows.len() < ids.len() {
            self.check_unchanged::<R::Counterpart>(counterpart, &credits).await?;
        }
        let page = wanted.page_of(rows.into_values());
        Ok(Page { next: page.next.or(looked_to.map(index::id_key)), ..page })
    }

    /// Checks that a row has the credits that were read, of which some counterparts are gone.
    ///
    /// The credits may have been replaced after they were read and before their counterparts were deleted. Without those
    /// that are gone they would be a cast that the movie never had.
    ///
    /// # Errors
    /// [`Error::Contended`] where the credits have changed.
    async fn check_unchanged<C: Credited>(&self, id: Id, credits: &[(Id, Credit)]) -> Result<(), Error> {
        if self.credits.of::<C>(id).await? == credits { Ok(()) } else { Err(Error::Contended { call: "Query" }) }
    }

    async fn walk(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        match R::walk(wanted.order, &wanted.filter) {
            Some((range, just)) => self.walk_index(range, just, wanted).await,
            None => self.walk_table(wanted).await,
        }
    }

    /// Goes along the ids of the table itself (strongly consistent where it gives them all).
    async fn walk_table(&self, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        let all = wanted.filter == R::Filter::default();
        let most = if all { usize::from(wanted.limit) + 1 } else { wanted.look() };
        let after = wanted.after.as_ref().and_then(|after| R::id_at(wanted.order, after));
        let bounds = Bounds { limit: wanted.limit, after, descending: wanted.descending, most, consistent: all };
        let listing = self.rows.list(bounds, |row| wanted.admits(row)).await?;
        Ok(Page { rows: listing.rows, next: listing.next.map(index::id_key) })
    }

    /// Goes along an index that is in the list's order. `just` tells that all of it is asked for.
    async fn walk_index(&self, range: Range, just: bool, wanted: &ListQuery<R>) -> Result<Page<R>, Error> {
        let most = if just { usize::from(wanted.limit) + 2 } else { wanted.look().div_ceil(SHARDS as usize) };
        let range = rest_of(range, wanted);
        let reads = (0..SHARDS).map(|shard| self.rows.read_index(&range, shard, most, wanted.descending));
        let shards = try_join_all(reads).await?;
        // Rows are known in full up to the nearest place where a shard has more.
        let ends = shards.iter().filter(|shard| shard.more).filter_map(|shard| shard.rows.last());
        let ends = ends.map(|row| row.place(wanted.order));
        let looked_to = if wanted.descending { ends.max() } else { ends.min() };
        let known = |place: &String| match &looked_to {
            None => true,
            Some(end) if wanted.descending => place >= end,
            Some(end) => place <= end,
        };
        let rows = shards.into_iter().flat_map(|shard| shard.rows).map(|row| (row.place(wanted.order), row));
        let mut rows: Vec<_> =
            rows.filter(|(place, row)| known(place) && wanted.is_after(place) && wanted.admits(row)).collect();
        wanted.sort(&mut rows);
        Ok(wanted.cut(rows, looked_to))
    }

    /// All that these parts of indexes have, if it is `most` rows or fewer.
    async fn gather(&self, ranges: &[Range], most: usize) -> Result<Option<Vec<R>>, Error> {
        let each = most / (ranges.len() * SHARDS as usize);
        let reads = ranges.iter().flat_map(|range| (0..SHARDS).map(move |shard| (range, shard)));
        let reads = reads.map(|(range, shard)| self.rows.read_index(range, shard, each, false));
        let shards = try_join_all(reads).await?;
        let all = !shards.iter().any(|shard| shard.more);
        Ok(all.then(|| shards.into_iter().flat_map(|shard| shard.rows).collect()))
    }

    /// As [`Self::get`], with the row's credits whose counterparts exist. Costs 2 read units, 1 for each 4 KiB of credits, and 1 a counterpart.
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

    /// The row is looked at before its credits and after them: while its version stays the same nobody has changed them, so that version and cast belong
    /// together; and while it is there, none of them has been swept away.
    async fn try_get_with_credits(&self, id: Id) -> Result<Versioned<WithCredits<R>>, Error> {
        let before = self.rows.get(id).await?;
        let credits = self.credits.of::<R>(id).await?;
        let (counterparts, after) = try_join(self.counterparts_of(credits.iter()), self.rows.get(id)).await?;
        let Versioned { row, version } = after;
        if version != before.version {
            return Err(Error::Contended { call: "Query" });
        }
        if !are_known(&credits, &counterparts) {
            self.check_unchanged::<R>(id, &credits).await?;
        }
        Ok(Versioned { row: (row, known(credits, &counterparts)), version })
    }

    /// As [`Self::find`], each row with its credits whose counterparts exist. The page ends early, but not before its first row, where it would have more than [`MAX_PAGE_CREDITS`].
    /// Costs 1 read unit for each 4 KiB of credits, 1 a row and 1 a counterpart, more; and where counterparts are gone the credits once more.
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

    async fn try_find_with_credits(&self, wanted: &ListQuery<R>) -> Result<Page<WithCredits<R>>, Error> {
        let Page { rows: found, mut next } = self.find(wanted).await?;
        let ids: Vec<_> = found.iter().map(R::id).collect();
        let credits = self.first_credits(&ids).await?;
        if let Some(last) = credits.len().checked_sub(1).filter(|_| credits.len() < ids.len()) {
            next = Some(found[last].place(wanted.order));
        }
        // PageBuilder at after their credits: of a row that is there still, none has been swept away.
        let counterparts = self.counterparts_of(credits.iter().flatten());
        let (counterparts, mut rows) = try_join(counterparts, self.rows.get_all(&ids[..credits.len()])).await?;
        let incomplete = ids.iter().zip(&credits).filter(|(_, credits)| !are_known(credits, &counterparts));
        for (id, credits) in incomplete {
            self.check_unchanged::<R>(*id, credits).await?;
        }
        let rows =
            ids.iter().zip(credits).filter_map(|(id, credits)| Some((rows.remove(id)?, known(credits, &counterparts))));
        Ok(Page { rows: rows.filter(|(row, _)| wanted.admits(row)).collect(), next })
    }

    /// The credits of as many of these rows, the first of them, as have no more than [`MAX_PAGE_CREDITS`] together; of one row at least.
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

/// Whether the counterpart of every credit is among these.
fn are_known<C>(credits: &[(Id, Credit)], counterparts: &HashMap<Id, C>) -> bool {
    credits.iter().all(|(id, _)| counterparts.contains_key(id))
}

/// The credits whose counterparts are among these, with them.
fn known<C: Clone>(credits: Vec<(Id, Credit)>, counterparts: &HashMap<Id, C>) -> Vec<(C, Credit)> {
    credits.into_iter().filter_map(|(id, credit)| Some((counterparts.get(&id)?.clone(), credit))).collect()
}

/// Leaves as many ids, the first in order, as may be looked at; gives the last of them if that is not all.
fn first_of<R: Listed>(ids: &mut Vec<Id>, wanted: &ListQuery<R>) -> Option<Id> {
    if wanted.descending {
        ids.reverse();
    }
    let cut = ids.len() > wanted.look();
    ids.truncate(wanted.look());
    ids.last().copied().filter(|_| cut)
}

/// The part of the range that comes after the place where the last page ended.
fn rest_of<R: Listed>(range: Range, wanted: &ListQuery<R>) -> Range {
    match wanted.after.clone() {
        None => range,
        Some(after) if wanted.descending => Range { high: after.min(range.high), ..range },
        Some(after) => Range { low: after.max(range.low), ..range },
    }
}

/// What a shard of an index has.
struct Shard<R> {
    rows: Vec<R>,
    /// Whether it has more.
    more: bool,
}

impl<R: Listed> Table<R> {
    /// The first rows of a range in one shard, `most` of them and more if that takes no further call. What has just been written may not be in it yet.
    /// Costs half a read unit for each 4 KiB.
    async fn read_index(&self, range: &Range, shard: u64, most: usize, descending: bool) -> Result<Shard<R>, Error> {
        let (mut rows, mut start) = (Vec::new(), None);
        // DynamoDB takes a range that ends before it begins for a mistake.
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
                .key_condition_expression("#partition = :partition AND #sort BETWEEN :low AND :high")
                .expression_attribute_names("#partition", range.index.partition)
                .expression_attribute_names("#sort", range.index.sort)
                .expression_attribute_values(":partition", text(&index::partition(shard, range.scope.as_deref())))
                .expression_attribute_values(":low", text(&range.low))
                .expression_attribute_values(":high", text(&range.high))
                .limit(i32::try_from(most + 1 - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = self.query(query).await?;
            rows.extend(page.rows);
            start = page.last;
            if start.is_none() || rows.len() > most {
                return Ok(Shard { more: start.is_some(), rows });
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
        if order == ActorOrder::Id { place.parse().ok().and_then(Id::new) } else { None }
    }

    fn walk(order: ActorOrder, filter: &ActorFilter) -> Option<(Range, bool)> {
        let only = |covered: &ActorFilter| ActorFilter { movie: None, ..filter.clone() } == *covered;
        match order {
            ActorOrder::Id => None,
            ActorOrder::Name => Some((Range::all(index::BY_NAME), only(&ActorFilter::default()))),
            ActorOrder::Age => Some((by_age(filter), only(&ActorFilter { name: None, ..filter.clone() }))),
        }
    }

    fn gatherings(filter: &ActorFilter) -> Vec<Vec<Range>> {
        let name = filter
            .name
            .as_ref()
            .map(|name| vec![Range::beginning(index::BY_NAME, name), Range::beginning(index::BY_LAST_WORD, name)]);
        let aged = filter.gender.is_some() || filter.min_age.is_some() || filter.max_age.is_some();
        name.into_iter().chain(aged.then(|| vec![by_age(filter)])).collect()
    }
}

/// The ages that are asked for, of the gender that is asked for.
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
        if order == MovieOrder::Id { place.parse().ok().and_then(Id::new) } else { None }
    }

    fn walk(order: MovieOrder, filter: &MovieFilter) -> Option<(Range, bool)> {
        match order {
            MovieOrder::Id => None,
            MovieOrder::Title => Some((Range::all(index::BY_TITLE), *filter == MovieFilter::default())),
            MovieOrder::ReleaseDate => Some((by_release(filter), filter.title.is_none())),
        }
    }

    fn gatherings(filter: &MovieFilter) -> Vec<Vec<Range>> {
        let title = filter
            .title
            .as_ref()
            .map(|title| vec![Range::beginning(index::BY_TITLE, title), Range::beginning(index::BY_BARE_TITLE, title)]);
        let dated = filter.released_from.is_some() || filter.released_to.is_some();
        title.into_iter().chain(dated.then(|| vec![by_release(filter)])).collect()
    }
}

/// The releases that are asked for.
fn by_release(filter: &MovieFilter) -> Range {
    let value = |date: Option<ReleaseDate>| date.map(index::release_value);
    Range::between(index::BY_RELEASE, value(filter.released_from), value(filter.released_to))
}
