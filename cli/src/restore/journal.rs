//! What a restore has added so far, in a file beside the backup.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{self, SHA256};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Resource;
use crate::backup::{Header, LineError, Lines, iso, private, sync_folder};

const FORMAT: &str = "casting-agency-restore";
const VERSION: u64 = 1;
/// The journal reaches the disk each time it has so many entries more. After a power failure, the
/// rows of the others are found by their keys or their values.
const ENTRIES_A_SYNC: usize = 200;
/// For how long every row that was sent is found by its key: an hour less than the API knows the
/// first key.
const KEY_LIFE: TimeDelta = TimeDelta::hours(23);

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// Another process restores the same file.
    #[error("{0}: another restore of this file is running")]
    Locked(PathBuf),
    /// The journal is of another file or API, or is no journal.
    #[error("{0} is not the journal of a restore of this file into this API")]
    Foreign(PathBuf),
}

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
struct Start {
    format: String,
    version: u64,
    /// The digest of the backup.
    digest: String,
    /// The URL of the API.
    api: String,
    /// A random id, which is part of each idempotency key.
    run: String,
    /// The greatest ids of the agency before the first row was added.
    greatest_actor: u64,
    greatest_movie: u64,
}

/// A line behind the first.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
enum Entry {
    Actor {
        actor: u64,
        id: u64,
    },
    Movie {
        movie: u64,
        id: u64,
        /// Whether credits of its cast are still missing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// A process has begun to send rows as this user.
    Begin {
        user: String,
        at: String,
    },
}

/// Which rows of a backup have which new ids.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    start: Start,
    /// The new ids of actors, by the ids in the backup.
    pub(super) actors: HashMap<u64, u64>,
    pub(super) movies: HashMap<u64, u64>,
    /// The movies whose casts are not complete.
    pub(super) partial: HashMap<u64, u64>,
    users: HashSet<String>,
    /// When the first process began.
    begun: Option<DateTime<Utc>>,
    unsynced: usize,
}

impl Journal {
    /// The journal of a restore of this file into this API: a file beside it.
    pub(super) fn path(backup: &Path, api: &str) -> PathBuf {
        let digest = digest::digest(&SHA256, api.as_bytes());
        let digits: String = digest.as_ref()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        backup.with_added_extension(format!("{digits}.restored"))
    }

    /// Opens the journal; `None` if there is none, or one in which no row is noted.
    pub(super) fn open(
        path: &Path,
        header: &Header,
        api: &str,
    ) -> Result<Option<Self>, JournalError> {
        let at = |error| JournalError::File {
            path: path.to_owned(),
            error,
        };
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(at)?,
        };
        lock(&file, path)?;
        let mut lines = Lines::new(BufReader::new(&file));
        let foreign = || JournalError::Foreign(path.to_owned());
        let start = match lines.next() {
            // A kill before the first line was written.
            Ok(None) | Err(LineError::Unended(_)) => return Ok(None),
            Ok(Some(line)) => serde_json::from_str::<Start>(line).map_err(|_| foreign())?,
            Err(_) => return Err(foreign()),
        };
        let expected = (FORMAT, VERSION, header.digest.as_str(), api);
        let found = (&*start.format, start.version, &*start.digest, &*start.api);
        if found != expected {
            return Err(foreign());
        }
        let mut journal = Self::new(file.try_clone().map_err(at)?, path, start);
        let mut end = lines.end;
        // After a kill or a power failure, the last line may be incomplete.
        while let Ok(Some(line)) = lines.next() {
            let Ok(entry) = serde_json::from_str(line) else {
                break;
            };
            journal.take(entry);
            end = lines.end;
        }
        file.set_len(end).map_err(at)?;
        Ok(Some(journal))
    }

    /// Creates a journal, which replaces another one.
    pub(super) fn create(
        path: &Path,
        header: &Header,
        api: &str,
        greatest_actor: u64,
        greatest_movie: u64,
    ) -> Result<Self, JournalError> {
        let at = |error| JournalError::File {
            path: path.to_owned(),
            error,
        };
        let run = crate::random_run().map_err(|error| at(io::Error::other(error)))?;
        let start = Start {
            format: FORMAT.into(),
            version: VERSION,
            digest: header.digest.clone(),
            api: api.into(),
            run,
            greatest_actor,
            greatest_movie,
        };
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true);
        let mut file = private(options).open(path).map_err(at)?;
        lock(&file, path)?;
        file.set_len(0).map_err(at)?;
        let line = serde_json::to_string(&start).map_err(|error| at(error.into()))?;
        file.write_all(format!("{line}\n").as_bytes()).map_err(at)?;
        file.sync_all().map_err(at)?;
        sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(at)?;
        Ok(Self::new(file, path, start))
    }

    fn new(file: File, path: &Path, start: Start) -> Self {
        Self {
            file,
            path: path.to_owned(),
            start,
            actors: HashMap::new(),
            movies: HashMap::new(),
            partial: HashMap::new(),
            users: HashSet::new(),
            begun: None,
            unsynced: 0,
        }
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Actor { actor, id } => {
                self.actors.insert(actor, id);
            }
            Entry::Movie { movie, id, partial } => {
                self.partial.remove(&movie);
                let movies = if partial {
                    &mut self.partial
                } else {
                    &mut self.movies
                };
                movies.insert(movie, id);
            }
            Entry::Begin { user, at } => {
                self.users.insert(user);
                self.begun = self.begun.or(at.parse().ok());
            }
        }
    }

    /// Whether an earlier process may have added rows that have no entry, and whose keys the API
    /// does not know any more, or knows for another user.
    pub(super) fn needs_search(&self, user: &str, now: DateTime<Utc>) -> bool {
        self.users.iter().any(|earlier| earlier != user)
            || self.begun.is_some_and(|begun| now - begun > KEY_LIFE)
    }

    /// Notes that this process sends rows as this user.
    pub(super) fn begin(&mut self, user: &str, now: DateTime<Utc>) -> Result<(), JournalError> {
        let user = user.to_owned();
        self.write(Entry::Begin { user, at: iso(now) })?;
        self.sync()
    }

    /// Notes that a row of the backup is in the agency with this id.
    pub(super) fn add(
        &mut self,
        resource: Resource,
        old: u64,
        id: u64,
        partial: bool,
    ) -> Result<(), JournalError> {
        self.write(match resource {
            Resource::Actors => Entry::Actor { actor: old, id },
            Resource::Movies => Entry::Movie {
                movie: old,
                id,
                partial,
            },
        })
    }

    fn write(&mut self, entry: Entry) -> Result<(), JournalError> {
        let line = serde_json::to_string(&entry).map_err(|error| self.error(error.into()))?;
        // One call, so that a kill leaves whole lines but for the last.
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| self.error(error))?;
        self.take(entry);
        self.unsynced += 1;
        if self.unsynced >= ENTRIES_A_SYNC {
            self.sync()?;
        }
        Ok(())
    }

    /// Waits until every entry is on the disk.
    pub(super) fn sync(&mut self) -> Result<(), JournalError> {
        self.unsynced = 0;
        self.file.sync_data().map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> JournalError {
        let path = self.path.clone();
        JournalError::File { path, error }
    }

    /// The idempotency key of a row.
    pub(super) fn key(&self, resource: Resource, old: u64) -> String {
        let Start { digest, run, .. } = &self.start;
        let kind = crate::backup::kind(resource);
        format!(
            "restore-{run}-{kind}-{old}-{}",
            &digest[digest.len().saturating_sub(16)..]
        )
    }

    /// The new ids of rows that are there, by the ids in the backup; movies whose casts are not
    /// complete are not among them.
    pub(super) fn ids(&self, resource: Resource) -> &HashMap<u64, u64> {
        match resource {
            Resource::Actors => &self.actors,
            Resource::Movies => &self.movies,
        }
    }

    /// The greatest id of the agency before the first row was added.
    pub(super) fn greatest_before(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Actors => self.start.greatest_actor,
            Resource::Movies => self.start.greatest_movie,
        }
    }
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::Locked(path.to_owned()),
        TryLockError::Error(error) => JournalError::File {
            path: path.to_owned(),
            error,
        },
    })
}
