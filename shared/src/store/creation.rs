//! Creates rows: one for each request, or one for each idempotency key.
//!
//! A creation with a key
//!
//! 1. reads the key's record: if there is one younger than 24 hours, the response is the stored
//!    one, or [`Error::KeyReused`] if the body differs;
//! 2. takes an id from the counter;
//! 3. writes the row and the record in one transaction, if there is neither the row nor a record
//!    that has not expired.
//!
//! Two requests with the same key may both get to step 3. DynamoDB executes one transaction. The
//! other request gets the stored response if the first has finished, or [`Error::InProgress`].
//! Only a created row leaves a record, so a request that failed can be repeated with its key.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use super::error::Error;
use super::item::{self, Item, number};
use super::precondition::{Version, Versioned};
use super::record::Record;
use super::retry::OnlyIfNothingWasDone;
use super::table::{self, ID, Table};
use super::transaction::{self, TransactionError};
use crate::model::Id;

/// How long a key returns the response of its first use, in seconds.
const LIFETIME_SECONDS: u64 = 24 * 60 * 60;

/// The attribute with the record's expiry time, in seconds since 1970. DynamoDB deletes the record
/// some time after it (time to live).
const EXPIRES_AT: &str = "expires_at";
/// The attribute with the digest of the key's first request body.
const BODY_DIGEST: &str = "body_digest";
/// The attribute with the body of the response that was sent.
const RESPONSE_BODY: &str = "answer";

/// The positions of the row and of the key's record in the transaction of a keyed creation.
const ROW: usize = 0;
const RECORD: usize = 1;

/// A client's idempotency key for one subject and route, with the digest of the request body.
///
/// The key's record is in the table of the row, in a partition below the counter's. Both numbers of
/// its primary key come from a SHA-256 over subject, route and key, so that nobody can guess or
/// collide with another client's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    bucket: String,
    id: String,
    body_digest: String,
}

/// The result of a keyed creation.
#[derive(Debug, PartialEq, Eq)]
pub enum Created<R> {
    /// This request created the row.
    Now(Versioned<R>),
    /// An earlier request with the key created the row: the body of the response to that request,
    /// and the row's version at that time.
    Before(String, Version),
}

impl IdempotencyKey {
    /// Scopes `key` to this subject and route, for a request with this body.
    pub fn new(subject: &str, route: &str, key: &str, body: &[u8]) -> Self {
        let mut scope = digest::Context::new(&digest::SHA256);
        for part in [subject, route, key] {
            // The length prefix keeps adjacent parts apart.
            scope.update(&(part.len() as u64).to_be_bytes());
            scope.update(part.as_bytes());
        }
        let scope = scope.finish();
        let (bucket, rest) = scope.as_ref().split_at(8);
        let bucket = bucket
            .iter()
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let id = rest[..15]
            .iter()
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        // Partitions are -2 and below. DynamoDB's numbers hold 38 digits; these have at most 20 and
        // 37.
        Self {
            bucket: format!("-{}", bucket + 2),
            id: id.to_string(),
            body_digest: hex(digest::digest(&digest::SHA256, body).as_ref()),
        }
    }
}

impl IdempotencyKey {
    /// The client request token of the transaction, of at most 36 characters. It is a digest of the
    /// key, the new row's id, so that each attempt with a new id is a new transaction, and the
    /// table's name, because all tables of an account share tokens.
    pub(super) fn request_token(&self, table: &str, id: Id) -> String {
        let token = format!("{table} {} {} {id}", self.bucket, self.id);
        hex(&digest::digest(&digest::SHA256, token.as_bytes()).as_ref()[..16])
    }
}

impl<R: Record> Table<R> {
    /// Stores a new row under the next id. A crash between the two writes leaves a gap in the ids,
    /// never a duplicate.
    /// Costs 1 write unit for the counter, 1 for a row of up to 1 KiB, and 1 for each of its
    /// indexes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] (the row may have been created), [`Error::Failed`] or
    /// [`Error::IdsExhausted`].
    pub async fn create(&self, new: R::New) -> Result<Versioned<R>, Error> {
        let row = R::with_id(self.next_id().await?, new);
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(table::item(&row)));
        let put = put
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", ID);
        let once = Config::builder().retry_classifier(OnlyIfNothingWasDone::<PutItemError>::new());
        put.customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| Error::of("PutItem", &error))?;
        Ok(Versioned {
            row,
            version: Version(1),
        })
    }

    /// Like [`Self::create`], but at most once for each key. The row and the key's record are
    /// written in one transaction, so that repeated and concurrent requests create one row.
    /// `body` builds the response body that later requests with the key get again.
    /// Costs 1 read unit. If the row is created, it also costs 1 write unit for the counter, 2 each
    /// for a row of up to 1 KiB and the record, and 1 for each of the row's indexes.
    ///
    /// # Errors
    /// [`Error::InProgress`], [`Error::KeyReused`], or as [`Self::create`]. After
    /// [`Error::Unavailable`] the client can retry with the same key at once.
    pub async fn create_once(
        &self,
        new: R::New,
        key: &IdempotencyKey,
        body: impl FnOnce(&R) -> String + Send,
    ) -> Result<Created<R>, Error> {
        if let Some(before) = self.created_before(key).await? {
            return Ok(before);
        }
        let row = R::with_id(self.next_id().await?, new);
        let record = self.put_record(key, &body(&row))?;
        let writes = vec![self.put_row(&row)?, record];
        // DynamoDB executes a token once, so a retry is safe even if the outcome is unknown.
        let token = key.request_token(&self.name, row.id());
        match transaction::write(&self.client, writes, Some(token)).await {
            Ok(()) => Ok(Created::Now(Versioned {
                row,
                version: Version(1),
            })),
            Err(error) => self.after_transaction_error(key, error).await,
        }
    }

    /// The write of a new row.
    pub(super) fn put_row(&self, row: &R) -> Result<TransactWriteItem, Error> {
        let put = Put::builder()
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", ID);
        transaction::put(put.table_name(&self.name).set_item(Some(table::item(row))))
    }

    /// The write of a key's record.
    pub(super) fn put_record(
        &self,
        key: &IdempotencyKey,
        body: &str,
    ) -> Result<TransactWriteItem, Error> {
        let put = Put::builder()
            .condition_expression("attribute_not_exists(#id) OR #expires_at <= :now")
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":now", number(now()));
        transaction::put(put.table_name(&self.name).set_item(Some(record(key, body))))
    }

    /// Handles the error of a transaction that writes the row, the key's record and perhaps more.
    pub(super) async fn after_transaction_error(
        &self,
        key: &IdempotencyKey,
        error: TransactionError,
    ) -> Result<Created<R>, Error> {
        match error {
            // Another request with the key came first. If its record has expired since, retry.
            TransactionError::Unmet(positions) if positions.contains(&RECORD) => {
                self.created_before(key).await?.ok_or(Error::Contended {
                    call: transaction::CALL,
                })
            }
            TransactionError::Unmet(positions) if positions.contains(&ROW) => Err(Error::Failed {
                call: transaction::CALL,
                code: "id taken".into(),
            }),
            TransactionError::Contended(positions)
                if positions.contains(&ROW) || positions.contains(&RECORD) =>
            {
                Err(Error::InProgress)
            }
            TransactionError::InProgress => Err(Error::InProgress),
            other => Err(other.into()),
        }
    }

    /// The stored response of the key, if the key was used and has not expired by our own clock.
    pub(super) async fn created_before(
        &self,
        key: &IdempotencyKey,
    ) -> Result<Option<Created<R>>, Error> {
        let Some(record) = self.get_item(&key.bucket, &key.id).await? else {
            return Ok(None);
        };
        let malformed = |attribute| Error::malformed(&self.name, None, attribute);
        if item::read_u64(&record, EXPIRES_AT).ok_or_else(|| malformed(EXPIRES_AT))? <= now() {
            return Ok(None);
        }
        let text = |attribute| {
            record
                .get(attribute)
                .and_then(|value| value.as_s().ok())
                .ok_or_else(|| malformed(attribute))
        };
        if *text(BODY_DIGEST)? != key.body_digest {
            return Err(Error::KeyReused);
        }
        Ok(Some(Created::Before(
            text(RESPONSE_BODY)?.clone(),
            Version(1),
        )))
    }
}

fn record(key: &IdempotencyKey, body: &str) -> Item {
    let mut record = table::key(&key.bucket, &key.id);
    record.insert(EXPIRES_AT.to_owned(), number(now() + LIFETIME_SECONDS));
    record.insert(
        BODY_DIGEST.to_owned(),
        AttributeValue::S(key.body_digest.clone()),
    );
    record.insert(RESPONSE_BODY.to_owned(), AttributeValue::S(body.to_owned()));
    record
}

/// Seconds since 1970-01-01T00:00:00Z.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idempotency_records_differ_by_subject_route_and_key() {
        let key = |subject: &str, route: &str, key: &str| {
            let IdempotencyKey { bucket, id, .. } = IdempotencyKey::new(subject, route, key, b"{}");
            (bucket, id)
        };
        let one = key("auth0|1", "/actors", "k");
        assert_eq!(one, key("auth0|1", "/actors", "k"));
        for other in [
            key("auth0|2", "/actors", "k"),
            key("auth0|1", "/movies", "k"),
            key("auth0|1", "/actors", "K"),
            key("auth0|1/", "actors", "k"),
        ] {
            assert_ne!(one, other);
        }
        assert!(one.0.starts_with('-') && one.0.len() <= 21 && one.1.len() <= 37);
    }
}
