//! Sample rows, written to the tables without the API.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt, TryStreamExt, stream};
use shared::model::{Actor, Age, Gender, Id, Movie, Name, ReleaseDate};
use shared::store::{BUCKET, COUNTERPART, ID, OWNER, Record};

use crate::{Failure, failed};

const FIRST: [&str; 12] = [
    "Mara", "Ilse", "Tomé", "Zoya", "Björn", "Aiko", "Noor", "Sefa", "Quentin", "Léonie", "Marek",
    "Oona",
];
const LAST: [&str; 10] = [
    "Quintanilla",
    "Varga",
    "Okonjo",
    "Lindqvist",
    "Sarkar",
    "Ferro",
    "Ó Briain",
    "Tanaka",
    "Novák",
    "Marín",
];
const TITLES: [&str; 8] = [
    "The Night",
    "A Harbour",
    "Salt",
    "Nightfall",
    "An Orchard",
    "Paper Boats",
    "The Long Way",
    "Glass",
];

/// A kind of row that has samples.
pub(crate) trait SampleRow: Record {
    /// The sample with this id.
    fn sample(id: Id) -> Option<Self>;
}

/// Picks a text by `number`; different `step`s make independent choices.
fn one_of(texts: &[&'static str], number: u64, step: u64) -> &'static str {
    texts[usize::try_from(number / step % texts.len() as u64).unwrap_or_default()]
}

impl SampleRow for Actor {
    fn sample(id: Id) -> Option<Self> {
        let number = id.get();
        let name = format!(
            "{} {}",
            one_of(&FIRST, number, 1),
            one_of(&LAST, number, 12)
        );
        let gender = if number.is_multiple_of(97) {
            "non-binary"
        } else {
            one_of(&["female", "male"], number, 3)
        };
        Some(Self {
            id,
            name: Name::new(&name)?,
            age: Age::new(5 + number * 7 % 85)?,
            gender: Gender::new(gender)?,
        })
    }
}

impl SampleRow for Movie {
    fn sample(id: Id) -> Option<Self> {
        let number = id.get();
        let title = format!("{} {}", one_of(&TITLES, number, 1), number % 1000);
        // Spreads the dates over 130 years from 1900 on.
        let seconds = -2_208_988_800 + i64::try_from(number * 7919 % 47_000).ok()? * 86_400;
        Some(Self {
            id,
            title: Name::new(&title)?,
            release_date: ReleaseDate::from_timestamp(seconds)?,
        })
    }
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The item of a row, as the store writes it.
fn put<R: Record>(row: &R) -> Result<WriteRequest, Failure> {
    let id = row.id().get();
    let mut put = PutRequest::builder()
        .item(BUCKET, number(id / 1000))
        .item(ID, number(id));
    put = put.item("version", number(1));
    for (name, value) in row.attributes() {
        put = put.item(name, value);
    }
    Ok(WriteRequest::builder().put_request(put.build()?).build())
}

/// Writes the rows with these ids to a table, and sets its counter accordingly.
pub(crate) async fn fill<R: SampleRow>(
    client: &Client,
    table: &str,
    from: u64,
    to: u64,
) -> Result<(), Failure> {
    let batches = (from..=to)
        .step_by(25)
        .map(|first| first..=(first + 24).min(to));
    let writes = stream::iter(batches).map(async |ids| {
        let rows = ids.map(|id| {
            Id::new(id)
                .and_then(R::sample)
                .ok_or_else(|| failed("no such row"))
        });
        let batch = rows.map(|row| put(&row?)).collect::<Result<Vec<_>, _>>()?;
        let mut left = Some(batch);
        while let Some(batch) = left.take() {
            let written = client
                .batch_write_item()
                .request_items(table, batch)
                .send()
                .await;
            let written = written.map_err(|error| failed(DisplayErrorContext(error)))?;
            left = written.unprocessed_items.unwrap_or_default().remove(table);
        }
        Ok::<_, Failure>(())
    });
    writes.buffer_unordered(2).try_collect::<()>().await?;
    let counter = client
        .put_item()
        .table_name(table)
        .item(BUCKET, number(-1))
        .item(ID, number(0));
    counter.item("last_id", number(to)).send().await?;
    Ok(())
}

/// Adds actors to a movie's cast: each credit is stored under its movie and under its actor.
pub(crate) async fn cast(client: &Client, movie: u64, actors: &[u64]) -> Result<(), Failure> {
    for actor in actors {
        for (owner, counterpart) in [
            (format!("movie#{movie}"), actor),
            (format!("actor#{actor}"), &movie),
        ] {
            let put = client
                .put_item()
                .table_name(local::CREDITS_TABLE)
                .item(OWNER, AttributeValue::S(owner));
            put.item(COUNTERPART, number(counterpart))
                .item("character", AttributeValue::S("Ann".to_owned()))
                .send()
                .await?;
        }
    }
    Ok(())
}
