//! Reads a list page by page, in the order of the ids, as records.

use tokio::sync::watch;

use super::record::Record;
use crate::api::ApiResponse;
use crate::pages::{Page, PageError, Progress, TakeError};
use crate::{Api, Resource, Stop};

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The client sends no more requests.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// A page cannot be one of the list.
    #[error("{0}")]
    Page(#[from] PageError),
}

impl From<TakeError> for ListError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Page(error) => error.into(),
            TakeError::Stop(error) => error.into(),
        }
    }
}

/// The smallest pages that a busy API is asked for.
const MIN_LIMIT: usize = 5;

/// A list that is being read.
pub(crate) struct Walk<'a> {
    api: &'a Api,
    resource: Resource,
    limit: usize,
    /// The greatest id so far, or the id that the list begins after.
    last_id: u64,
    next: Option<String>,
    progress: Progress,
    stopped: watch::Receiver<bool>,
    /// Nothing sends a stop: a reader that is interrupted is dropped.
    _running: watch::Sender<bool>,
}

impl<'a> Walk<'a> {
    /// The rows with an id greater than `after`; movies have their casts.
    pub(crate) fn new(api: &'a Api, resource: Resource, after: u64) -> Self {
        let limit = match resource {
            Resource::Actors => 1000,
            Resource::Movies => 100,
        };
        Self::with_limit(api, resource, after, limit)
    }

    /// The row with this id, a movie with its cast; `None` if there is none.
    pub(crate) async fn row(
        api: &'a Api,
        resource: Resource,
        id: u64,
    ) -> Result<Option<Record>, ListError> {
        let mut walk = Self::with_limit(api, resource, id.saturating_sub(1), 1);
        let rows = walk.next().await?.unwrap_or_default();
        Ok(rows.into_iter().find(|row| row.id == id))
    }

    /// Reads a page of one row, to learn whether the token may read the list.
    pub(crate) async fn try_list(api: &'a Api, resource: Resource) -> Result<(), ListError> {
        let mut walk = Self::with_limit(api, resource, 0, 1);
        walk.next().await.map(drop)
    }

    fn with_limit(api: &'a Api, resource: Resource, after: u64, limit: usize) -> Self {
        let (running, stopped) = watch::channel(false);
        Self {
            api,
            resource,
            limit,
            last_id: after,
            next: Some(path(resource, after, limit)),
            progress: Progress::default(),
            stopped,
            _running: running,
        }
    }

    /// The rows of the next page, which may be none; `None` after the last page.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Record>>, ListError> {
        let Some(path) = self.next.take() else {
            return Ok(None);
        };
        let response = self.page(path).await?;
        let foreign = || self.api.foreign(response.status);
        let page = Page::parse(self.resource, &response).ok_or_else(foreign)?;
        self.next = (self.progress).take(self.api, self.resource, self.limit, &page)?;
        let records = page.rows.iter();
        let records = records.map(|row| Record::from_api(self.resource, row));
        let records: Vec<_> = records.collect::<Option<_>>().ok_or_else(foreign)?;
        self.last_id = records.last().map_or(self.last_id, |row| row.id);
        Ok(Some(records))
    }

    /// Gets a page. An API that is too busy for it is asked for smaller and smaller ones: a page of
    /// casts takes it a hundred times as long as a row.
    async fn page(&mut self, mut path: String) -> Result<ApiResponse, Stop> {
        loop {
            let response = self.api.get(&path, self.stopped.clone()).await;
            let is_too_large = matches!(response, Err(Stop::Busy { .. } | Stop::Slow { .. }));
            if !is_too_large || self.limit <= MIN_LIMIT {
                return response;
            }
            self.limit = (self.limit / 4).max(MIN_LIMIT);
            path = self::path(self.resource, self.last_id, self.limit);
        }
    }
}

/// The path of a page of a list, which has the casts of movies.
fn path(resource: Resource, after: u64, limit: usize) -> String {
    let include = match resource {
        Resource::Actors => "",
        Resource::Movies => "&include=cast",
    };
    let from = match after {
        0 => String::new(),
        _ => format!("&after={after}"),
    };
    format!("/{}?limit={limit}{include}{from}", resource.name())
}
