//! Writes every row's name or title again, so that the API gives it the index keys of its version.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;

use crate::api::ApiResponse;
use crate::pages::{Page, PageError, Progress, TakeError};
use crate::{Api, Resource, Stop};

/// The most rows of a page, after each of which the progress is reported.
const PAGE_ROWS: usize = 100;
/// The most rows that are written concurrently.
const MAX_CONCURRENT_ROWS: usize = 8;
/// The most attempts at a row that other clients keep changing.
const MAX_ATTEMPTS: usize = 20;

/// Why some rows are not written.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// The client sends no more requests.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// A page cannot be one of the list.
    #[error("{0}")]
    Page(#[from] PageError),
    /// Other clients keep changing the row.
    #[error("row {0} changes all the time")]
    Contended(u64),
}

impl From<TakeError> for ReindexError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Page(error) => error.into(),
            TakeError::Stop(error) => error.into(),
        }
    }
}

/// How far the command has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// How many rows were written. A row that is deleted meanwhile is not counted.
    pub rows: usize,
    /// Every row up to this id has been written.
    pub last_id: u64,
}

/// Writes the name or title of every row with an id greater than `after`, unchanged: the API makes
/// its index keys again. Each row costs one GET and one PATCH, and its version grows by one. A row
/// is written only in the version that was read, so no other client's change is lost.
///
/// Calls `report` after each page.
///
/// # Errors
/// [`ReindexError`]. Continue after the last id that was reported.
pub async fn reindex(
    api: &Api,
    resource: Resource,
    after: u64,
    mut report: impl FnMut(Reindexed),
) -> Result<Reindexed, ReindexError> {
    // Nothing sends a stop: an interrupted command is dropped between requests or within one.
    let (_running, stopped) = watch::channel(false);
    let mut done = Reindexed {
        rows: 0,
        last_id: after,
    };
    let from = if after == 0 {
        String::new()
    } else {
        format!("&after={after}")
    };
    let mut next = Some(format!("/{}?limit={PAGE_ROWS}{from}", resource.name()));
    let mut progress = Progress::default();
    while let Some(path) = next {
        let response = api.get(&path, stopped.clone()).await?;
        let page = Page::parse(resource, &response).ok_or_else(|| api.foreign(response.status))?;
        next = progress.take(api, resource, PAGE_ROWS, &page)?;
        let ids: Vec<u64> = page
            .rows
            .iter()
            .filter_map(|row| row.get("id")?.get().parse().ok())
            .collect();
        let writes = stream::iter(ids.iter().copied())
            .map(|id| write_again(api, resource, id, stopped.clone()));
        let written: Vec<bool> = writes
            .buffer_unordered(MAX_CONCURRENT_ROWS)
            .try_collect()
            .await?;
        done.rows += written.into_iter().filter(|written| *written).count();
        done.last_id = ids.last().copied().unwrap_or(done.last_id);
        report(done);
    }
    Ok(done)
}

/// Writes the row's name or title as it is. Returns whether the row still exists.
async fn write_again(
    api: &Api,
    resource: Resource,
    id: u64,
    stopped: watch::Receiver<bool>,
) -> Result<bool, ReindexError> {
    let path = format!("/{}/{id}", resource.name());
    let field = match resource {
        Resource::Actors => "name",
        Resource::Movies => "title",
    };
    for _ in 0..MAX_ATTEMPTS {
        let row = api.get_row(&path, stopped.clone()).await?;
        if row.status == 404 {
            return Ok(false);
        }
        let (tag, text) =
            tag_and_text(resource, field, &row).ok_or_else(|| api.foreign(row.status))?;
        let body = json!({ field: text }).to_string();
        match api.patch(&path, &tag, &body, stopped.clone()).await?.status {
            200 => return Ok(true),
            404 => return Ok(false),
            // Changed since it was read.
            412 => {}
            status => return Err(api.foreign(status).into()),
        }
    }
    Err(ReindexError::Contended(id))
}

/// The `ETag` of a response with one row, and the text of this field.
fn tag_and_text(resource: Resource, field: &str, row: &ApiResponse) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(&row.body).ok()?;
    let text = body[resource.name()][0][field].as_str()?;
    Some((row.tag.clone()?, text.to_owned()))
}
