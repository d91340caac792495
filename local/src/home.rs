//! The folder with a stack's data, signing key and log, and advice for when something in it cannot
//! be used.
//!
//! An error states the cause as the system or SQLite reports it, and what helps. None advises
//! deleting data: even a file that SQLite calls malformed may hold rows that can be recovered, so
//! the advice is to move it away.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, ffi};
use tempfile::NamedTempFile;

use crate::identity::SigningKey;
use crate::stack::StartError;

/// How long a start waits for another program to release its lock on the database.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The advice for a database that cannot be used.
const MOVE_DATABASE: &str = "move the file, and those beside it that end in -wal and -shm, to \
                             another folder, to begin with an empty database";

/// A stack's folder, locked for that stack alone.
pub(crate) struct Home {
    path: PathBuf,
    /// Keeps a second stack from using the same data.
    _lock: File,
}

impl Home {
    /// Opens the folder, creates it if it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let lock = path.join("lock");
        fs::create_dir_all(path).map_err(|error| unusable(path, &error))?;
        let file = File::create(&lock).map_err(|error| unusable(&lock, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(at(
                path,
                "another local stack keeps its data here; stop it, or start with --in-memory",
            )),
            Err(TryLockError::Error(error)) => Err(unusable(&lock, &error)),
        }
    }

    /// Empties and opens the request log.
    pub(crate) fn log(&self) -> Result<(PathBuf, File), StartError> {
        let path = self.path.join("requests.jsonl");
        let file = File::create(&path).map_err(|error| unusable(&path, &error))?;
        Ok((path, file))
    }

    /// Writes a file of request headers with this bearer token, for `curl -H @FILE`. Only its owner
    /// may read it.
    pub(crate) fn write_headers(&self, name: &str, token: &str) -> Result<PathBuf, StartError> {
        let path = self.path.join(name);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.path)?;
            write!(
                file,
                "authorization: Bearer {token}\ncontent-type: application/json\n"
            )?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().map_err(|error| unusable(&path, &error))?;
        Ok(path)
    }

    /// The signing key; the first start generates it.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, StartError> {
        SigningKey::open_or_generate(&self.path)
            .map_err(|error| unusable(&SigningKey::file(&self.path), &error))
    }

    fn database_file(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }

    /// Whether neither the database nor a log of changes to it is there.
    pub(crate) fn has_no_database(&self) -> bool {
        let path = self.database_file();
        [beside(&path, ""), beside(&path, "-wal")]
            .iter()
            .all(|file| matches!(file.try_exists(), Ok(false)))
    }

    /// Writes this database to its file, whole or not at all.
    pub(crate) fn create_database(&self, database: &Database) -> Result<(), StartError> {
        let path = self.database_file();
        let file = NamedTempFile::new_in(&self.path).map_err(|error| unusable(&path, &error))?;
        // `database` reports a path that is not UTF-8.
        if let Some(name) = file.path().to_str() {
            database
                .vacuum_into(name)
                .map_err(|error| at(&path, error))?;
            file.persist(&path)
                .map_err(|error| unusable(&path, &error.error))?;
        }
        Ok(())
    }

    /// The error for a table that cannot be read or written.
    pub(crate) fn unusable_table(&self, error: String) -> StartError {
        if error.contains("no such table") {
            at(
                &self.database_file(),
                format!("{error}; it is incomplete: {MOVE_DATABASE}"),
            )
        } else {
            StartError::Other(error)
        }
    }

    /// The database; the first start creates it.
    pub(crate) fn database(&self) -> Result<Database, StartError> {
        let path = self.database_file();
        let name = path.to_str().ok_or_else(|| {
            at(
                &path,
                "the path is not UTF-8; run the stack in another folder",
            )
        })?;
        // Check before SQLite opens the files: it removes some when it closes, and closing a file
        // here while SQLite has it open would release SQLite's locks.
        let inaccessible = inaccessible(&path);
        let unusable = |error| unusable_database(&path, inaccessible, &error);
        // dynoxide would wait half a minute for a lock, and would not report SQLite's own error for
        // a file that is no database.
        if let Err(error) = try_database(&path) {
            return Err(unusable(error));
        }
        Database::new(name).map_err(|error| match error {
            DynoxideError::SqliteError(error) => unusable(error),
            newer => {
                at(&path, format!("{newer} Run the version of this project that wrote it, or start with --in-memory"))
            }
        })
    }
}

/// The signing key in a stack's folder, if there is one.
///
/// # Errors
/// [`StartError::Home`] if the file cannot be read or holds no key.
pub fn kept_signing_key(folder: &Path) -> Result<Option<SigningKey>, StartError> {
    SigningKey::open(folder).map_err(|error| unusable(&SigningKey::file(folder), &error))
}

/// Takes the locks that dynoxide will need on an existing database, and releases them. Writes
/// nothing, unless the database is in another journal mode than WAL, to which dynoxide would switch
/// it next.
fn try_database(path: &Path) -> rusqlite::Result<()> {
    if !path.try_exists().unwrap_or(true) {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
    // Switching to WAL needs an exclusive lock, which any reader blocks. A database that is already
    // in WAL needs none.
    connection.pragma_update(None, "journal_mode", "wal")?;
    // SQLite opens a file that it may not write read-only, and only the first write would fail.
    match connection.is_readonly(MAIN_DB)? {
        true => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_READONLY),
            None,
        )),
        false => Ok(()),
    }
}

fn unusable_database(
    path: &Path,
    inaccessible: Option<(PathBuf, io::Error)>,
    error: &rusqlite::Error,
) -> StartError {
    match (error.sqlite_error_code(), inaccessible) {
        (
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly),
            Some((file, cause)),
        ) => at(
            &file,
            format!("{cause} (SQLite: {error}); {}", remedy(cause.kind())),
        ),
        (code, _) => at(path, format!("SQLite: {error}; {}", database_remedy(code))),
    }
}

/// Advice for an error of SQLite. <https://sqlite.org/rescode.html>
fn database_remedy(code: Option<ErrorCode>) -> String {
    match code {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            format!("put a copy in its place; or {MOVE_DATABASE}")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => format!(
            "another program has locked it, and held the lock for the {} s that this one waited; close that program \
             and start again",
            LOCK_WAIT.as_secs()
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "let your user write to its folder, where SQLite keeps files beside it, or start with --in-memory".into()
        }
        Some(ErrorCode::DiskFull) => remedy(ErrorKind::StorageFull).into(),
        _ => remedy(ErrorKind::Other).into(),
    }
}

/// The file whose name is the database's with this suffix.
fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The first of the database's files that cannot be read and written, with the system's error.
fn inaccessible(database: &Path) -> Option<(PathBuf, io::Error)> {
    ["", "-wal", "-shm"]
        .map(|suffix| beside(database, suffix))
        .into_iter()
        .find_map(|file| {
            let error = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&file)
                .err()?;
            (error.kind() != ErrorKind::NotFound).then_some((file, error))
        })
}

fn unusable(path: &Path, error: &io::Error) -> StartError {
    at(path, format!("{error}; {}", remedy(error.kind())))
}

/// Advice for an error of the operating system.
fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => {
            "let your user read and write it and its folder, or start with --in-memory"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted read-only; start with --in-memory"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; free some space, or start with --in-memory"
        }
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a folder belongs here; move the file away, or start with --in-memory"
        }
        ErrorKind::IsADirectory => {
            "a file belongs here; move the folder away, or start with --in-memory"
        }
        ErrorKind::InvalidData => "move it away, and the next start makes another",
        _ => "start with --in-memory to do without it",
    }
}

fn at(path: &Path, cause: impl ToString) -> StartError {
    StartError::Home {
        path: path.display().to_string(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sqlite_error_suggests_deletion_and_only_a_broken_file_is_to_be_moved() {
        use ErrorCode::*;
        let broken = [NotADatabase, DatabaseCorrupt];
        let others = [
            PermissionDenied,
            DatabaseBusy,
            DatabaseLocked,
            OutOfMemory,
            ReadOnly,
            SystemIoFailure,
            NotFound,
            DiskFull,
            CannotOpen,
            FileLockingProtocolFailed,
            SchemaChanged,
            NoLargeFileSupport,
            Unknown,
        ];
        for code in broken {
            let remedy = database_remedy(Some(code));
            assert!(
                remedy.contains("move the file") && !remedy.contains("delete"),
                "{remedy}"
            );
        }
        for remedy in others
            .map(|code| database_remedy(Some(code)))
            .into_iter()
            .chain([database_remedy(None)])
        {
            assert!(
                !remedy.contains("delete") && !remedy.contains("move the file"),
                "{remedy}"
            );
        }
    }

    #[test]
    fn no_error_of_the_system_is_a_reason_to_delete_anything() {
        use ErrorKind::*;
        for kind in [
            PermissionDenied,
            ReadOnlyFilesystem,
            StorageFull,
            QuotaExceeded,
            AlreadyExists,
            NotADirectory,
            IsADirectory,
            InvalidData,
            NotFound,
            Other,
        ] {
            assert!(!remedy(kind).contains("delete"), "{kind}");
        }
    }
}
