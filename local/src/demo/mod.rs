//! A small made-up agency to look around in, sent through the public API like any other rows.

mod agency;
mod client;
mod dice;
mod names;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use agency::Agency;
use client::Client;

/// The number of actors.
pub const ACTORS: usize = 240;
/// The number of movies.
pub const MOVIES: usize = 48;

/// The most requests at the same time.
const MAX_CONCURRENT_REQUESTS: usize = 8;

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
    /// The API cannot be reached.
    #[error("the local stack does not respond: {0}")]
    NoResponse(#[from] reqwest::Error),
    /// The API rejects a row: an actor of its cast was deleted, the token is another issuer's, or
    /// the API stays busy.
    #[error("the API rejects one of the {resource} with {status}: {body}")]
    Rejected {
        /// The kind of row.
        resource: &'static str,
        /// The status of the response.
        status: u16,
        /// The body of the response; `null` if it is not JSON.
        body: String,
    },
}

/// Adds the agency's actors, then the movies with their casts, to the API at this URL. Within 24
/// hours nothing is added twice.
///
/// # Errors
/// [`DemoError`]; the next run adds the missing rows.
pub async fn fill(api: &str, token: &str) -> Result<Filled, DemoError> {
    let (client, agency) = (Client::new(api, token)?, Agency::new());
    let actors = add_all(&client, "actors", agency.actors()).await?;
    let ids: Vec<_> = actors.iter().map(|actor| actor.id).collect();
    let movies = add_all(&client, "movies", agency.movies(&ids)).await?;
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
async fn add_all(
    client: &Client,
    resource: &'static str,
    rows: Vec<Value>,
) -> Result<Vec<Added>, DemoError> {
    let added = stream::iter(&rows).map(|row| client.add(resource, row));
    added.buffered(MAX_CONCURRENT_REQUESTS).try_collect().await
}
