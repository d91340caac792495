//! Compares two readings of an agency.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::BackupError;
use super::lines::Lines;
use super::record::Record;
use crate::Resource;

/// The most rows that a message names.
const MAX_NAMED: usize = 5;

/// How the rows of two readings differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// How many rows only the second reading has.
    pub added: u64,
    /// How many rows only the first reading has.
    pub deleted: u64,
    /// How many rows have other values.
    pub changed: u64,
    /// The first of these rows.
    pub first: Vec<(Resource, u64)>,
}

impl Changes {
    /// How many rows differ.
    pub fn count(&self) -> u64 {
        self.added + self.deleted + self.changed
    }

    fn name(&mut self, resource: Resource, id: u64) {
        if self.first.len() < MAX_NAMED {
            self.first.push((resource, id));
        }
    }

    /// Compares a section of two readings, whose rows are in the order of their ids.
    pub(super) fn compare(
        &mut self,
        resource: Resource,
        before: &Path,
        after: &Path,
    ) -> Result<(), BackupError> {
        let (mut before, mut after) = (Rows::open(before)?, Rows::open(after)?);
        let (mut old, mut new) = (before.next()?, after.next()?);
        loop {
            match (&old, &new) {
                (None, None) => return Ok(()),
                (Some(row), other) if other.as_ref().is_none_or(|it| row.id < it.id) => {
                    self.deleted += 1;
                    self.name(resource, row.id);
                    old = before.next()?;
                }
                (other, Some(row)) if other.as_ref().is_none_or(|it| row.id < it.id) => {
                    self.added += 1;
                    self.name(resource, row.id);
                    new = after.next()?;
                }
                (Some(row), other) => {
                    if old != *other {
                        self.changed += 1;
                        self.name(resource, row.id);
                    }
                    (old, new) = (before.next()?, after.next()?);
                }
                (None, Some(_)) => unreachable!("a row without another is added"),
            }
        }
    }
}

/// The rows of a section.
pub(super) struct Rows(Lines<BufReader<File>>);

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        Ok(Self(Lines::new(BufReader::new(File::open(path)?))))
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, BackupError> {
        let Some(line) = self.0.next()? else {
            return Ok(None);
        };
        let row = Record::parse(line);
        row.map(Some).ok_or(BackupError::Damaged)
    }
}
