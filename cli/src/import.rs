//! Sends one POST for each row, with an idempotency key that stays the same when the import is
//! repeated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::api::{ApiResponse, message};
use crate::members::Members;
use crate::{Api, Resource, Row, Stop, shortened};

/// How long running requests may take after an interruption. The next run repeats the others
/// safely.
const GRACE: Duration = Duration::from_secs(5);

/// An import that has not started.
pub struct Import {
    /// The kind of the rows.
    pub resource: Resource,
    /// The rows.
    pub rows: Vec<Row>,
    /// The most concurrent requests, at least 1.
    pub concurrency: usize,
    /// The id of a run that adds the rows again. Without one, rows of the last 24 hours are not
    /// added again.
    pub run: Option<String>,
}

/// The result of an import.
#[derive(Debug, Default, PartialEq)]
pub struct Summary {
    /// How many rows the file has.
    pub rows: usize,
    /// How many were added.
    pub created: usize,
    /// How many an earlier run had added, or an earlier attempt whose response was lost.
    pub replayed: usize,
    /// The rejected rows. Once the import has ended, they are in the order of their lines.
    pub rejected: Vec<RejectedRow>,
    /// Why the import ended before every row had a response, if it did.
    pub stop: Option<Stop>,
}

/// A row that was not added.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedRow {
    /// The line that it begins on.
    pub line: usize,
    /// Every reason.
    pub reasons: String,
}

/// The result of one row.
enum Outcome {
    Created,
    Replayed,
    Rejected(RejectedRow),
    Stopped(Stop),
}

impl Summary {
    /// How many rows were added, were there already, or were rejected.
    pub fn finished(&self) -> usize {
        self.created + self.replayed + self.rejected.len()
    }

    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Replayed => self.replayed += 1,
            Outcome::Rejected(row) => self.rejected.push(row),
            // The first stop causes the others.
            Outcome::Stopped(stop) => self.stop = Some(self.stop.take().unwrap_or(stop)),
        }
    }
}

/// Imports rows until each has a response, the API must not be called any more, or `interrupted`
/// completes. Calls `report` after each response.
pub async fn import(
    api: &Api,
    import: Import,
    interrupted: impl Future<Output = ()>,
    mut report: impl FnMut(&Summary),
) -> Summary {
    let Import {
        resource,
        rows,
        concurrency,
        run,
    } = import;
    let mut summary = Summary {
        rows: rows.len(),
        ..Summary::default()
    };
    let (stopping, stopped) = watch::channel(false);
    let with_keys =
        stream::iter(with_keys(resource, rows, run.as_deref())).take_until(stop(stopped.clone()));
    let sent = with_keys.map(|(row, key)| send(api, resource, row, key, stopped.clone()));
    let mut outcomes = pin!(sent.buffer_unordered(concurrency));
    let all = async {
        while let Some(outcome) = outcomes.next().await {
            summary.take(outcome);
            if summary.stop.is_some() {
                stopping.send_replace(true);
            }
            report(&summary);
        }
    };
    let interrupted = async {
        interrupted.await;
        stopping.send_replace(true);
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = all => {}
        () = interrupted => {}
    }
    if summary.finished() < summary.rows {
        summary.stop.get_or_insert(Stop::Interrupted);
    }
    summary.rejected.sort();
    summary
}

async fn stop(mut stopped: watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Each row with its idempotency key.
///
/// The key depends on the row's body and on the number of equal rows before it. So two equal rows
/// of a file are two rows, and adding, correcting or moving a row does not change the keys of the
/// others.
fn with_keys(resource: Resource, rows: Vec<Row>, run: Option<&str>) -> Vec<(Row, String)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let key = |row: &Row| {
        let Ok(body) = &row.body else {
            return String::new();
        };
        let before = seen.entry(body.clone()).or_default();
        *before += 1;
        idempotency_key(resource, run.unwrap_or_default(), *before, body)
    };
    let keys: Vec<_> = rows.iter().map(key).collect();
    rows.into_iter().zip(keys).collect()
}

/// The key of a row in a run; `ordinal` counts the rows with this body from 1.
fn idempotency_key(resource: Resource, run: &str, ordinal: usize, body: &str) -> String {
    // The length marks where the run's id ends.
    let text = format!("{}\n{ordinal}\n{}\n{run}{body}", resource.name(), run.len());
    format!(
        "import-{}",
        URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, text.as_bytes()))
    )
}

/// A new id for a run that adds rows again.
///
/// # Errors
/// If the machine has no randomness.
pub fn random_run() -> Result<String, String> {
    let mut bytes = [0; 6];
    rand::fill(&mut bytes).map_err(|_| "this machine has no randomness")?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{digits}{}", check_digits(&digits)))
}

/// Two more digits, which reveal a mistyped id.
fn check_digits(digits: &str) -> String {
    let digest = digest::digest(&SHA256, format!("run {digits}").as_bytes());
    format!("{:02x}", digest.as_ref()[0])
}

/// Checks that [`random_run`] has made an id: a mistyped id would be a new run, which adds every
/// row again.
///
/// # Errors
/// What is wrong with the id.
pub fn check_run(id: &str) -> Result<String, String> {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    match id.split_at_checked(12) {
        None if id.is_empty() => {
            Err("the id is empty; without = and an id, --again begins a new run".into())
        }
        Some((digits, check)) if id.bytes().all(is_hex) && check == check_digits(digits) => {
            Ok(id.to_owned())
        }
        _ => Err("no import has printed this id; is it complete and typed correctly?".into()),
    }
}

async fn send(
    api: &Api,
    resource: Resource,
    row: Row,
    key: String,
    stopped: watch::Receiver<bool>,
) -> Outcome {
    let line = row.line;
    let body = match row.body {
        Ok(body) => body,
        Err(reasons) => return Outcome::Rejected(RejectedRow { line, reasons }),
    };
    match api
        .post(&format!("/{}", resource.name()), &key, &body, stopped)
        .await
    {
        Ok(ApiResponse {
            status: 200, body, ..
        }) if row_id(resource, &body).is_none() => Outcome::Stopped(api.foreign(200)),
        Ok(ApiResponse {
            status: 200,
            replayed: true,
            ..
        }) => Outcome::Replayed,
        Ok(ApiResponse { status: 200, .. }) => Outcome::Created,
        Ok(response) => Outcome::Rejected(RejectedRow {
            line,
            reasons: reasons(&response, &row.original_indexes),
        }),
        Err(stop) => Outcome::Stopped(stop),
    }
}

/// The id of the row of the resource that the body has.
pub(crate) fn row_id(resource: Resource, body: &[u8]) -> Option<u64> {
    let rows = Members::parse(body)
        .ok()
        .and_then(|response| response.get(resource.name()));
    let rows: Vec<&RawValue> = rows
        .and_then(|rows| serde_json::from_str(rows.get()).ok())
        .unwrap_or_default();
    let row = rows
        .first()
        .and_then(|row| Members::parse(row.get().as_bytes()).ok());
    row?.get("id")?.get().parse().ok()
}

/// The reasons of an error response. `original_indexes` are the indexes of the cast's credits in
/// the file.
pub(crate) fn reasons(response: &ApiResponse, original_indexes: &[usize]) -> String {
    #[derive(Deserialize)]
    struct Detail {
        field: String,
        message: String,
    }
    #[derive(Deserialize)]
    struct Body {
        details: Vec<Detail>,
    }
    match serde_json::from_slice::<Body>(&response.body) {
        Ok(Body { details }) if !details.is_empty() => {
            let details: Vec<_> = details
                .iter()
                .map(|it| {
                    format!(
                        "{}: {}",
                        field_in_file(&it.field, original_indexes),
                        it.message
                    )
                })
                .collect();
            shortened(&details.join("; "))
        }
        _ => format!("{} {}", response.status, message(&response.body)),
    }
}

/// A field's name, in which a credit has its index in the file instead of that in the request.
fn field_in_file<'a>(field: &'a str, original_indexes: &[usize]) -> Cow<'a, str> {
    let credit = field
        .strip_prefix("cast[")
        .and_then(|rest| rest.split_once(']'));
    let original = credit
        .and_then(|(sent, rest)| Some((original_indexes.get(sent.parse::<usize>().ok()?)?, rest)));
    original.map_or(Cow::Borrowed(field), |(index, rest)| {
        Cow::Owned(format!("cast[{index}]{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(resource: Resource, bodies: &[&str], run: Option<&str>) -> Vec<String> {
        let row = |body: &&str| Row {
            line: 1,
            body: Ok((*body).to_owned()),
            original_indexes: Vec::new(),
        };
        with_keys(resource, bodies.iter().map(row).collect(), run)
            .into_iter()
            .map(|(_, key)| key)
            .collect()
    }

    #[test]
    fn a_row_keeps_its_key_whatever_happens_to_the_others() {
        let before = keys(Resource::Actors, &["a", "b", "c"], None);
        let after = keys(Resource::Actors, &["new", "c", "a", "corrected"], None);
        assert_eq!((&after[1], &after[2]), (&before[2], &before[0]));
        assert!(!before.contains(&after[0]) && !before.contains(&after[3]));
    }

    #[test]
    fn equal_rows_have_keys_of_their_own() {
        let keys = keys(Resource::Actors, &["a", "a", "b", "a"], None);
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
            assert!(
                key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic()),
                "{key}"
            );
        }
        let moved = self::keys(Resource::Actors, &["b", "a", "a", "a"], None);
        assert_eq!(keys, [1, 2, 0, 3].map(|index: usize| moved[index].clone()));
    }

    #[test]
    fn resources_and_runs_have_keys_of_their_own() {
        let key = |resource, run| keys(resource, &["a"], run).remove(0);
        let plain = key(Resource::Actors, None);
        assert_ne!(plain, key(Resource::Movies, None));
        assert_ne!(plain, key(Resource::Actors, Some("1")));
        assert_ne!(
            key(Resource::Actors, Some("2")),
            key(Resource::Actors, Some("1"))
        );
        assert_eq!(
            key(Resource::Actors, Some("1")),
            key(Resource::Actors, Some("1"))
        );
    }

    #[test]
    fn a_mistyped_id_of_a_run_is_known() {
        let id = random_run().unwrap();
        assert_eq!((id.len(), check_run(&id)), (14, Ok(id.clone())));
        let swapped = "0123456789ab".to_owned() + &check_digits("0123456789ab");
        for bad in [
            "",
            "other",
            "once more",
            &id[..12],
            &id.to_uppercase().replace(char::is_numeric, "A"),
            "éééééééééééééé",
        ] {
            assert!(check_run(bad).is_err(), "{bad}");
        }
        assert!(check_run(&swapped).is_ok());
        assert!(check_run(&swapped.replacen("01", "10", 1)).is_err());
        assert!(check_run(&swapped.replacen('5', "4", 1)).is_err());
    }

    #[test]
    fn a_credit_is_named_by_its_place_in_the_file() {
        let check =
            |field: &str, expected: &str| assert_eq!(field_in_file(field, &[2, 0, 1]), expected);
        check("cast[0].actor_id", "cast[2].actor_id");
        check("cast[1]", "cast[0]");
        check("cast[3].actor_id", "cast[3].actor_id");
        check("cast[x]", "cast[x]");
        check("cast", "cast");
        assert_eq!(field_in_file("cast[0].actor_id", &[]), "cast[0].actor_id");
    }

    #[test]
    fn an_error_gives_every_reason() {
        let check = |body: &str, expected: &str| {
            assert_eq!(
                reasons(
                    &ApiResponse {
                        status: 413,
                        replayed: false,
                        tag: None,
                        body: body.into()
                    },
                    &[]
                ),
                expected
            );
        };
        let details = r#"{"message":"unprocessable","details":[{"field":"name","message":"is required"},{"field":"age","message":"must be a number"}]}"#;
        check(details, "name: is required; age: must be a number");
        check(
            r#"{"message":"payload too large"}"#,
            "413 payload too large",
        );
        check("", "413 no reason given");
    }
}
