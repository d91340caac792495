//! A small made-up agency to look around in, sent through the public API like any other rows.

mod agency;
mod dice;
mod names;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::sync::watch;

use crate::transfer::{Api, ApiResponse, Resource, Stop, idempotency_key, reasons};
use agency::Agency;

/// The number of actors.
pub const ACTORS: usize = 240;
/// The number of movies.
pub const MOVIES: usize = 48;

/// Distinguishes the demo's idempotency keys from those of an import of the same rows.
const RUN: &str = "demo";
/// The most requests at the same time.
const AT_ONCE: usize = 8;

/// The result of filling an API.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The actors.
    pub actors: Count,
    /// The movies, each with its cast.
    pub movies: Count,
}

/// How many rows of a kind exist now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Created by this run.
    pub made: usize,
    /// Created by an earlier run within the last 24 hours.
    pub there: usize,
}

/// Why some rows are missing.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The run sends no more requests.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// The API rejects a row: an actor of its cast was deleted, or the API is another version.
    #[error("the API refuses one of the {}: {reasons}", .resource.name())]
    Refused {
        /// The kind of row.
        resource: Resource,
        /// The API's reasons.
        reasons: String,
    },
}

/// Adds the agency's actors, then the movies with their casts. Within 24 hours nothing is added
/// twice.
///
/// # Errors
/// [`DemoError`]; the next run adds the missing rows.
pub async fn fill(api: &Api) -> Result<Filled, DemoError> {
    let agency = Agency::new();
    let actors = add_all(api, Resource::Actors, agency.actors()).await?;
    let ids: Vec<_> = actors.iter().map(|actor| actor.id).collect();
    let movies = add_all(api, Resource::Movies, agency.movies(&ids)).await?;
    Ok(Filled {
        actors: Count::of(&actors),
        movies: Count::of(&movies),
    })
}

/// A row that exists now.
struct Added {
    id: u64,
    /// Whether an earlier run created it.
    replayed: bool,
}

impl Count {
    fn of(rows: &[Added]) -> Self {
        let there = rows.iter().filter(|row| row.replayed).count();
        Self {
            made: rows.len() - there,
            there,
        }
    }
}

/// Adds rows, several at a time, and returns them in the given order.
async fn add_all(api: &Api, resource: Resource, rows: Vec<Value>) -> Result<Vec<Added>, DemoError> {
    // Nothing sends a stop: if the run is interrupted, the next one adds what is missing.
    let (_running, stopped) = watch::channel(false);
    let added = stream::iter(rows)
        .enumerate()
        .map(|(index, row)| add(api, resource, index, row, stopped.clone()));
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
    match api
        .post(&format!("/{}", resource.name()), &key, &body, stopped)
        .await?
    {
        ApiResponse {
            status: 200,
            replayed,
            body,
        } => {
            let id = id(resource, &body).ok_or_else(|| api.foreign(200))?;
            Ok(Added { id, replayed })
        }
        response => Err(DemoError::Refused {
            resource,
            reasons: reasons(&response),
        }),
    }
}

/// The id of the row in a response body.
fn id(resource: Resource, body: &[u8]) -> Option<u64> {
    let response: Value = serde_json::from_slice(body).ok()?;
    response[resource.name()][0]["id"].as_u64()
}
