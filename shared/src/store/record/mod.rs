//! The mapping between rows and DynamoDB items, written by hand.

mod actor;
mod movie;

use super::index::{self, Index, Range};
use super::item::{Attributes, ItemView, Malformed};
use crate::model::{Id, Prefix, Resource};

/// A kind of row with a table of its own.
pub trait Record: Resource {
    /// The environment variable that holds the table's name.
    const TABLE_VARIABLE: &'static str;
    /// The table's indexes.
    const INDEXES: &'static [Index];
    /// The attributes that a row is read from, besides its id.
    const READ_ATTRIBUTES: &'static [&'static str];
    /// The owner of an actor's credits is `actor#<id>`: this is the part before `#`.
    const OWNER_PREFIX: &'static str;
    /// The kind of row at the other end of each credit.
    type Counterpart: Record;

    /// The attributes of a new row, including its index keys but not its primary key.
    fn attributes(&self) -> Attributes;

    /// The attributes that these changes write, including the index keys that change with them.
    fn changed_attributes(id: Id, changes: &Self::Changes) -> Attributes;

    /// Parses an item; `id` is its sort key.
    ///
    /// # Errors
    /// [`Malformed`] if a required attribute is missing, or an attribute breaks its rule.
    fn from_item(id: Id, item: &dyn ItemView) -> Result<Self, Malformed>;

    /// The row's position in a list with this order and filter, as text whose byte order is the
    /// list's order.
    fn position(&self, order: Self::Order, filter: &Self::Filter) -> String;

    /// The index ranges to read, one after the other, for a list with this order and filter. None
    /// for the order by id, which is that of the table.
    fn walks(order: Self::Order, filter: &Self::Filter) -> Vec<Walk>;

    /// For each filter that an index serves, the most selective first: the index ranges that
    /// together hold every row that matches this filter.
    fn ranges_by_filter(filter: &Self::Filter) -> Vec<Vec<Range>>;
}

/// An index range in the order of a list. The ranges of a list hold every row that matches its
/// filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    pub(super) range: Range,
    /// Whether every row of the range matches the filter.
    pub(super) exact: bool,
    /// What precedes the range's sort keys in the positions of the list, so that the positions of
    /// one walk come before those of the next. Empty in a list of one walk.
    pub(super) position_prefix: &'static str,
}

impl Walk {
    /// The only walk of a list.
    fn only(range: Range, exact: bool) -> Self {
        Self {
            range,
            exact,
            position_prefix: "",
        }
    }

    /// The two walks of a list filtered by the beginning of a text: rows that match by `whole`, and
    /// then rows that match only by `part`.
    fn by_beginning(whole: Index, part: Index, prefix: &Prefix) -> Vec<Self> {
        let walk = |index, position_prefix| Self {
            range: Range::beginning(index, prefix),
            exact: false,
            position_prefix,
        };
        vec![walk(whole, MATCH_BY_WHOLE), walk(part, MATCH_BY_PART)]
    }
}

/// The position prefix of the rows whose whole text begins with the filter's.
const MATCH_BY_WHOLE: &str = "1";
/// The position prefix of the rows of whose text only the last word, or only the part after the
/// article, begins with the filter's.
const MATCH_BY_PART: &str = "2";

/// The position, in a list filtered by the beginning of a text, of a row with this folded text.
fn match_position(whole: &str, part: &str, prefix: Option<&Prefix>, id: Id) -> String {
    let begins = prefix.is_none_or(|prefix| whole.starts_with(prefix.as_str()));
    let (position_prefix, text) = if begins {
        (MATCH_BY_WHOLE, whole)
    } else {
        (MATCH_BY_PART, part)
    };
    format!("{position_prefix}{}", index::text_key(text, id))
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
    fn a_row_is_read_back_as_written() {
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
    fn a_malformed_item_is_an_error_that_names_the_attribute() {
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
