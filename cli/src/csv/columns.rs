//! Reads the rows of a CSV file: finds the fields in its header, and their values in its cells.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::guard;
use super::records::{Record, Records, line_length};
use crate::members::quoted;
use crate::row::{self, Body, Ignored, Problem, RowError, Rows, gathered};
use crate::{Field, Resource, canonical, is_spelled, shortened};

/// The possible delimiters. A file has a comma, unless its header has more known columns with
/// another.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

pub(crate) fn csv_rows(text: &str, resource: Resource) -> Result<Rows, Vec<Problem>> {
    let (mut records, header) = header(text, resource).map_err(|problem| vec![problem])?;
    let mut columns = Columns::new(&header, resource)
        .map_err(|message| vec![Problem::at(header.line, message)])?;
    let rows = gathered(
        records
            .by_ref()
            .map(|record| record.map(|record| (record.line, columns.body(&record)))),
    )?;
    Ok(Rows {
        rows,
        ignored: columns.ignored(),
    })
}

/// The header, and the records after it.
fn header(text: &str, resource: Resource) -> Result<(Records<'_>, Record<'_>), Problem> {
    let mut records = match separator(text)? {
        Some(delimiter) => {
            let mut records = Records::new(text, delimiter);
            records.skip_line()?;
            records
        }
        None => Records::new(text, delimiter(text, resource)),
    };
    let empty = || Problem {
        line: None,
        message: "the file is empty; its first line must name the columns".into(),
    };
    let header = records.next().ok_or_else(empty)??;
    Ok((records, header))
}

/// The delimiter that a first line such as `sep=;` names for Excel.
fn separator(text: &str) -> Result<Option<char>, Problem> {
    let line = &text[..line_length(text)];
    let named = |line: &str| {
        line.get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("sep="))
    };
    if line.strip_prefix('"').is_some_and(named) {
        let message = "sep= is in quotation marks, as a spreadsheet saves it when it does not follow it; remove this line";
        return Err(Problem::at(1, message));
    }
    if !named(line) {
        return Ok(None);
    }
    let mut delimiter = line[4..].chars();
    match (delimiter.next(), delimiter.next()) {
        (Some(one), None) if one == '\t' || (one.is_ascii_punctuation() && one != '"') => {
            Ok(Some(one))
        }
        _ => Err(Problem::at(
            1,
            "sep= must name one delimiter, for example sep=;",
        )),
    }
}

/// The delimiter with which the header has the most known columns.
fn delimiter(text: &str, resource: Resource) -> char {
    let known = |delimiter: &char| {
        let header = Records::new(text, *delimiter).next().and_then(Result::ok);
        header.map_or(0, |header| {
            header
                .cells
                .iter()
                .filter(|cell| resource.has_field(&column(cell, resource)))
                .count()
        })
    };
    // `max_by_key` returns the last of several maxima: the comma.
    DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(known)
        .unwrap_or(',')
}

/// The column's field if it is a spelling of one (`Release Date`, `releaseDate`), otherwise its
/// trimmed name.
fn column(cell: &str, resource: Resource) -> String {
    let field = resource
        .fields()
        .iter()
        .map(|field| field.name)
        .chain(["id"])
        .find(|field| is_spelled(cell, field));
    field.map_or_else(|| cell.trim().to_owned(), str::to_owned)
}

/// The columns that a header names.
struct Columns {
    width: usize,
    fields: Vec<Column>,
    /// The other columns: index, name if there is one, and the number of rows with a value there.
    others: Vec<(usize, Option<String>, usize)>,
}

struct Column {
    field: &'static str,
    is_required: bool,
    index: usize,
}

impl Columns {
    fn new(header: &Record<'_>, resource: Resource) -> Result<Self, String> {
        let names: Vec<_> = header
            .cells
            .iter()
            .map(|cell| column(cell, resource))
            .collect();
        let mut fields = Vec::new();
        for Field {
            name: field,
            is_required,
        } in resource.fields()
        {
            let mut indexes = names
                .iter()
                .enumerate()
                .filter(|(_, name)| name == field)
                .map(|(index, _)| index);
            match (indexes.next(), indexes.next()) {
                (Some(index), None) => fields.push(Column {
                    field,
                    is_required: *is_required,
                    index,
                }),
                (Some(one), Some(other)) => {
                    let spelled = |index: usize| header.cells[index].trim();
                    let (one, other) = (spelled(one), spelled(other));
                    return Err(format!(
                        "there are two columns \"{field}\" (\"{one}\" and \"{other}\")"
                    ));
                }
                (None, _) if *is_required => {
                    return Err(format!(
                        "there is no column \"{field}\"; this line must name the columns"
                    ));
                }
                (None, _) => {}
            }
        }
        let is_other =
            |name: &str| name != "id" && !fields.iter().any(|column| column.field == name);
        let others = header
            .cells
            .iter()
            .zip(&names)
            .enumerate()
            .filter(|(_, (_, name))| is_other(name));
        let name = |cell: &str| Some(cell.trim().to_owned()).filter(|name| !name.is_empty());
        let others = others
            .map(|(index, (cell, _))| (index, name(cell), 0))
            .collect();
        Ok(Self {
            width: header.cells.len(),
            fields,
            others,
        })
    }

    /// The row's body. An empty cell is absent. The API rejects invalid values.
    fn body(&mut self, record: &Record<'_>) -> Result<Body, RowError> {
        let cells = &record.cells;
        let is_empty = |cell: &Cow<'_, str>| cell.trim().is_empty();
        for (index, _, rows) in &mut self.others {
            *rows += usize::from(cells.get(*index).is_some_and(|cell| !is_empty(cell)));
        }
        let is_cut = self
            .fields
            .iter()
            .any(|column| column.is_required && column.index >= cells.len());
        if is_cut || !cells.iter().skip(self.width).all(is_empty) {
            return Err(RowError::Row(format!(
                "has {} cells, and the header has {}",
                cells.len(),
                self.width
            )));
        }
        let mut members = BTreeMap::new();
        for Column { field, index, .. } in &self.fields {
            let cell = cells.get(*index).map_or("", |cell| cell.trim());
            if !cell.is_empty() {
                members.insert((*field).to_owned(), value(field, cell)?);
            }
        }
        Ok(Body {
            json: row::body(members),
            ..Body::default()
        })
    }

    fn ignored(self) -> Vec<Ignored> {
        let ignored = |(index, name, rows): (usize, Option<String>, usize)| Ignored {
            name: name.unwrap_or_else(|| format!("column {}, which has no name", index + 1)),
            rows,
        };
        self.others
            .into_iter()
            .filter(|(_, _, rows)| *rows > 0)
            .map(ignored)
            .collect()
    }
}

/// The value of a cell, as JSON.
fn value(field: &str, cell: &str) -> Result<String, RowError> {
    if guard::is_error_value(cell) {
        return Err(RowError::Row(format!(
            "{field} is {}, by which a spreadsheet shows an error; correct the cell, or put an apostrophe before it \
             if that is its text",
            shortened(cell)
        )));
    }
    let text = guard::unguarded(cell);
    let text = text.trim();
    match field {
        "release_date" => canonical::release_date(text).map(|date| quoted(&date)),
        "age" => {
            let age = whole_number(text).unwrap_or_else(|| quoted(text));
            Ok(canonical::value(field, &age))
        }
        _ => Ok(quoted(text)),
    }
}

/// The JSON number for `31` or `31.0`: digits, then optionally a point and zeros. `None` for any
/// other spelling, such as `007` and `+7`.
fn whole_number(text: &str) -> Option<String> {
    let digits = text
        .split_once('.')
        .filter(|(_, zeros)| !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0'));
    let digits = digits.map_or(text, |(digits, _)| digits);
    digits
        .parse::<u64>()
        .ok()
        .map(|number| number.to_string())
        .filter(|number| number == digits)
}
