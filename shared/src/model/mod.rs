//! Actors and movies: what they are made of, and how they are read out of a request's body.
//!
//! Nothing here knows HTTP, AWS or tokens. Every type is checked where it is made and holds afterwards.

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

use crate::permission::Permission;

/// A kind of row that the API serves.
pub trait Resource: serde::Serialize {
    /// The plural that names the resource in paths and answers: `actors`.
    const NAME: &'static str;
    /// What a token must grant for rows of this resource to be shown.
    const READ: Permission;
}

/// Something that a body's fields can be read into.
pub trait Input: Sized {
    /// Reads the known fields out of `form`. What becomes of the others is the form's [`Handling`].
    ///
    /// # Errors
    /// [`FormError`]; fields are in the order of the contract's table.
    fn read(form: Form<'_>) -> Result<Self, FormError>;
}
