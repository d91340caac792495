//! Compares an agency with a backup that was restored into it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::path::Path;

use serde_json::{Map, Value};

use super::check::{Checked, FileError};
use super::journal::Journal;
use super::{RestoreError, ensure_not_gone};
use crate::backup::{Content, Credit, Record, Walk};
use crate::{Api, Resource, shortened};

/// The most rows whose differing fields are looked up.
const MAX_DIFFERENCES: usize = 100;

/// The result of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many rows the file has.
    pub rows: usize,
    /// How many of them the agency does not have as they are in the file.
    pub differing: usize,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// A row that the agency does not have as it is in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the row in the file.
    pub line: usize,
    /// How it differs, field by field.
    pub how: String,
}

/// Compares each row of a backup with the row that a restore has added for it. Rows that the file
/// does not have are not compared. Calls `report` with the number of rows so far.
///
/// # Errors
/// [`RestoreError`]
pub async fn verify(
    api: &Api,
    file: &Path,
    mut report: impl FnMut(usize),
) -> Result<Verified, RestoreError> {
    let path = Journal::path(file, api.url());
    let file = Checked::open(File::open(file).map_err(FileError::from)?)?;
    let journal = Journal::open(&path, &file.header, api.url())?;
    let journal = journal.ok_or_else(|| RestoreError::NoJournal {
        journal: path.clone(),
    })?;
    ensure_not_gone(api, &file, &journal, &path).await?;
    let mut verified = Verified {
        rows: (file.header.actors + file.header.movies) as usize,
        ..Verified::default()
    };
    let mut compared = 0;
    for resource in [Resource::Actors, Resource::Movies] {
        let mut expected = expected(&file, resource, &journal)?;
        let equal = remove_equal(api, resource, &mut expected, |rows| report(compared + rows));
        compared += equal.await?;
        for row in file.rows(resource)? {
            let (line, row) = row?;
            let id = id(&journal, resource, row.id);
            if id.is_some_and(|id| !expected.contains_key(&id)) {
                continue;
            }
            verified.differing += 1;
            if verified.differences.len() < MAX_DIFFERENCES {
                let how = how(api, &row, id, &journal).await?;
                verified.differences.push(Difference { line, how });
            }
        }
    }
    Ok(verified)
}

/// The new id of a row.
fn id(journal: &Journal, resource: Resource, old: u64) -> Option<u64> {
    let partial = journal
        .partial
        .get(&old)
        .filter(|_| resource == Resource::Movies);
    journal.ids(resource).get(&old).or(partial).copied()
}

/// The digests that the agency's rows should have, by their ids.
fn expected(
    file: &Checked,
    resource: Resource,
    journal: &Journal,
) -> Result<HashMap<u64, Content>, RestoreError> {
    let mut expected = HashMap::new();
    for row in file.rows(resource)? {
        let (_, mut row) = row?;
        if let Some(id) = id(journal, resource, row.id) {
            // Without one of its actors, the movie cannot be as it is in the file.
            row.cast = row.cast_with(&journal.actors).unwrap_or_default();
            expected.insert(id, row.content());
        }
    }
    Ok(expected)
}

/// Reads the agency's rows, and removes those that are as expected. Returns how many.
async fn remove_equal(
    api: &Api,
    resource: Resource,
    expected: &mut HashMap<u64, Content>,
    mut report: impl FnMut(usize),
) -> Result<usize, RestoreError> {
    let (Some(first), Some(last)) = (
        expected.keys().min().copied(),
        expected.keys().max().copied(),
    ) else {
        return Ok(0);
    };
    let mut equal = 0;
    let mut walk = Walk::new(api, resource, first.saturating_sub(1));
    while let Some(rows) = walk.next().await? {
        for row in &rows {
            if let Entry::Occupied(entry) = expected.entry(row.id)
                && *entry.get() == row.content()
            {
                entry.remove();
                equal += 1;
            }
        }
        report(equal);
        if rows.last().is_some_and(|row| row.id >= last) {
            break;
        }
    }
    Ok(equal)
}

/// How the agency's row differs from that of the file.
async fn how(
    api: &Api,
    row: &Record,
    id: Option<u64>,
    journal: &Journal,
) -> Result<String, RestoreError> {
    let kind = row.kind();
    let Some(id) = id else {
        return Ok(format!("{kind} {} was not restored", row.id));
    };
    let named = format!("{kind} {} is {kind} {id} in the agency", row.id);
    let Some(there) = Walk::row(api, row.resource, id).await? else {
        return Ok(format!("{named}, and was deleted there"));
    };
    let cast = match row.cast_with(&journal.actors) {
        Ok(cast) => cast,
        Err(actor) => return Ok(format!("{named}; its actor {actor} was not restored")),
    };
    let mut fields = differing_fields(&row.members, &there.members);
    fields.extend(differing_credits(&cast, &there.cast));
    Ok(shortened(&format!("{named}; {}", fields.join("; "))))
}

fn differing_fields(file: &Map<String, Value>, there: &Map<String, Value>) -> Vec<String> {
    let others = there.keys().filter(|name| !file.contains_key(*name));
    let differing = file.keys().chain(others).filter_map(|name| {
        let (file, there) = (file.get(name), there.get(name));
        let shown = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
        (file != there).then(|| {
            let (file, there) = (shown(file), shown(there));
            format!("{name} is {there}, and {file} in the file")
        })
    });
    differing.collect()
}

fn differing_credits(file: &[Credit], there: &[Credit]) -> Vec<String> {
    let by_actor = |cast: &[Credit]| -> HashMap<u64, Map<String, Value>> {
        let credit = |credit: &Credit| (credit.actor, credit.members.clone());
        cast.iter().map(credit).collect()
    };
    let (file_credits, there_credits) = (by_actor(file), by_actor(there));
    let mut differing = Vec::new();
    for Credit { actor, members } in file {
        match there_credits.get(actor) {
            None => differing.push(format!("the credit of actor {actor} is missing")),
            Some(other) => {
                let fields = differing_fields(members, other).into_iter();
                differing.extend(fields.map(|field| format!("credit of actor {actor}: {field}")));
            }
        }
    }
    let more = there
        .iter()
        .filter(|it| !file_credits.contains_key(&it.actor));
    differing.extend(more.map(|it| format!("the file has no credit of actor {}", it.actor)));
    differing
}
