//! Actors as items of their table.

use super::{Record, Walk, match_position};
use crate::model::{
    Actor, ActorChanges, ActorFilter, ActorOrder, Age, Gender, Id, Movie, Name, caseless, folded,
    last_word,
};
use crate::store::index::{self, Index, Range};
use crate::store::item::{Attributes, ItemView, Malformed, number, read_number, read_text, text};

impl Record for Actor {
    const TABLE_VARIABLE: &'static str = "ACTORS_TABLE";
    const INDEXES: &'static [Index] = &[
        index::BY_AGE,
        index::BY_GENDER,
        index::BY_NAME,
        index::BY_LAST_WORD,
    ];
    const READ_ATTRIBUTES: &'static [&'static str] = &["name", "age", "gender"];
    const OWNER_PREFIX: &'static str = "actor";
    type Counterpart = Movie;

    fn attributes(&self) -> Attributes {
        let Self {
            id,
            name,
            age,
            gender,
        } = self.clone();
        let mut attributes = Self::changed_attributes(
            id,
            &ActorChanges {
                name: Some(name),
                age: Some(age),
                gender: Some(gender),
            },
        );
        attributes.push(index::shard_attribute(id));
        attributes
    }

    fn changed_attributes(id: Id, changes: &ActorChanges) -> Attributes {
        let mut attributes = Vec::new();
        if let Some(name) = &changes.name {
            let folded = folded(name.as_str());
            attributes.push(("name", text(name.as_str())));
            attributes.push((index::BY_NAME.sort, text(&index::text_key(&folded, id))));
            attributes.push((
                index::BY_LAST_WORD.sort,
                text(&index::part_key(&folded, last_word(&folded), id)),
            ));
        }
        if let Some(age) = changes.age {
            attributes.push(("age", number(age.get())));
            attributes.push((index::BY_AGE.sort, text(&index::age_key(age, id))));
        }
        if let Some(gender) = &changes.gender {
            attributes.push(("gender", text(gender.as_str())));
            let partition = index::partition(index::shard(id), Some(&caseless(gender.as_str())));
            attributes.push((index::BY_GENDER.partition, text(&partition)));
        }
        attributes
    }

    fn from_item(id: Id, item: &dyn ItemView) -> Result<Self, Malformed> {
        Ok(Self {
            id,
            name: read_text(item, "name", Name::new)?,
            age: read_number(item, "age", |years| Age::new(u64::try_from(years).ok()?))?,
            gender: read_text(item, "gender", Gender::new)?,
        })
    }

    fn position(&self, order: ActorOrder, filter: &ActorFilter) -> String {
        match order {
            ActorOrder::Id => index::id_key(self.id),
            ActorOrder::Name => index::text_key(&folded(self.name.as_str()), self.id),
            ActorOrder::Age => index::age_key(self.age, self.id),
            ActorOrder::NameMatch => {
                let name = folded(self.name.as_str());
                match_position(&name, last_word(&name), filter.name.as_ref(), self.id)
            }
        }
    }

    fn walks(order: ActorOrder, filter: &ActorFilter) -> Vec<Walk> {
        match order {
            ActorOrder::Id => Vec::new(),
            ActorOrder::Name => {
                let exact = filter.name.is_none() && !filter.is_by_age();
                vec![Walk::only(Range::all(index::BY_NAME), exact)]
            }
            ActorOrder::Age => vec![Walk::only(by_age(filter), filter.name.is_none())],
            ActorOrder::NameMatch => filter.name.as_ref().map_or_else(Vec::new, |name| {
                Walk::by_beginning(index::BY_NAME, index::BY_LAST_WORD, name)
            }),
        }
    }

    fn ranges_by_filter(filter: &ActorFilter) -> Vec<Vec<Range>> {
        let name = filter.name.as_ref().map(|name| {
            vec![
                Range::beginning(index::BY_NAME, name),
                Range::beginning(index::BY_LAST_WORD, name),
            ]
        });
        name.into_iter()
            .chain(filter.is_by_age().then(|| vec![by_age(filter)]))
            .collect()
    }
}

/// The index range of the filter's ages, and of its gender if it has one.
fn by_age(filter: &ActorFilter) -> Range {
    let value = |age: Option<Age>| age.map(index::age_value);
    let range = |index| Range::between(index, value(filter.min_age), value(filter.max_age));
    match &filter.gender {
        Some(gender) => range(index::BY_GENDER).of(gender),
        None => range(index::BY_AGE),
    }
}
