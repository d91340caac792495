//! How rows lie in their tables, mapped by hand.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::model::{
    Actor, ActorChanges, Age, Gender, Id, Input, Movie, MovieChanges, Name, NewActor, NewMovie, ReleaseDate, Resource,
};

/// An item, as DynamoDB gives it.
pub type Item = HashMap<String, AttributeValue>;

/// Attributes to write, by name.
pub type Attributes = Vec<(&'static str, AttributeValue)>;

/// The first attribute of an item that is missing or breaks its rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// A kind of row with a table of its own.
pub trait Record: Resource + Send + Sync + 'static {
    /// The setting that holds the table's name.
    const TABLE_VARIABLE: &'static str;
    /// What a row is made of before it has an id.
    type New: Input + Send;
    /// Which fields of a row change, and to what.
    type Changes: Input + Send;

    /// The attributes of a new row, but for its key.
    fn attributes(new: &Self::New) -> Attributes;

    /// The row that a new one becomes once it has its id.
    fn with_id(id: Id, new: Self::New) -> Self;

    /// The attributes that change, and no other.
    fn changed(changes: &Self::Changes) -> Attributes;

    /// The row that an item holds; `id` is its sort key.
    ///
    /// # Errors
    /// [`Malformed`] where an attribute is missing or breaks its rule.
    fn from_item(id: Id, item: &Item) -> Result<Self, Malformed>
    where
        Self: Sized;
}

impl Record for Actor {
    const TABLE_VARIABLE: &'static str = "ACTORS_TABLE";
    type New = NewActor;
    type Changes = ActorChanges;

    fn attributes(new: &NewActor) -> Attributes {
        vec![("name", text(new.name.as_str())), ("age", number(new.age.get())), ("gender", text(new.gender.as_str()))]
    }

    fn with_id(id: Id, NewActor { name, age, gender }: NewActor) -> Self {
        Self { id, name, age, gender }
    }

    fn changed(changes: &ActorChanges) -> Attributes {
        let name = changes.name.as_ref().map(|name| ("name", text(name.as_str())));
        let age = changes.age.map(|age| ("age", number(age.get())));
        let gender = changes.gender.as_ref().map(|gender| ("gender", text(gender.as_str())));
        [name, age, gender].into_iter().flatten().collect()
    }

    fn from_item(id: Id, item: &Item) -> Result<Self, Malformed> {
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
    type New = NewMovie;
    type Changes = MovieChanges;

    fn attributes(new: &NewMovie) -> Attributes {
        vec![("title", text(new.title.as_str())), ("release_date", number(new.release_date.timestamp()))]
    }

    fn with_id(id: Id, NewMovie { title, release_date }: NewMovie) -> Self {
        Self { id, title, release_date }
    }

    fn changed(changes: &MovieChanges) -> Attributes {
        let title = changes.title.as_ref().map(|title| ("title", text(title.as_str())));
        let release_date = changes.release_date.map(|date| ("release_date", number(date.timestamp())));
        [title, release_date].into_iter().flatten().collect()
    }

    fn from_item(id: Id, item: &Item) -> Result<Self, Malformed> {
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

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn read_text<T>(item: &Item, attribute: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, Malformed> {
    let text = item.get(attribute).and_then(|value| value.as_s().ok());
    text.and_then(|text| read(text)).ok_or(Malformed(attribute))
}

fn read_number<T>(item: &Item, attribute: &'static str, read: impl Fn(i64) -> Option<T>) -> Result<T, Malformed> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
    number.and_then(read).ok_or(Malformed(attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: Attributes) -> Item {
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        let id = Id::new(7).unwrap();
        let actor =
            NewActor { name: Name::new("Ida").unwrap(), age: Age::new(0).unwrap(), gender: Gender::new("f").unwrap() };
        assert_eq!(Actor::from_item(id, &item(Actor::attributes(&actor))), Ok(Actor::with_id(id, actor)));
        let movie = NewMovie { title: Name::new("M").unwrap(), release_date: ReleaseDate::from_timestamp(-1).unwrap() };
        assert_eq!(Movie::from_item(id, &item(Movie::attributes(&movie))), Ok(Movie::with_id(id, movie)));
    }

    #[test]
    fn an_item_that_is_no_row_is_an_error_that_names_the_attribute() {
        let id = Id::new(7).unwrap();
        let check = |attribute: &'static str, value: Option<AttributeValue>| {
            let mut item = item(vec![("name", text("Ida")), ("age", number(24)), ("gender", text("f"))]);
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
