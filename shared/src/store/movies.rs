//! Movies with their casts: created and changed in one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};
use futures_util::FutureExt;

use super::creation::{Created, IdempotencyKey};
use super::credits::Credits;
use super::error::Error;
use super::precondition::{Precondition, Version, Versioned};
use super::record::{Attributes, Record};
use super::table::{Change, ID, Table, bucket_of, key};
use super::transaction::{self, MAX_TRANSACTION_ITEMS};
use super::{Store, TableNames, retry};
use crate::model::{Actor, Cast, Credit, Id, Movie, MovieChanges, NewMovie};

/// The most credits that one request may change: each takes two writes and a check that its actor exists, and the movie one write.
pub const MAX_CHANGED_CREDITS: usize = (MAX_TRANSACTION_ITEMS - 1) / 3;

/// Movies, and who plays in them.
#[derive(Clone, Debug)]
pub struct MovieStore {
    movies: Table<Movie>,
    actors: Table<Actor>,
    credits: Credits,
}

impl Store for MovieStore {
    const TABLES: &'static [&'static str] = &[Movie::TABLE_VARIABLE, Actor::TABLE_VARIABLE, super::CREDITS_TABLE];

    fn open(client: &aws_sdk_dynamodb::Client, names: &TableNames) -> Self {
        Self {
            movies: Table::open(client, names),
            actors: Table::open(client, names),
            credits: Credits::new(client.clone(), names.get(super::CREDITS_TABLE)),
        }
    }
}

/// What a cast changes into, credit by credit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    /// Credits that are new or different.
    put: Vec<(Id, Credit)>,
    /// Actors that are no longer in the cast.
    removed: Vec<Id>,
}

impl MovieStore {
    /// The table of movies.
    pub fn movies(&self) -> &Table<Movie> {
        &self.movies
    }

    /// Stores a new movie with its cast; where that is not empty, in one transaction with a check that every actor exists.
    /// Costs as [`Table::create`], and for a cast 1 read unit and 6 write units a credit, and 1 write unit more.
    ///
    /// # Errors
    /// [`Error::UnknownActors`], [`Error::TooManyChanges`], [`Error::Contended`], or as [`Table::create`].
    pub async fn create(&self, new: NewMovie) -> Result<Versioned<Movie>, Error> {
        if new.cast.credits().is_empty() {
            return self.movies.create(new).await;
        }
        retry::retry_on_conflict(|| self.try_create(new.clone()).boxed()).await
    }

    async fn try_create(&self, new: NewMovie) -> Result<Versioned<Movie>, Error> {
        self.check_cast(&new.cast).await?;
        let id = self.movies.next_id().await?;
        let credits = self.cast_writes(id, new.cast.credits())?;
        let row = Movie::with_id(id, new);
        let writes = [self.movies.put_row(&row)?].into_iter().chain(credits).collect();
        transaction::write(&self.movies.client, writes, None).await?;
        Ok(Versioned { row, version: Version(1) })
    }

    /// As [`Self::create`], but once a key, as [`Table::create_once`] has it: movie, cast and record of the key are one transaction.
    ///
    /// # Errors
    /// As both.
    pub async fn create_once(
        &self,
        new: NewMovie,
        key: &IdempotencyKey,
        answer: impl Fn(&Movie) -> String + Send + Sync,
    ) -> Result<Created<Movie>, Error> {
        if new.cast.credits().is_empty() {
            return self.movies.create_once(new, key, answer).await;
        }
        retry::retry_on_conflict(|| self.try_create_once(new.clone(), key, &answer).boxed()).await
    }

    async fn try_create_once(
        &self,
        new: NewMovie,
        key: &IdempotencyKey,
        answer: &(impl Fn(&Movie) -> String + Send + Sync),
    ) -> Result<Created<Movie>, Error> {
        if let Some(before) = self.movies.created_before(key).await? {
            return Ok(before);
        }
        self.check_cast(&new.cast).await?;
        let id = self.movies.next_id().await?;
        let credits = self.cast_writes(id, new.cast.credits())?;
        let row = Movie::with_id(id, new);
        let both = [self.movies.put_row(&row)?, self.movies.put_record(key, &answer(&row))?];
        // The record leaves no room for the last check of the largest cast. That actor was there a moment ago; where it has gone since,
        // its credit is passed over as if the actor had been deleted a moment later.
        let writes = both.into_iter().chain(credits).take(MAX_TRANSACTION_ITEMS).collect();
        let token = key.request_token(self.movies.name(), id);
        match transaction::write(&self.movies.client, writes, Some(token)).await {
            Ok(()) => Ok(Created::Now(Versioned { row, version: Version(1) })),
            Err(refusal) => self.movies.after_transaction_error(key, refusal).await,
        }
    }

    /// Changes what `changes` names, as [`Table::update`] does; a cast replaces the whole present one, and only the difference is written, in one
    /// transaction with the row and with a check that every actor of a credit which is new or different exists.
    /// A cast costs 1 read unit for the movie, 1 for each 4 KiB of present credits and 1 an actor; and 2 write units for the movie and its indexes, 6 for a credit that is
    /// new or different and 4 for one that goes. Where all is so already nothing is written, and the movie read again, 1 unit.
    ///
    /// # Errors
    /// [`Error::UnknownActors`], [`Error::TooManyChanges`], [`Error::Contended`], or as [`Table::update`].
    pub async fn update(
        &self,
        id: Id,
        changes: &MovieChanges,
        demand: &Precondition,
    ) -> Result<Versioned<Movie>, Error> {
        let Some(cast) = &changes.cast else { return self.movies.update(id, changes, demand).await };
        retry::retry_on_conflict(|| self.recast(id, changes, cast, demand).boxed()).await
    }

    async fn recast(
        &self,
        id: Id,
        changes: &MovieChanges,
        cast: &Cast,
        demand: &Precondition,
    ) -> Result<Versioned<Movie>, Error> {
        let item = self.movies.get_item(bucket_of(id), id.get()).await?.ok_or(Error::Missing)?;
        let seen = self.movies.versioned(&item)?;
        if !demand.admits(seen.version) {
            return Err(Error::PreconditionFailed);
        }
        let changed = Movie::changed(id, changes);
        let difference = match self.difference(id, cast).await {
            Ok(difference) if changed.is_empty() && difference == Difference::default() => {
                return self.still(id, seen.version).await;
            }
            Ok(difference) => difference,
            Err(error @ (Error::UnknownActors(_) | Error::TooManyChanges)) => {
                return self.still(id, seen.version).await.and(Err(error));
            }
            Err(error) => return Err(error),
        };
        let version = Version(seen.version.0 + 1);
        let item = item.into_iter().chain(changed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let row = self.movies.row(&item.collect())?;
        let mut writes = vec![self.update_row(id, seen.version, changed)?];
        for actor in difference.removed {
            writes.extend(self.credits.remove::<Movie>(id, actor)?);
        }
        writes.extend(self.cast_writes(id, &difference.put)?);
        transaction::write(&self.movies.client, writes, None).await?;
        Ok(Versioned { row, version })
    }

    /// The movie, if it still has the version that was seen before its credits were read.
    ///
    /// Where the transaction writes, its condition checks that. Where nothing is written, because the cast is as asked
    /// already or because it cannot be written, the response is about the credits that were read, so they must be those
    /// of the version that `If-Match` was compared with.
    ///
    /// # Errors
    /// [`Error::Contended`] for another version, or as [`Table::get`].
    async fn still(&self, id: Id, seen: Version) -> Result<Versioned<Movie>, Error> {
        let now = self.movies.get(id).await?;
        if now.version == seen { Ok(now) } else { Err(Error::Contended { call: "Query" }) }
    }

    /// The write of a movie's changed attributes and its next version, if it still has the version that was seen.
    fn update_row(&self, id: Id, seen: Version, changed: Attributes) -> Result<TransactWriteItem, Error> {
        let Change { expression, condition, names, values } = Change::of(changed, &Precondition::IsOneOf(vec![seen]));
        transaction::update(
            Update::builder()
                .table_name(self.movies.name())
                .set_key(Some(key(bucket_of(id), id.get())))
                .update_expression(expression)
                .condition_expression(condition)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values)),
        )
    }

    /// What has to be written for the movie's cast to be this one.
    async fn difference(&self, movie: Id, cast: &Cast) -> Result<Difference, Error> {
        let mut gone: HashMap<_, _> = self.credits.of::<Movie>(movie).await?.into_iter().collect();
        // What is left of the present credits once those of the new cast are taken out goes.
        let mut put = cast.credits().to_vec();
        put.retain(|(actor, credit)| gone.remove(actor).as_ref() != Some(credit));
        let ids: Vec<_> = cast.credits().iter().map(|(actor, _)| *actor).chain(gone.keys().copied()).collect();
        let actors = self.actors.get_all(&ids).await?;
        known(cast, &actors)?;
        // A credit whose actor is gone counts as no change; it is swept where there is room.
        let (mut removed, leftovers): (Vec<_>, Vec<_>) = gone.into_keys().partition(|id| actors.contains_key(id));
        if put.len() + removed.len() > MAX_CHANGED_CREDITS {
            return Err(Error::TooManyChanges);
        }
        let room = MAX_CHANGED_CREDITS - put.len() - removed.len();
        if !put.is_empty() || !removed.is_empty() {
            removed.extend(leftovers.into_iter().take(room));
        }
        Ok(Difference { put, removed })
    }

    /// Refuses a new movie's cast that is too large or names actors that do not exist.
    async fn check_cast(&self, cast: &Cast) -> Result<(), Error> {
        let ids: Vec<_> = cast.credits().iter().map(|(actor, _)| *actor).collect();
        if ids.len() > MAX_CHANGED_CREDITS {
            return Err(Error::TooManyChanges);
        }
        known(cast, &self.actors.get_all(&ids).await?)
    }

    /// The writes of credits, and then the checks that their actors exist.
    fn cast_writes(&self, movie: Id, credits: &[(Id, Credit)]) -> Result<Vec<TransactWriteItem>, Error> {
        let mut writes = Vec::new();
        for (actor, credit) in credits {
            writes.extend(self.credits.put(movie, *actor, credit)?);
        }
        for (actor, _) in credits {
            let check = ConditionCheck::builder()
                .table_name(self.actors.name())
                .set_key(Some(key(bucket_of(*actor), actor.get())))
                .condition_expression("attribute_exists(#id)")
                .expression_attribute_names("#id", ID);
            writes.push(transaction::check(check)?);
        }
        Ok(writes)
    }
}

/// Refuses a cast with actors that are not among these.
fn known(cast: &Cast, actors: &HashMap<Id, Actor>) -> Result<(), Error> {
    let unknown = cast.credits().iter().enumerate().filter(|(_, (actor, _))| !actors.contains_key(actor));
    let unknown: Vec<_> = unknown.map(|(place, (actor, _))| (place, *actor)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Error::UnknownActors(unknown)) }
}
