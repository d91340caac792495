//! A client of the Casting Agency API, for any deployment: imports rows from a file, one POST a
//! row, exports a list to a file, backs up a whole agency and restores it, and reindexes rows. It
//! uses the public API only. `main.rs` is the command line.

mod api;
mod backup;
mod canonical;
mod csv;
mod date;
pub mod doctor;
mod export;
mod import;
mod json_lines;
mod members;
mod output;
mod pages;
mod reindex;
mod restore;
mod row;
mod rows;
mod terminal;

pub use api::{Api, Backoff, Stop, api_url, is_loopback};
pub use backup::{Backup, BackupError, BackupProgress, Changes, Header, HeaderError, ListError};
pub use export::{ExportError, Exported, export};
pub use import::{Import, RejectedRow, Summary, check_run, import, random_run};
pub use output::ExportFile;
pub use pages::PageError;
pub use reindex::{ReindexError, Reindexed, reindex};
pub use restore::{
    Difference, Existing, FileError, JournalError, Restore, RestoreError, Verified, restore, verify,
};
pub use row::{Ignored, Problem, Row, Rows};
pub use rows::read;
pub use terminal::{EscapedWriter, escaped, escaped_lines};

/// A kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Resource {
    /// Actors.
    Actors,
    /// Movies.
    Movies,
}

impl Resource {
    /// The resource's name in paths and bodies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Actors => "actors",
            Self::Movies => "movies",
        }
    }

    /// The fields of a row, which are the columns of a CSV file.
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Actors => {
                const {
                    &[
                        Field::required("name"),
                        Field::required("age"),
                        Field::required("gender"),
                    ]
                }
            }
            Self::Movies => const { &[Field::required("title"), Field::optional("release_date")] },
        }
    }

    fn has_field(self, name: &str) -> bool {
        self.fields().iter().any(|field| field.name == name)
    }
}

/// A field that a row has in every format.
struct Field {
    name: &'static str,
    /// Whether a CSV file must have a column for it.
    is_required: bool,
}

impl Field {
    const fn required(name: &'static str) -> Self {
        let is_required = true;
        Self { name, is_required }
    }

    const fn optional(name: &'static str) -> Self {
        let is_required = false;
        Self { name, is_required }
    }
}

/// Whether a name has a field's letters in their order, in any case and however its words are
/// joined: `releaseDate` and `Release Date` are spellings of `release_date`.
fn is_spelled(name: &str, field: &str) -> bool {
    let letters = |text: &str| {
        let separators = |c: &char| c.is_whitespace() || ['-', '_'].contains(c);
        text.chars()
            .filter(|c| !separators(c))
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    letters(name) == letters(field)
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180); import also accepts semicolons and tabs.
    Csv,
    /// JSON lines: one object on each line, with the API's field names.
    Jsonl,
}

/// The text, truncated if it is too long for a message.
fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 300;
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
