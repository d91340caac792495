//! Checks a backup from its first byte to its last, before anything is sent.

use std::fs::File;
use std::io::{self, BufReader, Seek};

use crate::Resource;
use crate::backup::{Header, HeaderError, LineError, Lines, Record};

/// Why a file cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The file is not a backup, or not one for this program.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// A line is not text, not ended or too long.
    #[error("{0}")]
    Line(String),
    /// A line is not a row.
    #[error("line {0} is not a row of a backup")]
    Row(usize),
    /// Actors come before movies, and ids ascend.
    #[error("line {0} is out of order: the file was changed after the backup")]
    Order(usize),
    /// A credit names an actor who is not in the file.
    #[error("line {line} has a credit of actor {actor}, who is not in the file")]
    Credit {
        /// The movie's line.
        line: usize,
        /// The actor's id in the file.
        actor: u64,
    },
    /// The counts of the first line are not those of the rows.
    #[error(
        "the file has {has}, and its first line says {says}: it was truncated or changed after the backup"
    )]
    Counts {
        /// What the rows are.
        has: String,
        /// What they should be.
        says: String,
    },
    /// The digest of the first line is not that of the rows.
    #[error(
        "the rows do not have the digest of the first line: the file was changed after the backup"
    )]
    Digest,
}

impl From<LineError> for FileError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Read(error) => error.into(),
            other => Self::Line(other.to_string()),
        }
    }
}

/// A backup that has been checked as a whole.
pub(super) struct Checked {
    pub(super) header: Header,
    /// The largest cast.
    pub(super) max_credits: usize,
    file: File,
}

impl Checked {
    /// Reads the whole file, in memory for the actors' ids and one line.
    pub(super) fn open(file: File) -> Result<Self, FileError> {
        let mut lines = Lines::new(BufReader::new(&file));
        let header = Header::parse(lines.next()?.ok_or(FileError::Empty)?)?;
        lines.restart_digest();
        let (mut actors, mut last_movie) = (Vec::new(), 0);
        let (mut movies, mut credits, mut max_credits) = (0, 0, 0);
        while let Some(line) = lines.next()? {
            let row = Record::parse(line);
            let line = lines.number;
            let row = row.ok_or(FileError::Row(line))?;
            let is_in_order = match row.resource {
                Resource::Actors => movies == 0 && actors.last().is_none_or(|last| *last < row.id),
                Resource::Movies => last_movie < row.id,
            };
            if !is_in_order {
                return Err(FileError::Order(line));
            }
            match row.resource {
                Resource::Actors => actors.push(row.id),
                Resource::Movies => (movies, last_movie) = (movies + 1, row.id),
            }
            credits += row.cast.len() as u64;
            max_credits = max_credits.max(row.cast.len());
            let is_known = |actor: &u64| actors.binary_search(actor).is_ok();
            let mut named = row.cast.iter().map(|credit| credit.actor);
            if let Some(actor) = named.find(|actor| !is_known(actor)) {
                return Err(FileError::Credit { line, actor });
            }
        }
        let counts = (actors.len() as u64, movies, credits);
        let expected = (header.actors, header.movies, header.credits);
        if counts != expected {
            let text = |(actors, movies, credits)| {
                format!("{actors} actors, {movies} movies and {credits} credits")
            };
            let (has, says) = (text(counts), text(expected));
            return Err(FileError::Counts { has, says });
        }
        if header.digest != format!("sha256:{}", lines.digest()) {
            return Err(FileError::Digest);
        }
        Ok(Self {
            header,
            max_credits,
            file,
        })
    }

    /// The rows of a resource with their lines, from the beginning of the file.
    pub(super) fn rows(&self, resource: Resource) -> Result<Rows, FileError> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let mut lines = Lines::new(BufReader::new(file));
        lines.next()?;
        Ok(Rows { lines, resource })
    }
}

/// The rows of one resource. Only one of a file can be read at a time: they share its position.
pub(super) struct Rows {
    lines: Lines<BufReader<File>>,
    resource: Resource,
}

impl Iterator for Rows {
    type Item = Result<(usize, Record), FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.lines.next() {
                Ok(line) => Record::parse(line?),
                Err(error) => return Some(Err(error.into())),
            };
            let line = self.lines.number;
            match record {
                Some(record) if record.resource == self.resource => {
                    return Some(Ok((line, record)));
                }
                Some(_) => {}
                None => return Some(Err(FileError::Row(line))),
            }
        }
    }
}
