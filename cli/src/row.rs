//! What a file says: its rows, each with the line it begins on and the body that is sent for it.

use std::collections::BTreeMap;
use std::fmt;

use crate::members::object;

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// One after the other, empty ones left out.
    pub rows: Vec<Row>,
    /// The columns or members that the API has no field for.
    pub ignored: Vec<Ignored>,
}

/// A column or member that is not sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name as the file has it.
    pub name: String,
    /// How many rows have something there.
    pub rows: usize,
}

/// One row of a file.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The body to be sent, or why there is none. Rows that say the same have the same body,
    /// whatever file they are from.
    pub body: Result<String, String>,
    /// For each credit of the body's cast its place in the file's, which errors name; empty where
    /// there is no valid cast.
    pub places: Vec<usize>,
}

/// What is sent for a row.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) json: String,
    pub(crate) places: Vec<usize>,
}

/// What keeps a file from being imported.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; none for the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why a row has no body.
pub(crate) enum RowError {
    /// It is unusable by itself; the others can be sent.
    Row(String),
    /// Nothing of the file may be sent. A date that cannot be read is such a problem: it shows how
    /// its column was written, and whoever writes that anew changes the readable rows too.
    File(String),
}

/// Gathers rows, unless there are problems with the file.
pub(crate) fn gathered(
    bodies: impl Iterator<Item = Result<(usize, Result<Body, RowError>), Problem>>,
) -> Result<Vec<Row>, Vec<Problem>> {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for body in bodies {
        match body {
            Ok((line, Ok(Body { json, places }))) => rows.push(Row {
                line,
                body: Ok(json),
                places,
            }),
            Ok((line, Err(RowError::Row(reason)))) => rows.push(Row {
                line,
                body: Err(reason),
                places: Vec::new(),
            }),
            Ok((line, Err(RowError::File(message)))) => problems.push(Problem::at(line, message)),
            Err(problem) => {
                problems.push(problem);
                // What follows cannot be told apart any more.
                break;
            }
        }
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        Err(problems)
    }
}

/// A row's body: its members in the order of their names, so that it does not matter what order
/// they came in.
pub(crate) fn body(members: BTreeMap<String, String>) -> String {
    object(members)
}
