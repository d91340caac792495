//! Filters and sort orders of lists.

use super::{
    Actor, Age, Id, Movie, Name, ReleaseDate, caseless, folded, last_word, without_article,
};
use crate::permission::MayRead;

/// The beginning of a name or title, folded for search: it ignores case, accents and strokes,
/// character width, and which apostrophe, dash or space separates words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The text as a prefix, if it is a valid name and is not empty once folded.
    pub fn new(text: &str) -> Option<Self> {
        let prefix = folded(Name::new(text)?.as_str());
        (!prefix.is_empty()).then_some(Self(prefix))
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The order of a list. Every order is total: rows with the same value are sorted by id.
pub trait Order: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// The orders that clients can name, ascending, with their names.
    const NAMES: &'static [(&'static str, Self)];
    /// The order by id.
    const BY_ID: Self;
}

/// The order of a list of actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorOrder {
    /// By id.
    Id,
    /// By folded name.
    Name,
    /// By age.
    Age,
    /// The order of a list filtered by name: first the actors whose whole name begins with the
    /// filter's text, by name; then those whose last word does, by that word.
    NameMatch,
}

/// The order of a list of movies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovieOrder {
    /// By id.
    Id,
    /// By folded title, including its article.
    Title,
    /// By release date.
    ReleaseDate,
    /// The order of a list filtered by title: first the movies whose whole title begins with the
    /// filter's text, by title; then those whose title begins with it after the article, by the
    /// title without the article.
    TitleMatch,
}

impl Order for ActorOrder {
    const NAMES: &'static [(&'static str, Self)] =
        &[("id", Self::Id), ("name", Self::Name), ("age", Self::Age)];
    const BY_ID: Self = Self::Id;
}

impl Order for MovieOrder {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("id", Self::Id),
        ("title", Self::Title),
        ("release_date", Self::ReleaseDate),
    ];
    const BY_ID: Self = Self::Id;
}

/// A filter of actors. An actor must match every field that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorFilter {
    /// A prefix of the name or of its last word.
    pub name: Option<Prefix>,
    /// The gender, folded by [`ActorFilter::fold_gender`].
    pub gender: Option<String>,
    /// The minimum age, inclusive.
    pub min_age: Option<Age>,
    /// The maximum age, inclusive.
    pub max_age: Option<Age>,
    /// The movie that they play in.
    pub movie: Option<ReadableId<Movie>>,
}

/// A filter of movies. A movie must match every field that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovieFilter {
    /// A prefix of the title, with or without its article.
    pub title: Option<Prefix>,
    /// The earliest release date, inclusive.
    pub released_from: Option<ReleaseDate>,
    /// The latest release date, inclusive.
    pub released_to: Option<ReleaseDate>,
    /// The actor that plays in them.
    pub actor: Option<ReadableId<Actor>>,
}

/// The id of a row of `R`, from a request that may read such rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadableId<R>(Id, MayRead<R>);

impl<R> ReadableId<R> {
    /// The id, with the proof that the request may read rows of `R`.
    pub fn new(id: Id, proof: MayRead<R>) -> Self {
        Self(id, proof)
    }

    /// The id.
    pub fn id(&self) -> Id {
        self.0
    }
}

impl ActorFilter {
    /// Folds the case of a gender for comparison.
    pub(crate) fn fold_gender(text: &str) -> String {
        caseless(text)
    }

    /// The order of the index that finds the actors, which is the list's unless `sort` says
    /// otherwise.
    pub(crate) fn order(&self) -> ActorOrder {
        if self.movie.is_some() {
            ActorOrder::Id
        } else if self.name.is_some() {
            ActorOrder::NameMatch
        } else if self.is_by_age() {
            ActorOrder::Age
        } else {
            ActorOrder::Id
        }
    }

    /// Whether the filter has a gender or an age. The indexes of both are in order of age.
    pub(crate) fn is_by_age(&self) -> bool {
        self.gender.is_some() || self.min_age.is_some() || self.max_age.is_some()
    }

    /// Whether the actor matches the filter. This does not check `movie`.
    pub(crate) fn admits(&self, actor: &Actor) -> bool {
        let begins = |prefix: &Prefix| {
            let name = folded(actor.name.as_str());
            name.starts_with(prefix.as_str()) || last_word(&name).starts_with(prefix.as_str())
        };
        self.min_age.is_none_or(|least| actor.age >= least)
            && self.max_age.is_none_or(|greatest| actor.age <= greatest)
            && self
                .gender
                .as_ref()
                .is_none_or(|gender| caseless(actor.gender.as_str()) == *gender)
            && self.name.as_ref().is_none_or(begins)
    }
}

impl MovieFilter {
    /// The order of the index that finds the movies, which is the list's unless `sort` says
    /// otherwise.
    pub(crate) fn order(&self) -> MovieOrder {
        if self.actor.is_some() {
            MovieOrder::Id
        } else if self.title.is_some() {
            MovieOrder::TitleMatch
        } else if self.is_by_date() {
            MovieOrder::ReleaseDate
        } else {
            MovieOrder::Id
        }
    }

    /// Whether the filter has a release date.
    pub(crate) fn is_by_date(&self) -> bool {
        self.released_from.is_some() || self.released_to.is_some()
    }

    /// Whether the movie matches the filter. This does not check `actor`.
    pub(crate) fn admits(&self, movie: &Movie) -> bool {
        let begins = |prefix: &Prefix| {
            let title = folded(movie.title.as_str());
            title.starts_with(prefix.as_str())
                || without_article(&title).starts_with(prefix.as_str())
        };
        self.released_from
            .is_none_or(|first| movie.release_date >= first)
            && self
                .released_to
                .is_none_or(|last| movie.release_date <= last)
            && self.title.as_ref().is_none_or(begins)
    }
}
