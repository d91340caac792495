//! The mapping between rows and DynamoDB items, written by hand.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::index::{self, Index};
use crate::model::{
    Actor, ActorChanges, Age, Gender, Id, Input, Movie, MovieChanges, Name, NewActor, NewMovie,
    ReleaseDate, Resource, caseless, folded, last_word, without_article,
};

/// An item, as the SDK returns it.
pub type Item = HashMap<String, AttributeValue>;

/// Read access to an item's attributes by name.
pub trait ItemView {
    /// Whether the item has the attribute, of any type.
    fn has(&self, attribute: &str) -> bool;
    /// The attribute, if it is a string.
    fn text(&self, attribute: &str) -> Option<&str>;
    /// The attribute's digits as DynamoDB spells them, if it is a number.
    fn digits(&self, attribute: &str) -> Option<&str>;
}

impl ItemView for Item {
    fn has(&self, attribute: &str) -> bool {
        self.contains_key(attribute)
    }

    fn text(&self, attribute: &str) -> Option<&str> {
        self.get(attribute)?.as_s().ok().map(String::as_str)
    }

    fn digits(&self, attribute: &str) -> Option<&str> {
        self.get(attribute)?.as_n().ok().map(String::as_str)
    }
}

/// Attributes to write, by name.
pub type Attributes = Vec<(&'static str, AttributeValue)>;

/// The first attribute of an item that is missing or breaks its rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// A kind of row with a table of its own.
pub trait Record: Resource + Clone + Send + Sync + 'static {
    /// The setting that holds the table's name.
    const TABLE_VARIABLE: &'static str;
    /// The table's indexes.
    const INDEXES: &'static [Index];
    /// The attributes that a row is read from, besides its id.
    const ATTRIBUTES: &'static [&'static str];
    /// A row that has no id yet.
    type New: Input + Send;
    /// The fields of a row to change, and their new values.
    type Changes: Input + Send + Sync;

    /// Makes the row from its id and its other fields.
    fn with_id(id: Id, new: Self::New) -> Self;

    /// The row's id.
    fn id(&self) -> Id;

    /// The attributes of a new row, including its index keys but not its primary key.
    fn attributes(&self) -> Attributes;

    /// The attributes that these changes write, including the index keys that change with them.
    fn changed(id: Id, changes: &Self::Changes) -> Attributes;

    /// Parses an item; `id` is its sort key.
    ///
    /// # Errors
    /// [`Malformed`] if an attribute is missing or breaks its rule.
    fn from_item(id: Id, item: &dyn ItemView) -> Result<Self, Malformed>
    where
        Self: Sized;
}

impl Record for Actor {
    const TABLE_VARIABLE: &'static str = "ACTORS_TABLE";
    const INDEXES: &'static [Index] = &[
        index::BY_AGE,
        index::BY_GENDER,
        index::BY_NAME,
        index::BY_LAST_WORD,
    ];
    const ATTRIBUTES: &'static [&'static str] = &["name", "age", "gender"];
    type New = NewActor;
    type Changes = ActorChanges;

    fn with_id(id: Id, NewActor { name, age, gender }: NewActor) -> Self {
        Self {
            id,
            name,
            age,
            gender,
        }
    }

    fn id(&self) -> Id {
        self.id
    }

    fn attributes(&self) -> Attributes {
        let Self {
            id,
            name,
            age,
            gender,
        } = self.clone();
        let mut attributes = Self::changed(
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

    fn changed(id: Id, changes: &ActorChanges) -> Attributes {
        let mut attributes = Vec::new();
        if let Some(name) = &changes.name {
            let folded = folded(name.as_str());
            attributes.push(("name", text(name.as_str())));
            attributes.push((index::BY_NAME.sort, text(&index::text_key(&folded, id))));
            attributes.push((
                index::BY_LAST_WORD.sort,
                text(&index::text_key(last_word(&folded), id)),
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
}

impl Record for Movie {
    const TABLE_VARIABLE: &'static str = "MOVIES_TABLE";
    const INDEXES: &'static [Index] = &[index::BY_RELEASE, index::BY_TITLE, index::BY_BARE_TITLE];
    const ATTRIBUTES: &'static [&'static str] = &["title", "release_date"];
    type New = NewMovie;
    type Changes = MovieChanges;

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
        let mut attributes = Self::changed(id, &changes);
        attributes.push(index::shard_attribute(id));
        attributes
    }

    fn changed(id: Id, changes: &MovieChanges) -> Attributes {
        let mut attributes = Vec::new();
        if let Some(title) = &changes.title {
            let folded = folded(title.as_str());
            attributes.push(("title", text(title.as_str())));
            attributes.push((index::BY_TITLE.sort, text(&index::text_key(&folded, id))));
            attributes.push((
                index::BY_BARE_TITLE.sort,
                text(&index::text_key(without_article(&folded), id)),
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
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn read_text<T>(
    item: &dyn ItemView,
    attribute: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, Malformed> {
    item.text(attribute)
        .and_then(read)
        .ok_or(Malformed(attribute))
}

pub(super) fn read_number<T>(
    item: &dyn ItemView,
    attribute: &'static str,
    read: impl Fn(i64) -> Option<T>,
) -> Result<T, Malformed> {
    item.digits(attribute)
        .and_then(|digits| digits.parse().ok())
        .and_then(read)
        .ok_or(Malformed(attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: Attributes) -> Item {
        attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        let id = Id::new(7).unwrap();
        let (name, gender) = (Name::new("Ida").unwrap(), Gender::new("f").unwrap());
        let actor = Actor {
            id,
            name,
            age: Age::new(0).unwrap(),
            gender,
        };
        assert_eq!(Actor::from_item(id, &item(actor.attributes())), Ok(actor));
        let movie = Movie {
            id,
            title: Name::new("M").unwrap(),
            release_date: ReleaseDate::from_timestamp(-1).unwrap(),
        };
        assert_eq!(Movie::from_item(id, &item(movie.attributes())), Ok(movie));
    }

    #[test]
    fn an_item_that_is_no_row_is_an_error_that_names_the_attribute() {
        let id = Id::new(7).unwrap();
        let check = |attribute: &'static str, value: Option<AttributeValue>| {
            let mut item = item(vec![
                ("name", text("Ida")),
                ("age", number(24)),
                ("gender", text("f")),
            ]);
            item.remove(attribute);
            item.extend(value.map(|value| (attribute.to_owned(), value)));
            assert_eq!(Actor::from_item(id, &item), Err(Malformed(attribute)));
        };
        check("name", None);
        check("name", Some(text("")));
        check("name", Some(number(1)));
        check("age", Some(number(-1)));
        check("age", Some(number("24.5")));
        check("age", Some(text("24")));
        check("gender", Some(AttributeValue::Null(true)));
    }
}
