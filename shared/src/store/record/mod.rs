//! The mapping between rows and DynamoDB items, written by hand.

mod actor;
mod movie;

use super::index::{Index, Range};
use super::item::{Attributes, ItemView, Malformed};
use crate::model::{Id, Resource};

/// A kind of row with a table of its own.
pub trait Record: Resource {
    /// The setting that holds the table's name.
    const TABLE_VARIABLE: &'static str;
    /// The table's indexes.
    const INDEXES: &'static [Index];
    /// The attributes that a row is read from, besides its id.
    const ATTRIBUTES: &'static [&'static str];
    /// The prefix of the partition keys of its credits.
    const OWNER: &'static str;
    /// The kind of row at the other end of each credit.
    type Counterpart: Record;

    /// The attributes of a new row, including its index keys but not its primary key.
    fn attributes(&self) -> Attributes;

    /// The attributes that these changes write, including the index keys that change with them.
    fn changed(id: Id, changes: &Self::Changes) -> Attributes;

    /// Parses an item; `id` is its sort key.
    ///
    /// # Errors
    /// [`Malformed`] if an attribute is missing or breaks its rule.
    fn from_item(id: Id, item: &dyn ItemView) -> Result<Self, Malformed>;

    /// The row's position in this order, as text whose byte order is the list's order.
    fn place(&self, order: Self::Order) -> String;

    /// The index range to read for this order and filter. `None` for the order by id, which is
    /// that of the table.
    fn walk(order: Self::Order, filter: &Self::Filter) -> Option<Walk>;

    /// For each filter that an index serves, the most selective first: the index ranges that
    /// together hold every row that matches this filter.
    fn gatherings(filter: &Self::Filter) -> Vec<Vec<Range>>;
}

/// An index range in the order of a list, which holds every row that matches the list's filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    pub(super) range: Range,
    /// Whether every row of the range matches the filter.
    pub(super) exact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Age, Gender, Movie, Name, ReleaseDate};
    use crate::store::item::{Item, number, text};
    use aws_sdk_dynamodb::types::AttributeValue;

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
