//! A client of the Casting Agency API, for any deployment: imports rows from a file, one POST a
//! row, exports a list to a file, and reindexes rows. It uses the public API only. `main.rs` is the
//! command line.

mod api;
mod canonical;
mod csv;
mod date;
mod export;
mod import;
mod json_lines;
mod members;
mod output;
mod pages;
mod reindex;
mod row;
mod rows;
mod terminal;

pub use api::{Api, Backoff, Stop, api_url, is_loopback};
pub use export::{ExportError, Exported, export};
pub use import::{Import, RejectedRow, Summary, check_run, import, random_run};
pub use output::ExportFile;
pub use pages::PageError;
pub use reindex::{ReindexError, Reindexed, reindex};
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

    /// The columns of a CSV file, and whether each is required.
    fn columns(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Actors => &[("name", true), ("age", true), ("gender", true)],
            Self::Movies => &[("title", true), ("release_date", false)],
        }
    }

    fn has_field(self, name: &str) -> bool {
        self.columns().iter().any(|(field, _)| *field == name)
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
