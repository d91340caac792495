//! Finds rows of a backup that are in the agency already, by their values.

use std::collections::{HashMap, HashSet, VecDeque};

use super::check::Checked;
use super::{FIRST_CREDITS, RestoreError};
use crate::backup::{Content, Record, Walk};
use crate::{Api, Resource};

/// Rows of the agency with the values of rows of the file.
#[derive(Default)]
pub(super) struct Found {
    /// The ids in the file and in the agency.
    pub(super) actors: Vec<(u64, u64)>,
    pub(super) movies: Vec<FoundMovie>,
}

/// A movie of the agency with the values of one of the file.
pub(super) struct FoundMovie {
    pub(super) old: u64,
    pub(super) id: u64,
    /// Whether credits of its cast are still missing.
    pub(super) is_partial: bool,
}

/// Which rows are known already, and where to search.
pub(super) struct Scope<'a> {
    /// The new ids of rows that are known, by the ids in the file.
    pub(super) actors: &'a HashMap<u64, u64>,
    pub(super) movies: &'a HashMap<u64, u64>,
    /// Movies that are known, and whose casts are not complete.
    pub(super) partial: &'a HashMap<u64, u64>,
    /// Only rows with greater ids are searched.
    pub(super) after_actor: u64,
    pub(super) after_movie: u64,
}

/// Finds for each row of the file that is not known a row of the agency with equal values. Each row
/// of the agency is that of one row of the file at most.
pub(super) async fn search(
    api: &Api,
    file: &Checked,
    scope: &Scope<'_>,
) -> Result<Found, RestoreError> {
    let actors = search_actors(api, file, scope).await?;
    let mut ids = scope.actors.clone();
    ids.extend(actors.iter().copied());
    let movies = search_movies(api, file, scope, &ids).await?;
    Ok(Found { actors, movies })
}

async fn search_actors(
    api: &Api,
    file: &Checked,
    scope: &Scope<'_>,
) -> Result<Vec<(u64, u64)>, RestoreError> {
    let mut wanted: HashMap<Content, VecDeque<u64>> = HashMap::new();
    for row in file.rows(Resource::Actors)? {
        let (_, row) = row?;
        if !scope.actors.contains_key(&row.id) {
            wanted.entry(row.content()).or_default().push_back(row.id);
        }
    }
    let mut found = Vec::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let taken: HashSet<u64> = scope.actors.values().copied().collect();
    let mut walk = Walk::new(api, Resource::Actors, scope.after_actor);
    while let Some(rows) = walk.next().await? {
        for row in rows.iter().filter(|row| !taken.contains(&row.id)) {
            let equal = wanted.get_mut(&row.content());
            if let Some(old) = equal.and_then(VecDeque::pop_front) {
                found.push((old, row.id));
            }
        }
    }
    Ok(found)
}

/// A movie of the file that is not known.
struct Wanted {
    old: u64,
    /// Its credits, with the new ids of the actors.
    credits: HashSet<Content>,
}

async fn search_movies(
    api: &Api,
    file: &Checked,
    scope: &Scope<'_>,
    actors: &HashMap<u64, u64>,
) -> Result<Vec<FoundMovie>, RestoreError> {
    let mut wanted: HashMap<Content, Vec<Wanted>> = HashMap::new();
    for row in file.rows(Resource::Movies)? {
        let (_, row) = row?;
        let is_known = scope.movies.contains_key(&row.id) || scope.partial.contains_key(&row.id);
        // A movie whose actors are not all there cannot be there either.
        if let (false, Ok(cast)) = (is_known, row.cast_with(actors)) {
            let credits = cast.iter().map(|credit| credit.content()).collect();
            let old = row.id;
            let equal = wanted.entry(row.content_without_cast()).or_default();
            equal.push(Wanted { old, credits });
        }
    }
    let mut found = Vec::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let known = scope.movies.values().chain(scope.partial.values());
    let taken: HashSet<u64> = known.copied().collect();
    let mut walk = Walk::new(api, Resource::Movies, scope.after_movie);
    while let Some(rows) = walk.next().await? {
        for row in rows.iter().filter(|row| !taken.contains(&row.id)) {
            let Some(equal) = wanted.get_mut(&row.content_without_cast()) else {
                continue;
            };
            if let Some(index) = equal.iter().position(|wanted| is_part(row, wanted)) {
                let wanted = equal.remove(index);
                found.push(FoundMovie {
                    old: wanted.old,
                    id: row.id,
                    is_partial: row.cast.len() < wanted.credits.len(),
                });
            }
        }
    }
    Ok(found)
}

/// Whether a movie of the agency is one that a restore has added, perhaps without its last credits.
fn is_part(row: &Record, wanted: &Wanted) -> bool {
    let is_wanted = |content| wanted.credits.contains(&content);
    row.cast.len() >= wanted.credits.len().min(FIRST_CREDITS)
        && row.cast.iter().all(|credit| is_wanted(credit.content()))
}
