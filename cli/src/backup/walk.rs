//! Reads a list page by page, in the order of the ids, as records.

use tokio::sync::watch;

use super::record::Record;
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

/// A list that is being read.
pub(crate) struct Walk<'a> {
    api: &'a Api,
    resource: Resource,
    limit: usize,
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
        let include = match resource {
            Resource::Actors => "",
            Resource::Movies => "&include=cast",
        };
        let from = match after {
            0 => String::new(),
            _ => format!("&after={after}"),
        };
        let (running, stopped) = watch::channel(false);
        Self {
            api,
            resource,
            limit,
            next: Some(format!("/{}?limit={limit}{include}{from}", resource.name())),
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
        let response = self.api.get(&path, self.stopped.clone()).await?;
        let foreign = || self.api.foreign(response.status);
        let page = Page::parse(self.resource, &response).ok_or_else(foreign)?;
        self.next = (self.progress).take(self.api, self.resource, self.limit, &page)?;
        let records = page.rows.iter();
        let records = records.map(|row| Record::from_api(self.resource, row));
        Ok(Some(records.collect::<Option<_>>().ok_or_else(foreign)?))
    }
}
