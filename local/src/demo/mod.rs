//! A small agency to look around in, made up by this project and sent through the public API like anybody's rows.

mod agency;
mod dice;
mod names;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::sync::watch;

use crate::transfer::{Answer, Api, Resource, Stop, idempotency_key, reasons};
use agency::Agency;

/// How many actors there are.
pub const ACTORS: usize = 240;
/// How many movies there are.
pub const MOVIES: usize = 48;

/// What tells the demo's keys from those of an import of the same rows.
const RUN: &str = "demo";
/// The most requests at a time.
const AT_ONCE: usize = 8;

/// What came of filling an API.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The actors.
    pub actors: Count,
    /// The movies, each with its cast.
    pub movies: Count,
}

/// How many rows of a kind there are now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Made by this run.
    pub made: usize,
    /// Made by one of the 24 hours before it.
    pub there: usize,
}

/// Why not every row is there.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The API is asked no further.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// The API takes a row for none, so an actor of a cast is gone or this is another version of it.
    #[error("the API refuses one of the {}: {reasons}", .resource.name())]
    Refused {
        /// What the row is.
        resource: Resource,
        /// Why, in the API's words.
        reasons: String,
    },
}

/// Adds the agency's actors, and then the movies with casts of those. Within 24 hours nothing is added twice.
///
/// # Errors
/// [`DemoError`]; what is missing then is added by the next run.
pub async fn fill(api: &Api) -> Result<Filled, DemoError> {
    let agency = Agency::new();
    let actors = add_all(api, Resource::Actors, agency.actors()).await?;
    let ids: Vec<_> = actors.iter().map(|actor| actor.id).collect();
    let movies = add_all(api, Resource::Movies, agency.movies(&ids)).await?;
    Ok(Filled { actors: Count::of(&actors), movies: Count::of(&movies) })
}

/// A row that is there now.
struct Added {
    id: u64,
    /// Whether it was there before.
    replayed: bool,
}

impl Count {
    fn of(rows: &[Added]) -> Self {
        let there = rows.iter().filter(|row| row.replayed).count();
        Self { made: rows.len() - there, there }
    }
}

/// Adds rows, several at a time, and gives them in the order they came in.
async fn add_all(api: &Api, resource: Resource, rows: Vec<Value>) -> Result<Vec<Added>, DemoError> {
    // Nobody stops this in an orderly way: whatever is missing, the next run adds.
    let (_running, stopped) = watch::channel(false);
    let added = stream::iter(rows).enumerate().map(|(index, row)| add(api, resource, index, row, stopped.clone()));
    added.buffered(AT_ONCE).try_collect().await
}

async fn add(
    api: &Api,
    resource: Resource,
    index: usize,
    row: Value,
    stopped: watch::Receiver<bool>,
) -> Result<Added, DemoError> {
    let body = row.to_string();
    let key = idempotency_key(resource, RUN, index, &body);
    match api.post(&format!("/{}", resource.name()), &key, &body, stopped).await? {
        Answer { status: 200, replayed, body } => {
            let id = id(resource, &body).ok_or_else(|| api.foreign(200))?;
            Ok(Added { id, replayed })
        }
        answer => Err(DemoError::Refused { resource, reasons: reasons(&answer) }),
    }
}

/// The id of the row that an answer holds.
fn id(resource: Resource, body: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer[resource.name()][0]["id"].as_u64()
}
