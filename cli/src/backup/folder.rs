//! The folder beside a backup that holds what has been read so far, so that a backup which was
//! killed can be continued.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::record::Record;
use crate::Resource;

/// What was read longer ago than this is read again.
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// A folder of readings. One reading is all actors, and then all movies with their casts.
pub(crate) struct Folder {
    path: PathBuf,
    run: Run,
    /// Held until the backup ends, so that no second process writes to the folder.
    _lock: File,
}

/// Which API is read, and since when.
#[derive(Debug, Deserialize, Serialize)]
struct Run {
    api: String,
    /// When the first reading began, in ISO 8601.
    begun: String,
    /// When each reading began.
    readings: Vec<String>,
}

/// A section of a reading that is not complete yet.
pub(crate) struct Section {
    pub(crate) file: File,
    /// The greatest id in it; 0 if it is empty.
    pub(crate) last_id: u64,
    /// How many rows it has.
    pub(crate) rows: u64,
    part: PathBuf,
    complete: PathBuf,
}

impl Folder {
    /// Opens the folder and continues its readings, or begins new ones: if they are of another API,
    /// or older than a day.
    pub(crate) fn open(path: &Path, api: &str, now: DateTime<Utc>) -> io::Result<Self> {
        make_folder(path)?;
        let lock = private(OpenOptions::new().write(true).create(true)).open(path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another backup is writing it"),
            TryLockError::Error(error) => error,
        })?;
        let run = fs::read(path.join("run.json")).ok();
        let run = run.and_then(|run| serde_json::from_slice::<Run>(&run).ok());
        let is_current = |run: &Run| {
            let begun = run.begun.parse::<DateTime<Utc>>();
            run.api == api && begun.is_ok_and(|begun| now - begun < MAX_AGE)
        };
        let mut folder = Self {
            path: path.to_owned(),
            run: Run {
                api: api.to_owned(),
                begun: iso(now),
                readings: Vec::new(),
            },
            _lock: lock,
        };
        match run.filter(is_current) {
            Some(run) => folder.run = run,
            None => folder.clear()?,
        }
        Ok(folder)
    }

    /// Removes what a backup has written, except the lock. Other files stay: they are not ours.
    fn clear(&self) -> io::Result<()> {
        for file in fs::read_dir(&self.path)? {
            let file = file?;
            if file.file_name().to_str().is_some_and(is_ours) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    /// The number of the current reading, from 1; 0 before the first.
    pub(crate) fn reading(&self) -> usize {
        self.run.readings.len()
    }

    /// Whether both sections of the current reading are complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.reading() > 0 && self.section(self.reading(), Resource::Movies).exists()
    }

    /// Begins the next reading. Only the reading before it is kept, to be compared with it.
    pub(crate) fn begin_reading(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        if let Some(old) = self.reading().checked_sub(1) {
            for resource in [Resource::Actors, Resource::Movies] {
                remove(&self.section(old, resource))?;
            }
        }
        self.run.readings.push(iso(now));
        let mut file = self.create("run.json.part")?;
        file.write_all(&serde_json::to_vec(&self.run)?)?;
        file.sync_all()?;
        fs::rename(self.path.join("run.json.part"), self.path.join("run.json"))
    }

    /// When the current reading began, in ISO 8601.
    pub(crate) fn reading_begun(&self) -> Option<String> {
        self.run.readings.last().cloned()
    }

    /// When the first reading began.
    pub(crate) fn begun(&self) -> String {
        self.run.begun.clone()
    }

    /// The file of a complete section.
    pub(crate) fn section(&self, reading: usize, resource: Resource) -> PathBuf {
        self.path.join(format!("{reading}.{}", resource.name()))
    }

    /// Opens a section of the current reading behind its last whole row. `None` if it is complete.
    pub(crate) fn open_section(&self, resource: Resource) -> io::Result<Option<Section>> {
        let complete = self.section(self.reading(), resource);
        if complete.exists() {
            return Ok(None);
        }
        let part = complete.with_added_extension("part");
        let mut options = OpenOptions::new();
        let file = private(options.read(true).append(true).create(true)).open(&part)?;
        let (mut rows, mut last_id) = (0, 0);
        let mut lines = Lines::new(BufReader::new(&file));
        let mut end = 0;
        // After a power failure, the end of the file may be anything.
        while let Ok(Some(line)) = lines.next() {
            match Record::parse(line) {
                Some(row) if row.resource == resource && row.id > last_id => {
                    (rows, last_id, end) = (rows + 1, row.id, lines.end);
                }
                _ => break,
            }
        }
        file.set_len(end)?;
        Ok(Some(Section {
            file,
            last_id,
            rows,
            part,
            complete,
        }))
    }

    /// Creates a file in the folder that only its owner may read.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        private(options.write(true).create(true).truncate(true)).open(self.path.join(name))
    }

    /// Opens a file of the folder.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    /// Makes a complete file of the folder the backup at `target`, and removes the folder.
    ///
    /// The readings are removed first: after a kill at any moment, the next backup of this name
    /// reads the agency again, and does not take this one's readings for its own.
    pub(crate) fn finish(self, name: &str, target: &Path) -> io::Result<()> {
        remove(&self.path.join("run.json"))?;
        fs::rename(self.path.join(name), target)?;
        if let Some(folder) = target.parent() {
            sync_folder(folder)?;
        }
        self.clear()?;
        fs::remove_file(self.path.join("lock"))?;
        // The backup is complete, whoever else has put files into the folder.
        drop(fs::remove_dir(&self.path));
        Ok(())
    }
}

impl Section {
    /// Adds rows to the section, and waits until they are on the disk.
    pub(crate) fn add(&mut self, rows: &[Record]) -> io::Result<()> {
        let lines: String = rows.iter().map(Record::line).collect();
        self.file.write_all(lines.as_bytes())?;
        self.rows += rows.len() as u64;
        self.file.sync_data()
    }

    /// Marks the section as complete.
    pub(crate) fn finish(self) -> io::Result<()> {
        fs::rename(self.part, self.complete)
    }
}

/// Whether a backup gives its files this name.
fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let is_section = |(reading, resource): (&str, &str)| {
        reading.bytes().all(|byte| byte.is_ascii_digit())
            && ["actors", "movies"].contains(&resource)
    };
    ["run.json", "complete"].contains(&name) || name.split_once('.').is_some_and(is_section)
}

/// A moment in ISO 8601.
pub(crate) fn iso(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates a folder that only its owner may open, unless it is there. A link is an error: it could
/// lead to a folder that others can read.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    if fs::symlink_metadata(path)?.is_dir() {
        Ok(())
    } else {
        Err(io::Error::other("this is not a folder"))
    }
}

/// A file that only its owner may read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Waits until the names in a folder are on the disk.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
