//! Completes the cast of a movie that has more credits than one request can add.

use std::collections::BTreeMap;

use serde_json::json;
use tokio::sync::watch;

use super::{FIRST_CREDITS, RestoreError};
use crate::api::ApiResponse;
use crate::backup::{Credit, Walk, cast_json};
use crate::{Api, Resource};

/// The most attempts at a cast that other clients keep changing.
const MAX_ATTEMPTS: usize = 20;

/// How completing a cast ends.
pub(super) enum Completed {
    /// Every credit is there.
    Yes,
    /// The movie was deleted.
    Deleted,
    /// The API rejects the cast.
    Rejected(ApiResponse),
    /// Other clients keep changing the movie.
    Contended,
}

/// Adds the missing credits to a movie's cast, step by step. Credits that other clients have added
/// stay.
pub(super) async fn complete(
    api: &Api,
    movie: u64,
    cast: &[Credit],
) -> Result<Completed, RestoreError> {
    let (_running, stopped) = watch::channel(false);
    let path = format!("/movies/{movie}");
    'read: for _ in 0..MAX_ATTEMPTS {
        // The tag is read before the cast, so that a change between them is a 412.
        let row = api.get_row(&path, stopped.clone()).await?;
        let tag = match (row.status, row.tag) {
            (404, _) => return Ok(Completed::Deleted),
            (200, Some(tag)) => tag,
            (status, _) => return Err(api.foreign(status).into()),
        };
        let Some(row) = Walk::row(api, Resource::Movies, movie).await? else {
            return Ok(Completed::Deleted);
        };
        let mut there: BTreeMap<u64, &Credit> = row
            .cast
            .iter()
            .map(|credit| (credit.actor, credit))
            .collect();
        let mut tag = tag;
        loop {
            let is_missing = |credit: &&Credit| there.get(&credit.actor) != Some(credit);
            let step: Vec<_> = cast.iter().filter(is_missing).take(FIRST_CREDITS).collect();
            if step.is_empty() {
                return Ok(Completed::Yes);
            }
            there.extend(step.into_iter().map(|credit| (credit.actor, credit)));
            let whole: Vec<_> = there.values().map(|credit| (*credit).clone()).collect();
            let body = json!({ "cast": cast_json(&whole) }).to_string();
            let response = api.patch(&path, &tag, &body, stopped.clone()).await?;
            match (response.status, &response.tag) {
                (200, Some(new)) => tag.clone_from(new),
                // Changed since it was read; or a repeated request whose first response was lost.
                (412, _) => continue 'read,
                (404, _) => return Ok(Completed::Deleted),
                (200, None) => return Err(api.foreign(200).into()),
                _ => return Ok(Completed::Rejected(response)),
            }
        }
    }
    Ok(Completed::Contended)
}
