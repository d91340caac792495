//! Reads rows together with their credits.

use std::collections::HashMap;

use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all};

use super::error::Error;
use super::find::ReadStore;
use super::list_query::{ListQuery, Page};
use super::precondition::Versioned;
use super::record::Record;
use super::retry;
use super::table::MAX_CONCURRENT_CALLS;
use crate::model::{Credit, Id};
use crate::permission::MayRead;

/// The most credits of a page that includes credits and has more than one row.
pub(crate) const MAX_PAGE_CREDITS: usize = 1000;

/// A row with its credits.
#[derive(Debug, PartialEq, Eq)]
pub struct WithCredits<R: Record> {
    /// The row.
    pub row: R,
    /// Each counterpart, and the credit that connects the two. All of the counterparts exist.
    pub credits: Vec<(R::Counterpart, Credit)>,
}

impl<R: Record> ReadStore<R> {
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
        if !all_exist(&credits, &counterparts) {
            self.check_unchanged::<R>(id, &credits).await?;
        }
        Ok(Versioned {
            row: WithCredits {
                row,
                credits: with_existing(credits, &counterparts),
            },
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
        query: &ListQuery<R>,
        _proof: MayRead<R::Counterpart>,
    ) -> Result<Page<WithCredits<R>>, Error> {
        retry::retry_on_conflict(|| self.try_find_with_credits(query).boxed()).await
    }

    async fn try_find_with_credits(
        &self,
        query: &ListQuery<R>,
    ) -> Result<Page<WithCredits<R>>, Error> {
        let Page {
            rows: found,
            mut next,
        } = self.find(query).await?;
        let ids: Vec<_> = found.iter().map(R::id).collect();
        let credits = self.first_credits(&ids).await?;
        if let Some(last) = credits
            .len()
            .checked_sub(1)
            .filter(|_| credits.len() < ids.len())
        {
            next = Some(query.position(&found[last]));
        }
        // Read the rows after their credits: if a row still exists, none of its credits has been
        // swept.
        let counterparts = self.counterparts_of(credits.iter().flatten());
        let (counterparts, mut rows) =
            try_join(counterparts, self.rows.get_all(&ids[..credits.len()])).await?;
        let incomplete: Vec<_> = ids
            .iter()
            .zip(&credits)
            .filter(|(_, credits)| !all_exist(credits, &counterparts))
            .collect();
        for some in incomplete.chunks(MAX_CONCURRENT_CALLS) {
            let checks = some
                .iter()
                .map(|(id, credits)| self.check_unchanged::<R>(**id, credits));
            try_join_all(checks).await?;
        }
        let rows = ids.iter().zip(credits).filter_map(|(id, credits)| {
            Some(WithCredits {
                row: rows.remove(id)?,
                credits: with_existing(credits, &counterparts),
            })
        });
        Ok(Page {
            rows: rows.filter(|found| query.admits(&found.row)).collect(),
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

    /// Checks that the row's credits are still those that were read. Call it when some of their
    /// counterparts are missing.
    ///
    /// The credits may have been replaced after they were read and before the counterparts were
    /// deleted. Without the missing ones, the rest would be a cast that the movie never had.
    ///
    /// # Errors
    /// [`Error::Contended`] if the credits have changed.
    pub(super) async fn check_unchanged<C: Record>(
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
}

/// Whether the counterpart of every credit is in `counterparts`.
fn all_exist<C>(credits: &[(Id, Credit)], counterparts: &HashMap<Id, C>) -> bool {
    credits.iter().all(|(id, _)| counterparts.contains_key(id))
}

/// Pairs each credit with its counterpart, and drops those whose counterpart is missing.
fn with_existing<C: Clone>(
    credits: Vec<(Id, Credit)>,
    counterparts: &HashMap<Id, C>,
) -> Vec<(C, Credit)> {
    credits
        .into_iter()
        .filter_map(|(id, credit)| Some((counterparts.get(&id)?.clone(), credit)))
        .collect()
}
