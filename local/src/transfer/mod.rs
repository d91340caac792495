//! Rows in and out in bulk, through the public API only: what a file says becomes one POST a row,
//! and a list becomes a file.

mod api;
mod canonical;
mod columns;
mod export;
mod guard;
mod import;
mod json_lines;
mod members;
mod output;
mod pages;
mod records;
mod rows;
mod terminal;

pub(crate) use api::ApiResponse;
pub use api::{Api, Backoff, Stop, api_url, is_loopback};
pub use export::{ExportError, Exported, export};
pub use import::{Import, RejectedRow, Summary, check_run, import, random_run};
pub(crate) use import::{idempotency_key, reasons};
pub use output::ToFile;
pub use pages::PageError;
pub use rows::{Ignored, Problem, Row, Rows, read};
pub use terminal::{EscapedWriter, escaped, escaped_lines};

/// What is moved.
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

    /// The columns that a row is made of, and whether it must have each.
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
/// joined.
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

/// How rows stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180); on import semicolons and tabs will do too.
    Csv,
    /// JSON lines: one object a line, with the API's field names.
    Jsonl,
}

/// A text from elsewhere, cut where it is too long for a message.
fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 300;
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
