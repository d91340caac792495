//! Adds the rows of a backup to an agency, and compares an agency with a backup.
//!
//! Every row gets a new id. A journal beside the backup has the new ids; a restore that was killed
//! continues with it, and a second one finds every row in it.

mod cast;
mod check;
mod journal;
mod search;
mod verify;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::watch;

use crate::api::ApiResponse;
use crate::backup::{ListError, Record, Walk};
use crate::import::{reasons, row_id};
use crate::json_lines::MAX_CREDITS;
use crate::{Api, RejectedRow, Resource, Stop, Summary};
use cast::Completed;
use check::Checked;
use journal::Journal;
use search::{Found, Scope};

pub use check::FileError;
pub use journal::JournalError;
pub use verify::{Difference, Verified, verify};

/// The most credits that one request adds.
const FIRST_CREDITS: usize = MAX_CREDITS;

/// A restore that has not started.
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// What to do with rows that could be in the agency already.
    pub existing: Existing,
    /// The most concurrent requests, at least 1.
    pub concurrency: usize,
}

/// What to do with rows that could be in the agency already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Continue with the journal. Without one, stop if a row of the agency has the values of a row
    /// of the file.
    Stop,
    /// Without a journal, take a row of the agency with the values of a row of the file for that
    /// row, and add the others.
    Match,
    /// Add every row of the file once more.
    Again,
}

/// Why a file is not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file is not a whole backup.
    #[error("{0}")]
    File(#[from] FileError),
    /// The journal cannot be used.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The client sends no more requests, or a page cannot be one of a list.
    #[error("{0}")]
    Api(#[from] ListError),
    /// Rows of the agency have the values of rows of the file, and nothing tells whether an earlier
    /// restore has added them.
    #[error(
        "there is no journal of an earlier restore, and {actors} actors and {movies} movies of the file are in the agency \
         already, with equal values. --match takes those rows for rows of the file and adds the others; --again adds \
         every row of the file"
    )]
    Existing {
        /// How many actors.
        actors: usize,
        /// How many movies.
        movies: usize,
    },
    /// The rows of an earlier restore are gone.
    #[error(
        "{journal} says that rows of this file were added to this agency, and none of those that were looked up is there \
         any more. If the agency was emptied or replaced, delete that file and restore again"
    )]
    Gone {
        /// The journal.
        journal: PathBuf,
    },
    /// An earlier restore is not finished.
    #[error(
        "an earlier restore of this file is not finished; run the command without --again to continue it, or delete {journal} \
         to begin again"
    )]
    Unfinished {
        /// The journal.
        journal: PathBuf,
    },
    /// There is no journal to compare with.
    #[error(
        "there is no journal {journal}: this file was not restored into this API from this folder. casting restore --match \
         makes one from rows with equal values"
    )]
    NoJournal {
        /// The journal.
        journal: PathBuf,
    },
}

impl From<Stop> for RestoreError {
    fn from(stop: Stop) -> Self {
        Self::Api(stop.into())
    }
}

/// Restores a backup until each row has a response, or the API must not be called any more. Calls
/// `report` after each row.
///
/// # Errors
/// [`RestoreError`], before the first row is sent; or if the journal cannot be written.
pub async fn restore(
    api: &Api,
    restore: &Restore,
    mut report: impl FnMut(&Summary),
) -> Result<Summary, RestoreError> {
    let file = Checked::open(File::open(&restore.file).map_err(FileError::from)?)?;
    ensure_permissions(api, &file).await?;
    let mut journal = journal(api, restore, &file).await?;
    journal.begin(api.user(), Utc::now())?;
    let mut summary = Summary {
        rows: (file.header.actors + file.header.movies) as usize,
        replayed: journal.actors.len() + journal.movies.len(),
        ..Summary::default()
    };
    report(&summary);
    let sender = Sender {
        api,
        journal: Mutex::new(journal),
    };
    for resource in [Resource::Actors, Resource::Movies] {
        let known = sender.journal().ids(resource).clone();
        let rows = file.rows(resource)?;
        let rows = rows.filter(|row| {
            let is_known = |(_, row): &(usize, Record)| known.contains_key(&row.id);
            !row.as_ref().is_ok_and(is_known)
        });
        let sent = stream::iter(rows).map(|row| async {
            let (line, row) = row?;
            sender.send(line, &row).await
        });
        let mut outcomes = pin!(sent.buffer_unordered(restore.concurrency));
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(Outcome::Added) => summary.created += 1,
                Ok(Outcome::Rejected(row)) => summary.rejected.push(row),
                Err(RestoreError::Api(ListError::Stop(stop))) => {
                    summary.stop = Some(stop);
                    break;
                }
                Err(error) => return Err(error),
            }
            report(&summary);
        }
        if summary.stop.is_some() {
            break;
        }
    }
    sender.journal().sync()?;
    summary.rejected.sort();
    Ok(summary)
}

/// Sends requests that change nothing, so that a token which is not enough is known before the
/// first row. The API checks permissions before bodies, and these bodies are invalid.
async fn ensure_permissions(api: &Api, file: &Checked) -> Result<(), RestoreError> {
    const NO_OBJECT: &str = "[]";
    let (_running, stopped) = watch::channel(false);
    for resource in [Resource::Actors, Resource::Movies] {
        Walk::try_list(api, resource).await?;
    }
    let mut responses = Vec::new();
    for path in ["/actors", "/movies"] {
        let key = "restore-checks-permissions";
        responses.push(api.post(path, key, NO_OBJECT, stopped.clone()).await?);
    }
    if file.max_credits > FIRST_CREDITS {
        let response = api.patch("/movies/1", "\"0\"", NO_OBJECT, stopped.clone());
        responses.push(response.await?);
    }
    match responses.iter().find(|response| response.status == 200) {
        Some(response) => Err(api.foreign(response.status).into()),
        None => Ok(()),
    }
}

/// The journal to continue with, or a new one.
async fn journal(api: &Api, restore: &Restore, file: &Checked) -> Result<Journal, RestoreError> {
    let path = Journal::path(&restore.file, api.url());
    let create = async || {
        let actor = greatest_id(api, Resource::Actors).await?;
        let movie = greatest_id(api, Resource::Movies).await?;
        let created = Journal::create(&path, &file.header, api.url(), actor, movie);
        created.map_err(RestoreError::from)
    };
    match (
        Journal::open(&path, &file.header, api.url())?,
        restore.existing,
    ) {
        (Some(journal), Existing::Again) => {
            let rows = journal.actors.len() + journal.movies.len();
            if (rows as u64) < file.header.actors + file.header.movies {
                return Err(RestoreError::Unfinished { journal: path });
            }
            drop(journal);
            create().await
        }
        (Some(mut journal), _) => {
            ensure_not_gone(api, file, &journal, &path).await?;
            if journal.needs_search(api.user(), Utc::now()) {
                let scope = Scope {
                    actors: &journal.actors,
                    movies: &journal.movies,
                    partial: &journal.partial,
                    after_actor: journal.greatest_before(Resource::Actors),
                    after_movie: journal.greatest_before(Resource::Movies),
                };
                let found = search::search(api, file, &scope).await?;
                add_found(&mut journal, &found)?;
            }
            Ok(journal)
        }
        (None, Existing::Again) => create().await,
        (None, existing) => {
            let found = search_everywhere(api, file).await?;
            let (actors, movies) = (found.actors.len(), found.movies.len());
            if actors + movies > 0 && existing == Existing::Stop {
                return Err(RestoreError::Existing { actors, movies });
            }
            let mut journal = create().await?;
            add_found(&mut journal, &found)?;
            Ok(journal)
        }
    }
}

/// Searches the whole agency for rows of the file.
async fn search_everywhere(api: &Api, file: &Checked) -> Result<Found, RestoreError> {
    let none = HashMap::new();
    let scope = Scope {
        actors: &none,
        movies: &none,
        partial: &none,
        after_actor: 0,
        after_movie: 0,
    };
    search::search(api, file, &scope).await
}

fn add_found(journal: &mut Journal, found: &Found) -> Result<(), JournalError> {
    for (old, id) in &found.actors {
        journal.add(Resource::Actors, *old, *id, false)?;
    }
    for movie in &found.movies {
        journal.add(Resource::Movies, movie.old, movie.id, movie.is_partial)?;
    }
    journal.sync()
}

/// The greatest id of a list; 0 if it is empty.
async fn greatest_id(api: &Api, resource: Resource) -> Result<u64, RestoreError> {
    let (_running, stopped) = watch::channel(false);
    let path = format!("/{}?limit=1&sort=-id", resource.name());
    let response = api.get(&path, stopped).await?;
    let page = crate::pages::Page::parse(resource, &response);
    let page = page.ok_or_else(|| api.foreign(response.status))?;
    let id = match page.rows.first() {
        Some(row) => row.get("id").and_then(|id| id.get().parse().ok()),
        None => Some(0),
    };
    Ok(id.ok_or_else(|| api.foreign(response.status))?)
}

/// Looks up a few rows of the journal. If none of them is there with its name, the agency is not
/// the one that the rows were added to.
async fn ensure_not_gone(
    api: &Api,
    file: &Checked,
    journal: &Journal,
    path: &Path,
) -> Result<(), RestoreError> {
    /// How many rows of each resource are looked up.
    const SAMPLES: usize = 4;
    let mut is_any_known = false;
    for resource in [Resource::Actors, Resource::Movies] {
        let ids = journal.ids(resource);
        let step = (ids.len() / SAMPLES).max(1);
        let mut seen = 0;
        for row in file.rows(resource)? {
            let (_, row) = row?;
            let Some(id) = ids.get(&row.id) else {
                continue;
            };
            seen += 1;
            if seen % step != 0 {
                continue;
            }
            is_any_known = true;
            let there = Walk::row(api, resource, *id).await?;
            if there.is_some_and(|it| it.content_without_cast() == row.content_without_cast()) {
                return Ok(());
            }
        }
    }
    match is_any_known {
        true => Err(RestoreError::Gone {
            journal: path.to_owned(),
        }),
        false => Ok(()),
    }
}

/// The result of one row.
enum Outcome {
    Added,
    Rejected(RejectedRow),
}

/// Sends rows, and notes them in the journal.
struct Sender<'a> {
    api: &'a Api,
    journal: Mutex<Journal>,
}

impl Sender<'_> {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, line: usize, row: &Record) -> Result<Outcome, RestoreError> {
        let rejected = |reasons| Ok(Outcome::Rejected(RejectedRow { line, reasons }));
        let cast = row.cast_with(&self.journal().actors);
        let cast = match cast {
            Ok(cast) => cast,
            Err(actor) => {
                return rejected(format!("its actor {actor} of the file was not added"));
            }
        };
        let first = &cast[..cast.len().min(FIRST_CREDITS)];
        let is_partial = first.len() < cast.len();
        let there = self.journal().partial.get(&row.id).copied();
        let id = match there {
            Some(id) => id,
            None => match self.post(row, &row.body(first)).await? {
                Ok(id) => {
                    self.journal().add(row.resource, row.id, id, is_partial)?;
                    id
                }
                Err(response) => return rejected(reasons(&response, &[])),
            },
        };
        if !is_partial {
            return Ok(Outcome::Added);
        }
        match cast::complete(self.api, id, &cast).await? {
            Completed::Yes => self.journal().add(row.resource, row.id, id, false)?,
            Completed::Deleted => {
                return rejected(format!("movie {id} was deleted while its cast was added"));
            }
            Completed::Rejected(response) => {
                let reasons = reasons(&response, &[]);
                return rejected(format!("movie {id} has only a part of its cast: {reasons}"));
            }
            Completed::Contended => {
                return rejected(format!("movie {id} changes all the time"));
            }
        }
        Ok(Outcome::Added)
    }

    /// Adds a row. Returns its id, or the response that rejects it.
    async fn post(
        &self,
        row: &Record,
        body: &str,
    ) -> Result<Result<u64, ApiResponse>, RestoreError> {
        let (_running, stopped) = watch::channel(false);
        let key = self.journal().key(row.resource, row.id);
        let path = format!("/{}", row.resource.name());
        let response = self.api.post(&path, &key, body, stopped).await?;
        if response.status != 200 {
            return Ok(Err(response));
        }
        let id = row_id(row.resource, &response.body);
        Ok(Ok(id.ok_or_else(|| self.api.foreign(200))?))
    }
}
