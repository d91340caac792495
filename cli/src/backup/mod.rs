//! Reads a whole agency into one file: a header, then actors, then movies with their casts.
//!
//! The API has no snapshots, so the agency is read until two readings are equal. Every row then had
//! these values between both: the moment is `as_of` in the header.

mod changes;
mod folder;
mod header;
mod lines;
mod record;
mod walk;

use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use chrono::Utc;

use crate::{Api, Resource};
use changes::Rows;
use folder::Folder;

pub use changes::Changes;
pub use header::{Header, HeaderError};
pub use walk::ListError;

pub(crate) use folder::{iso, private, sync_folder};
pub(crate) use lines::{LineError, Lines};
pub(crate) use record::{Content, Credit, Record, cast_json, kind};
pub(crate) use walk::Walk;

/// The name of the complete backup in its folder.
const COMPLETE: &str = "complete";
const SECTIONS: [Resource; 2] = [Resource::Actors, Resource::Movies];

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A list cannot be read.
    #[error("{0}")]
    List(#[from] ListError),
    /// What has been read cannot be written or read again.
    #[error("{0}")]
    File(#[from] io::Error),
    /// A file of the readings was changed by another program.
    #[error("the rows read so far are damaged; delete the folder and begin again")]
    Damaged,
}

impl From<LineError> for BackupError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Read(error) => error.into(),
            _ => Self::Damaged,
        }
    }
}

/// How far a backup has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupProgress {
    /// The number of the reading, from 1.
    pub reading: usize,
    /// How many actors and movies it has read.
    pub rows: u64,
}

/// A complete backup that has no name yet.
pub struct Backup {
    folder: Folder,
    /// The first line.
    pub header: Header,
    /// What changed between the last two readings.
    pub changes: Changes,
    /// How many credits were left out, since their actors were deleted while the agency was read.
    pub dropped_credits: u64,
}

impl Backup {
    /// Reads an agency until two readings are equal, at most `max_readings` times and at least
    /// twice. What has been read is kept in `folder`; another call with the same folder continues.
    /// Calls `report` after each page.
    ///
    /// # Errors
    /// [`BackupError`]; nothing has been written outside of the folder.
    pub async fn read(
        api: &Api,
        folder: &Path,
        max_readings: usize,
        mut report: impl FnMut(BackupProgress),
    ) -> Result<Self, BackupError> {
        for resource in SECTIONS {
            Walk::try_list(api, resource).await?;
        }
        let mut folder = Folder::open(folder, api.url(), Utc::now())?;
        let mut changes;
        loop {
            if folder.reading() == 0 || folder.is_complete() {
                folder.begin_reading(Utc::now())?;
            }
            let mut before = 0;
            for resource in SECTIONS {
                before += read_section(api, &folder, resource, |rows| {
                    let reading = folder.reading();
                    let rows = before + rows;
                    report(BackupProgress { reading, rows });
                })
                .await?;
            }
            let reading = folder.reading();
            changes = Changes::default();
            if reading == 1 {
                continue;
            }
            for resource in SECTIONS {
                let section = |reading| folder.section(reading, resource);
                changes.compare(resource, &section(reading - 1), &section(reading))?;
            }
            if changes.count() == 0 || reading >= max_readings.max(2) {
                break;
            }
        }
        let mut backup = Self {
            header: Header::new(api.url()),
            folder,
            changes,
            dropped_credits: 0,
        };
        backup.complete()?;
        Ok(backup)
    }

    /// Writes the backup to a file of the folder: the body twice, first to count and digest it.
    fn complete(&mut self) -> Result<(), BackupError> {
        let mut digest = Digest(Context::new(&SHA256));
        let mut header = self.header.clone();
        header.begun = self.folder.begun();
        header.ended = iso(Utc::now());
        header.changes = self.changes.count();
        if header.changes == 0 {
            header.as_of = self.folder.reading_begun();
        }
        self.dropped_credits = self.write_body(&mut digest, Some(&mut header))?;
        header.digest = format!("sha256:{}", lines::hex(digest.0));
        let mut file = io::BufWriter::new(self.folder.create(COMPLETE)?);
        file.write_all(header.line().as_bytes())?;
        self.write_body(&mut file, None)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        self.header = header;
        Ok(())
    }

    /// Writes the rows, without credits of actors that the backup does not have. Returns how many
    /// credits these are.
    fn write_body(
        &self,
        to: &mut impl Write,
        mut counts: Option<&mut Header>,
    ) -> Result<u64, BackupError> {
        let (mut actors, mut dropped) = (Vec::new(), 0);
        for resource in SECTIONS {
            let mut rows = Rows::open(&self.folder.section(self.folder.reading(), resource))?;
            while let Some(mut row) = rows.next()? {
                if resource == Resource::Actors {
                    actors.push(row.id);
                }
                let credits = row.cast.len();
                row.cast
                    .retain(|it| actors.binary_search(&it.actor).is_ok());
                dropped += (credits - row.cast.len()) as u64;
                to.write_all(row.line().as_bytes())?;
                if let Some(counts) = &mut counts {
                    counts.credits += row.cast.len() as u64;
                    match resource {
                        Resource::Actors => counts.actors += 1,
                        Resource::Movies => counts.movies += 1,
                    }
                }
            }
        }
        Ok(dropped)
    }

    /// Gives the backup its name, which replaces an existing file, and removes the folder.
    ///
    /// # Errors
    /// If it cannot be renamed; an existing file stays as it was.
    pub fn save(self, target: &Path) -> io::Result<()> {
        self.folder.finish(COMPLETE, target)
    }

    /// Copies the backup to a writer.
    ///
    /// # Errors
    /// If the backup cannot be read or written.
    pub fn copy(&self, to: &mut impl Write) -> io::Result<()> {
        io::copy(&mut self.folder.open_file(COMPLETE)?, to)?;
        to.flush()
    }
}

/// Reads the rest of a section, and returns how many rows the section has.
async fn read_section(
    api: &Api,
    folder: &Folder,
    resource: Resource,
    mut report: impl FnMut(u64),
) -> Result<u64, BackupError> {
    let Some(mut section) = folder.open_section(resource)? else {
        return Ok(0);
    };
    let mut walk = Walk::new(api, resource, section.last_id);
    while let Some(rows) = walk.next().await? {
        section.add(&rows)?;
        report(section.rows);
    }
    let rows = section.rows;
    section.finish()?;
    Ok(rows)
}

/// Digests what is written to it.
struct Digest(Context);

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
