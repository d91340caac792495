//! The rows of a file, each with the line on which it begins and the body that is sent for it.

use std::collections::BTreeMap;
use std::fmt;

use crate::members::object;

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The rows in the order of the file, without empty ones.
    pub rows: Vec<Row>,
    /// The columns or members that the API has no field for.
    pub ignored: Vec<Ignored>,
}

/// A column or member that is ignored.
#[derive(Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name in the file.
    pub name: String,
    /// How many rows have a value there.
    pub rows: usize,
}

/// One row of a file.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The body to send, or why there is none. Rows that are equal to the API have equal bodies, in
    /// every file and format.
    pub body: Result<String, String>,
    /// For each credit in the body its index in the file's cast, which error messages name. Empty
    /// without a valid cast.
    pub original_indexes: Vec<usize>,
}

/// The body to send for a row.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) json: String,
    pub(crate) original_indexes: Vec<usize>,
}

/// Why a file cannot be imported.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` for the whole file.
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
    /// The row is invalid; the others can be sent.
    Row(String),
    /// Nothing of the file may be sent. A date that cannot be read is such an error: its author
    /// will reformat the whole column, which changes the readable dates too.
    File(String),
}

/// Collects the rows, or every problem of the file.
pub(crate) fn gathered(
    bodies: impl Iterator<Item = Result<(usize, Result<Body, RowError>), Problem>>,
) -> Result<Vec<Row>, Vec<Problem>> {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for body in bodies {
        match body {
            Ok((line, Ok(body))) => rows.push(Row {
                line,
                body: Ok(body.json),
                original_indexes: body.original_indexes,
            }),
            Ok((line, Err(RowError::Row(reason)))) => rows.push(Row {
                line,
                body: Err(reason),
                original_indexes: Vec::new(),
            }),
            Ok((line, Err(RowError::File(message)))) => problems.push(Problem::at(line, message)),
            Err(problem) => {
                problems.push(problem);
                // The rest of the file cannot be split into records.
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

/// A row's body: its members in the order of their names, not in that of the file.
pub(crate) fn body(members: BTreeMap<String, String>) -> String {
    object(members)
}
