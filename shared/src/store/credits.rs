//! Credits: who plays in what. The table holds each credit twice, under its movie and under its
//! actor.
//!
//! Both halves are written in one transaction and read with strong consistency. A credit counts
//! only while its actor and its movie exist. Ids are never reused, so readers skip the credits that
//! a deletion has not swept yet.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use futures_util::FutureExt;

use super::error::Error;
use super::item::{
    Item, ItemView, Malformed, number, read_number, read_optional, read_text, read_u64, text,
};
use super::record::Record;
use super::transaction::{self, MAX_TRANSACTION_ITEMS};
use super::{query_page, retry};
use crate::model::{Actor, Billing, Credit, Id, Movie, Name};

/// The environment variable that holds the table's name.
pub const CREDITS_TABLE: &str = "CREDITS_TABLE";
/// The partition key: the owner of the credit, such as `movie#7` or `actor#5`.
pub const OWNER: &str = "owner";
/// The sort key: the actor's id in a movie's credit, the movie's id in an actor's.
pub const COUNTERPART: &str = "counterpart";

/// The attribute with the character that the actor plays; optional.
const CHARACTER: &str = "character";
/// The attribute with the credit's position in the cast; optional.
const BILLING: &str = "billing";

/// The table of credits.
#[derive(Clone, Debug)]
pub struct Credits {
    client: Client,
    name: String,
}

impl Credits {
    /// The table with this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    /// Reads every credit of the row with the counterpart's id, in ascending order of that id
    /// (strongly consistent). A counterpart may no longer exist.
    /// Costs 1 read unit for each 4 KiB; a credit without a character has about 50 bytes.
    pub(super) async fn of<R: Record>(&self, id: Id) -> Result<Vec<(Id, Credit)>, Error> {
        let (mut credits, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("#owner = :owner")
                .expression_attribute_names("#owner", OWNER)
                .expression_attribute_values(":owner", text(&owner::<R>(id)))
                .set_exclusive_start_key(start);
            let name = self.name.clone();
            let page = query_page::query(query, move |item| credit(&name, item)).await?;
            credits.extend(page.rows);
            start = page.last;
            if start.is_none() {
                return Ok(credits);
            }
        }
    }

    /// The writes of both halves of a credit.
    pub(super) fn put(
        &self,
        movie: Id,
        actor: Id,
        credit: &Credit,
    ) -> Result<[TransactWriteItem; 2], Error> {
        let put = |key: Item| {
            let item = key.into_iter().chain(attributes(credit)).collect();
            transaction::put(Put::builder().table_name(&self.name).set_item(Some(item)))
        };
        Ok([
            put(key::<Movie>(movie, actor))?,
            put(key::<Actor>(actor, movie))?,
        ])
    }

    /// The writes that remove both halves of the credit between a row and its counterpart.
    pub(super) fn remove<R: Record>(
        &self,
        id: Id,
        counterpart: Id,
    ) -> Result<[TransactWriteItem; 2], Error> {
        let delete = |key: Item| {
            transaction::delete(Delete::builder().table_name(&self.name).set_key(Some(key)))
        };
        Ok([
            delete(key::<R>(id, counterpart))?,
            delete(key::<R::Counterpart>(counterpart, id))?,
        ])
    }

    /// Deletes these credits of a row, both halves of each, with 50 credits in a transaction.
    /// Costs 4 write units a credit.
    pub(super) async fn delete<R: Record>(
        &self,
        id: Id,
        credits: &[(Id, Credit)],
    ) -> Result<(), Error> {
        for chunk in credits.chunks(MAX_TRANSACTION_ITEMS / 2) {
            let removals = chunk
                .iter()
                .map(|(counterpart, _)| self.remove::<R>(id, *counterpart));
            let removals: Vec<_> = removals.collect::<Result<_, _>>()?;
            let removals: Vec<_> = removals.into_iter().flatten().collect();
            let attempt = || {
                transaction::write(&self.client, removals.clone(), None)
                    .map(|done| done.map_err(Error::from))
                    .boxed()
            };
            retry::retry_on_conflict(attempt).await?;
        }
        Ok(())
    }
}

/// Parses an item of the table: the counterpart's id and the credit.
fn credit(table: &str, item: &dyn ItemView) -> Result<(Id, Credit), Error> {
    let counterpart = read_u64(item, COUNTERPART).and_then(Id::new);
    let malformed = |malformed: Malformed| Error::malformed(table, counterpart, malformed.0);
    let credit = Credit {
        character: read_optional(item, CHARACTER, |item, name| {
            read_text(item, name, Name::new)
        })
        .map_err(malformed)?,
        billing: read_optional(item, BILLING, |item, name| {
            read_number(item, name, |place| Billing::new(u64::try_from(place).ok()?))
        })
        .map_err(malformed)?,
    };
    Ok((
        counterpart.ok_or_else(|| Error::malformed(table, None, COUNTERPART))?,
        credit,
    ))
}

fn attributes(credit: &Credit) -> HashMap<String, AttributeValue> {
    let character = credit
        .character
        .as_ref()
        .map(|character| (CHARACTER.to_owned(), text(character.as_str())));
    let billing = credit
        .billing
        .map(|billing| (BILLING.to_owned(), number(billing.get())));
    character.into_iter().chain(billing).collect()
}

fn owner<R: Record>(id: Id) -> String {
    format!("{}#{id}", R::OWNER_PREFIX)
}

fn key<R: Record>(id: Id, counterpart: Id) -> Item {
    [
        (OWNER.to_owned(), text(&owner::<R>(id))),
        (COUNTERPART.to_owned(), number(counterpart)),
    ]
    .into()
}
