//! Actors and movies: their fields, and how a request body is parsed into them.
//!
//! This module knows no HTTP, AWS or tokens. Every type is validated when it is created and stays
//! valid.

mod actor;
mod cast;
mod find;
mod fold;
mod form;
mod id;
mod movie;
mod release_date;
mod text;

pub use actor::{Actor, ActorChanges, Age, NewActor};
pub use cast::{Billing, Cast, Credit};
pub use find::{ActorFilter, ActorOrder, MovieFilter, MovieOrder, Order, Prefix, ReadableId};
pub(crate) use fold::{caseless, folded, last_word, without_article};
pub use form::{FieldError, Form, FormError, Handling, NotAnObject};
pub use id::Id;
pub use movie::{Movie, MovieChanges, NewMovie};
pub use release_date::ReleaseDate;
pub use text::{Gender, Name};

use std::fmt;

use serde::Serialize;

use crate::permission::Permission;

/// A kind of row that the API serves.
pub trait Resource: Clone + fmt::Debug + Serialize + Send + Sync + 'static {
    /// The plural name of the resource in paths and responses: `actors`.
    const NAME: &'static str;
    /// The permission to read rows of this resource.
    const READ: Permission;
    /// A row that has no id yet.
    type New: Input + Send;
    /// The fields of a row to change, and their new values.
    type Changes: Input + Send + Sync;
    /// The filters of a list.
    type Filter: Clone + Default + PartialEq + fmt::Debug + Send + Sync;
    /// The orders of a list.
    type Order: Order;

    /// Makes the row from its id and its other fields.
    fn with_id(id: Id, new: Self::New) -> Self;
    /// The row's id.
    fn id(&self) -> Id;
    /// Whether the row matches the filter, apart from its credits.
    fn matches(&self, filter: &Self::Filter) -> bool;
    /// The order of a list with this filter, unless the client asks for another.
    fn default_order(filter: &Self::Filter) -> Self::Order;
    /// The counterpart that the filter names: only rows that have a credit with it match.
    fn counterpart_in(filter: &Self::Filter) -> Option<Id>;
}

/// A type that a body's fields can be parsed into.
pub trait Input: Sized {
    /// Reads the known fields of `form`. Its [`Handling`] decides what happens to the others.
    ///
    /// # Errors
    /// [`FormError`]; fields are in the order of the contract's table.
    fn read(form: Form<'_>) -> Result<Self, FormError>;
}
