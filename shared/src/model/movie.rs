//! Movies.

use serde::Serialize;

use super::{
    Cast, Form, FormError, Id, Input, MovieFilter, MovieOrder, Name, ReadableId, ReleaseDate,
    Resource,
};
use crate::permission::Permission;

/// A movie, as stored and as sent in responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Movie {
    /// The id, chosen by the store.
    pub id: Id,
    /// The movie's title.
    pub title: Name,
    /// When the movie is or was released.
    pub release_date: ReleaseDate,
}

/// The fields of a new movie, which has no id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMovie {
    /// The movie's title.
    pub title: Name,
    /// When the movie is or was released.
    pub release_date: ReleaseDate,
    /// The movie's cast.
    pub cast: Cast,
}

/// The fields of a movie that a PATCH changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovieChanges {
    /// The new title, if it changes.
    pub title: Option<Name>,
    /// The new release date, if it changes.
    pub release_date: Option<ReleaseDate>,
    /// The whole new cast, if it changes.
    pub cast: Option<Cast>,
}

impl Resource for Movie {
    const NAME: &'static str = "movies";
    const READ: Permission = Permission::GetMovies;
    type New = NewMovie;
    type Changes = MovieChanges;
    type Filter = MovieFilter;
    type Order = MovieOrder;

    /// Drops the cast, which has a table of its own.
    fn with_id(
        id: Id,
        NewMovie {
            title,
            release_date,
            cast: _,
        }: NewMovie,
    ) -> Self {
        Self {
            id,
            title,
            release_date,
        }
    }

    fn id(&self) -> Id {
        self.id
    }

    fn matches(&self, filter: &MovieFilter) -> bool {
        filter.admits(self)
    }

    fn default_order(filter: &MovieFilter) -> MovieOrder {
        filter.order()
    }

    fn counterpart_in(filter: &MovieFilter) -> Option<Id> {
        filter.actor.as_ref().map(ReadableId::id)
    }
}

impl Input for NewMovie {
    /// The release date defaults to the current time.
    fn read(mut form: Form<'_>) -> Result<Self, FormError> {
        let (title, release_date, cast) = (
            form.required("title"),
            form.optional("release_date"),
            form.cast(),
        );
        let release_date = release_date.unwrap_or_else(ReleaseDate::now);
        form.finish(title.map(|title| Self {
            title,
            release_date,
            cast: cast.unwrap_or_default(),
        }))
    }
}

impl Input for MovieChanges {
    fn read(mut form: Form<'_>) -> Result<Self, FormError> {
        let changes = Self {
            title: form.optional("title"),
            release_date: form.optional("release_date"),
            cast: form.cast(),
        };
        form.finish(Some(changes))
    }
}
