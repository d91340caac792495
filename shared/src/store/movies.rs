//! Movies and their casts, created and changed in one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};
use futures_util::FutureExt;

use super::condition::Change;
use super::creation::{Created, IdempotencyKey};
use super::credits::Credits;
use super::error::Error;
use super::item::Attributes;
use super::precondition::{Precondition, Version, Versioned};
use super::record::Record;
use super::table::{ID, Table, bucket_of, key};
use super::transaction::{self, MAX_TRANSACTION_ITEMS};
use super::{Store, TableNames, retry};
use crate::model::{Actor, Cast, Credit, Id, Movie, MovieChanges, NewMovie, Resource};

/// The most credits that one request may change. Each takes two writes and a check that its actor
/// exists; the movie takes one write.
pub(crate) const MAX_CHANGED_CREDITS: usize = (MAX_TRANSACTION_ITEMS - 1) / 3;

/// The tables of movies, actors and credits.
#[derive(Clone, Debug)]
pub struct MovieStore {
    movies: Table<Movie>,
    actors: Table<Actor>,
    credits: Credits,
}

impl Store for MovieStore {
    const TABLES: &'static [&'static str] = &[
        Movie::TABLE_VARIABLE,
        Actor::TABLE_VARIABLE,
        super::CREDITS_TABLE,
    ];

    fn open(client: &aws_sdk_dynamodb::Client, names: &TableNames) -> Self {
        Self {
            movies: Table::open(client, names),
            actors: Table::open(client, names),
            credits: Credits::new(client.clone(), names.get(super::CREDITS_TABLE)),
        }
    }
}

/// The changes from one cast to another.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    /// Credits that are new or different.
    put: Vec<(Id, Credit)>,
    /// Actors who are no longer in the cast.
    removed: Vec<Id>,
}

impl MovieStore {
    /// The table of movies.
    pub fn movies(&self) -> &Table<Movie> {
        &self.movies
    }

    /// Stores a new movie with its cast. If the cast is not empty, one transaction writes both and
    /// checks that every actor exists.
    /// Costs as [`Table::create`]; a cast costs 1 read unit and 6 write units a credit, and 1 more
    /// write unit.
    ///
    /// # Errors
    /// [`Error::UnknownActors`], [`Error::TooManyChanges`], [`Error::Contended`], or as
    /// [`Table::create`].
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
        let writes = [self.movies.put_row(&row)?]
            .into_iter()
            .chain(credits)
            .collect();
        transaction::write(&self.movies.client, writes, None).await?;
        Ok(Versioned {
            row,
            version: Version(1),
        })
    }

    /// Like [`Self::create`], but at most once for each key, like [`Table::create_once`]: one
    /// transaction writes the movie, its cast and the key's record.
    ///
    /// # Errors
    /// As [`Self::create`] and [`Table::create_once`].
    pub async fn create_once(
        &self,
        new: NewMovie,
        key: &IdempotencyKey,
        body: impl Fn(&Movie) -> String + Send + Sync,
    ) -> Result<Created<Movie>, Error> {
        if new.cast.credits().is_empty() {
            return self.movies.create_once(new, key, body).await;
        }
        retry::retry_on_conflict(|| self.try_create_once(new.clone(), key, &body).boxed()).await
    }

    async fn try_create_once(
        &self,
        new: NewMovie,
        key: &IdempotencyKey,
        body: &(impl Fn(&Movie) -> String + Send + Sync),
    ) -> Result<Created<Movie>, Error> {
        if let Some(before) = self.movies.created_before(key).await? {
            return Ok(before);
        }
        self.check_cast(&new.cast).await?;
        let id = self.movies.next_id().await?;
        let credits = self.cast_writes(id, new.cast.credits())?;
        let row = Movie::with_id(id, new);
        let both = [
            self.movies.put_row(&row)?,
            self.movies.put_record(key, &body(&row))?,
        ];
        // With the key's record, the largest cast is one item too many for a transaction, so the
        // check of its last actor is left out. That actor existed a moment ago. If it has been
        // deleted since, readers skip its credit, as if the actor had been deleted a moment later.
        let writes = both
            .into_iter()
            .chain(credits)
            .take(MAX_TRANSACTION_ITEMS)
            .collect();
        let token = key.request_token(self.movies.name(), id);
        match transaction::write(&self.movies.client, writes, Some(token)).await {
            Ok(()) => Ok(Created::Now(Versioned {
                row,
                version: Version(1),
            })),
            Err(error) => self.movies.after_transaction_error(key, error).await,
        }
    }

    /// Changes the fields in `changes`, as [`Table::update`] does. A cast replaces the whole
    /// present cast. One transaction writes the row and the difference between the casts, and
    /// checks that every actor of a new or different credit exists.
    /// A cast costs 1 read unit for the movie, 1 for each 4 KiB of present credits and 1 an actor;
    /// and 2 write units for the movie and its indexes, 6 for a credit that is new or different and
    /// 4 for one that is removed. If nothing changes, nothing is written and the movie is read
    /// again, for 1 read unit.
    ///
    /// # Errors
    /// [`Error::UnknownActors`], [`Error::TooManyChanges`], [`Error::Contended`], or as
    /// [`Table::update`].
    pub async fn update(
        &self,
        id: Id,
        changes: &MovieChanges,
        precondition: &Precondition,
    ) -> Result<Versioned<Movie>, Error> {
        let Some(cast) = &changes.cast else {
            return self.movies.update(id, changes, precondition).await;
        };
        retry::retry_on_conflict(|| {
            self.try_update_with_cast(id, changes, cast, precondition)
                .boxed()
        })
        .await
    }

    async fn try_update_with_cast(
        &self,
        id: Id,
        changes: &MovieChanges,
        cast: &Cast,
        precondition: &Precondition,
    ) -> Result<Versioned<Movie>, Error> {
        let item = self
            .movies
            .get_item(bucket_of(id), id.get())
            .await?
            .ok_or(Error::Missing)?;
        let seen = self.movies.versioned(&item)?;
        if !precondition.admits(seen.version) {
            return Err(Error::PreconditionFailed);
        }
        let changed = Movie::changed_attributes(id, changes);
        let difference = match self.difference(id, cast).await {
            Ok(difference) if changed.is_empty() && difference == Difference::default() => {
                return self.get_unchanged(id, seen.version).await;
            }
            Ok(difference) => difference,
            Err(error @ (Error::UnknownActors(_) | Error::TooManyChanges)) => {
                return self.get_unchanged(id, seen.version).await.and(Err(error));
            }
            Err(error) => return Err(error),
        };
        let version = Version(seen.version.0 + 1);
        let item = item.into_iter().chain(
            changed
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let row = self.movies.row(&item.collect())?;
        let mut writes = vec![self.update_row(id, seen.version, changed)?];
        for actor in difference.removed {
            writes.extend(self.credits.remove::<Movie>(id, actor)?);
        }
        writes.extend(self.cast_writes(id, &difference.put)?);
        transaction::write(&self.movies.client, writes, None).await?;
        Ok(Versioned { row, version })
    }

    /// Reads the movie again and checks that it still has the version seen before its credits were
    /// read.
    ///
    /// A transaction that writes checks this with its condition. When nothing is written, because
    /// the cast already is as requested or because it cannot be written, the response depends on
    /// the credits that were read. So they must belong to the version that `If-Match` was compared
    /// with.
    ///
    /// # Errors
    /// [`Error::Contended`] if the version has changed, or as [`Table::get`].
    async fn get_unchanged(&self, id: Id, seen: Version) -> Result<Versioned<Movie>, Error> {
        let now = self.movies.get(id).await?;
        if now.version == seen {
            Ok(now)
        } else {
            Err(Error::Contended { call: "Query" })
        }
    }

    /// The write of a movie's changed attributes and its next version, on condition that it still
    /// has the version that was seen.
    fn update_row(
        &self,
        id: Id,
        seen: Version,
        changed: Attributes,
    ) -> Result<TransactWriteItem, Error> {
        let Change {
            expression,
            condition,
            names,
            values,
        } = Change::of(changed, &Precondition::IsOneOf(vec![seen]));
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

    /// The changes that turn the movie's present cast into this one.
    async fn difference(&self, movie: Id, cast: &Cast) -> Result<Difference, Error> {
        let mut gone: HashMap<_, _> = self.credits.of::<Movie>(movie).await?.into_iter().collect();
        // `gone` starts as the present cast. What is left of it is not in the new one.
        let mut put = cast.credits().to_vec();
        put.retain(|(actor, credit)| gone.remove(actor).as_ref() != Some(credit));
        let ids: Vec<_> = cast
            .credits()
            .iter()
            .map(|(actor, _)| *actor)
            .chain(gone.keys().copied())
            .collect();
        let actors = self.actors.get_all(&ids).await?;
        check_actors_exist(cast, &actors)?;
        // A credit whose actor no longer exists does not count as a change. It is removed if the
        // transaction has room.
        let (mut removed, leftovers): (Vec<_>, Vec<_>) =
            gone.into_keys().partition(|id| actors.contains_key(id));
        if put.len() + removed.len() > MAX_CHANGED_CREDITS {
            return Err(Error::TooManyChanges);
        }
        let room = MAX_CHANGED_CREDITS - put.len() - removed.len();
        if !put.is_empty() || !removed.is_empty() {
            removed.extend(leftovers.into_iter().take(room));
        }
        Ok(Difference { put, removed })
    }

    /// Checks that a new movie's cast is small enough and names only actors that exist.
    async fn check_cast(&self, cast: &Cast) -> Result<(), Error> {
        let ids: Vec<_> = cast.credits().iter().map(|(actor, _)| *actor).collect();
        if ids.len() > MAX_CHANGED_CREDITS {
            return Err(Error::TooManyChanges);
        }
        check_actors_exist(cast, &self.actors.get_all(&ids).await?)
    }

    /// The writes of the credits, followed by the checks that their actors exist.
    fn cast_writes(
        &self,
        movie: Id,
        credits: &[(Id, Credit)],
    ) -> Result<Vec<TransactWriteItem>, Error> {
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

/// Checks that every actor of the cast is among these.
fn check_actors_exist(cast: &Cast, actors: &HashMap<Id, Actor>) -> Result<(), Error> {
    let unknown = cast
        .credits()
        .iter()
        .enumerate()
        .filter(|(_, (actor, _))| !actors.contains_key(actor));
    let unknown: Vec<_> = unknown
        .map(|(position, (actor, _))| (position, *actor))
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Error::UnknownActors(unknown))
    }
}
