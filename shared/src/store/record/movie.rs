//! Movies as items of their table.

use super::{Record, Walk, match_position};
use crate::model::{
    Actor, Id, Movie, MovieChanges, MovieFilter, MovieOrder, Name, ReleaseDate, folded,
    without_article,
};
use crate::store::index::{self, Index, Range};
use crate::store::item::{Attributes, ItemView, Malformed, number, read_number, read_text, text};

impl Record for Movie {
    const TABLE_VARIABLE: &'static str = "MOVIES_TABLE";
    const INDEXES: &'static [Index] = &[index::BY_RELEASE, index::BY_TITLE, index::BY_BARE_TITLE];
    const READ_ATTRIBUTES: &'static [&'static str] = &["title", "release_date"];
    const OWNER_PREFIX: &'static str = "movie";
    type Counterpart = Actor;

    fn attributes(&self) -> Attributes {
        let Self {
            id,
            title,
            release_date,
        } = self.clone();
        let changes = MovieChanges {
            title: Some(title),
            release_date: Some(release_date),
            cast: None,
        };
        let mut attributes = Self::changed_attributes(id, &changes);
        attributes.push(index::shard_attribute(id));
        attributes
    }

    fn changed_attributes(id: Id, changes: &MovieChanges) -> Attributes {
        let mut attributes = Vec::new();
        if let Some(title) = &changes.title {
            let folded = folded(title.as_str());
            attributes.push(("title", text(title.as_str())));
            attributes.push((index::BY_TITLE.sort, text(&index::text_key(&folded, id))));
            attributes.push((
                index::BY_BARE_TITLE.sort,
                text(&index::part_key(&folded, without_article(&folded), id)),
            ));
        }
        if let Some(date) = changes.release_date {
            attributes.push(("release_date", number(date.timestamp())));
            attributes.push((index::BY_RELEASE.sort, text(&index::release_key(date, id))));
        }
        attributes
    }

    fn from_item(id: Id, item: &dyn ItemView) -> Result<Self, Malformed> {
        Ok(Self {
            id,
            title: read_text(item, "title", Name::new)?,
            release_date: read_number(item, "release_date", ReleaseDate::from_timestamp)?,
        })
    }

    fn position(&self, order: MovieOrder, filter: &MovieFilter) -> String {
        match order {
            MovieOrder::Id => index::id_key(self.id),
            MovieOrder::Title => index::text_key(&folded(self.title.as_str()), self.id),
            MovieOrder::ReleaseDate => index::release_key(self.release_date, self.id),
            MovieOrder::TitleMatch => {
                let title = folded(self.title.as_str());
                let bare = without_article(&title);
                match_position(&title, bare, filter.title.as_ref(), self.id)
            }
        }
    }

    fn walks(order: MovieOrder, filter: &MovieFilter) -> Vec<Walk> {
        match order {
            MovieOrder::Id => Vec::new(),
            MovieOrder::Title => {
                let exact = filter.title.is_none() && !filter.is_by_date();
                vec![Walk::only(Range::all(index::BY_TITLE), exact)]
            }
            MovieOrder::ReleaseDate => {
                vec![Walk::only(by_release(filter), filter.title.is_none())]
            }
            MovieOrder::TitleMatch => filter.title.as_ref().map_or_else(Vec::new, |title| {
                Walk::by_beginning(index::BY_TITLE, index::BY_BARE_TITLE, title)
            }),
        }
    }

    fn ranges_by_filter(filter: &MovieFilter) -> Vec<Vec<Range>> {
        let title = filter.title.as_ref().map(|title| {
            vec![
                Range::beginning(index::BY_TITLE, title),
                Range::beginning(index::BY_BARE_TITLE, title),
            ]
        });
        title
            .into_iter()
            .chain(filter.is_by_date().then(|| vec![by_release(filter)]))
            .collect()
    }
}

/// The index range of the filter's release dates.
fn by_release(filter: &MovieFilter) -> Range {
    let value = |date: Option<ReleaseDate>| date.map(index::release_value);
    Range::between(
        index::BY_RELEASE,
        value(filter.released_from),
        value(filter.released_to),
    )
}
