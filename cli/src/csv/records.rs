//! Reads the records of a CSV file strictly: text that can be read in more than one way is an
//! error.
//!
//! The `csv` crate has no strict mode (its issue 77) and makes records of any text, so it is used
//! for writing only.

use std::borrow::Cow;

use crate::row::Problem;

/// One record of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'t> {
    /// The line that it begins on, from 1.
    pub(super) line: usize,
    /// Its cells, without the quotation marks around them.
    pub(super) cells: Vec<Cow<'t, str>>,
}

/// The records of a file, except empty ones (RFC 4180, with any delimiter and any line end).
///
/// - A cell is quoted if it begins with a quotation mark, after white space or not. Inside, two
///   quotation marks are one. White space may follow the mark that closes it, and then a delimiter
///   or the end of the line must.
/// - In any other cell a quotation mark is an ordinary character.
/// - Lines end with a line feed, with or without a carriage return before it; or all of them end
///   with a carriage return alone.
pub(super) struct Records<'t> {
    rest: &'t str,
    /// The line that `rest` begins on.
    line: usize,
    delimiter: char,
    /// How the first line ends.
    end: Option<LineEnd>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    LineFeed,
    CarriageReturn,
}

impl<'t> Records<'t> {
    pub(super) fn new(text: &'t str, delimiter: char) -> Self {
        Self {
            rest: text,
            line: 1,
            delimiter,
            end: None,
        }
    }

    /// Skips the rest of the line.
    pub(super) fn skip_line(&mut self) -> Result<(), Problem> {
        self.rest = &self.rest[line_length(self.rest)..];
        self.line_end()
    }

    fn record(&mut self) -> Result<Record<'t>, Problem> {
        let line = self.line;
        if self.rest.starts_with('\u{feff}') {
            let message = "a byte order mark is in the middle of the file, which may be two files in one; remove it";
            return Err(Problem::at(line, message));
        }
        let mut cells = vec![self.cell()?];
        while self.take(self.delimiter) {
            cells.push(self.cell()?);
        }
        self.line_end()?;
        Ok(Record { line, cells })
    }

    fn cell(&mut self) -> Result<Cow<'t, str>, Problem> {
        if let Some(quoted) = self.after_blanks().strip_prefix('"') {
            self.rest = quoted;
            return self.quoted_cell();
        }
        let end = self
            .rest
            .find([self.delimiter, '\r', '\n'])
            .unwrap_or(self.rest.len());
        let (cell, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(cell.into())
    }

    /// The rest of a cell after the quotation mark that opens it.
    fn quoted_cell(&mut self) -> Result<Cow<'t, str>, Problem> {
        let opened = self.line;
        let mut cell = Cow::Borrowed("");
        loop {
            let Some((part, rest)) = self.rest.split_once('"') else {
                return Err(Problem::at(
                    opened,
                    "a quotation mark opens a cell here that nothing closes",
                ));
            };
            self.line += line_ends(part);
            self.rest = rest;
            cell += part;
            if !self.take('"') {
                break;
            }
            cell += "\"";
        }
        self.rest = self.after_blanks();
        match self.rest.chars().next() {
            Some(next) if next != self.delimiter && !is_line_end(next) => Err(Problem::at(
                self.line,
                format!(
                    "a quotation mark closes a cell here, and \"{next}\" comes after it; the cell opens on line {opened}. \
                     Inside a quoted cell, write a quotation mark twice"
                ),
            )),
            _ => Ok(cell),
        }
    }

    fn after_blanks(&self) -> &'t str {
        let is_blank = |c: char| c.is_whitespace() && c != self.delimiter && !is_line_end(c);
        self.rest.trim_start_matches(is_blank)
    }

    fn line_end(&mut self) -> Result<(), Problem> {
        // "\r\r\n" comes from a program that put a carriage return before each line feed of "\r\n".
        let (end, length) = match self.rest.as_bytes() {
            [] => return Ok(()),
            [b'\r', b'\r', b'\n', ..] => (LineEnd::LineFeed, 3),
            [b'\r', b'\n', ..] => (LineEnd::LineFeed, 2),
            [b'\n', ..] => (LineEnd::LineFeed, 1),
            _ => (LineEnd::CarriageReturn, 1),
        };
        if *self.end.get_or_insert(end) != end {
            let message = "some lines end with a carriage return alone and others with a line feed, so this may be \
                           one line or two; save the file with one kind of line end";
            return Err(Problem::at(self.line, message));
        }
        let (ended, rest) = self.rest.split_at(length);
        self.line += line_ends(ended);
        self.rest = rest;
        Ok(())
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

impl<'t> Iterator for Records<'t> {
    type Item = Result<Record<'t>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let record = self.record();
            let is_empty =
                |record: &Record<'_>| record.cells.iter().all(|cell| cell.trim().is_empty());
            if !record.as_ref().is_ok_and(is_empty) {
                return Some(record);
            }
        }
        None
    }
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// The length of the first line in bytes, without its end.
pub(super) fn line_length(text: &str) -> usize {
    text.find(is_line_end).unwrap_or(text.len())
}

/// The number of line ends in a text: line feeds, carriage returns, and pairs of both.
pub(crate) fn line_ends(text: impl AsRef<[u8]>) -> usize {
    let text = text.as_ref();
    let ends = |index: &usize| {
        text[*index] == b'\n' || (text[*index] == b'\r' && text.get(index + 1) != Some(&b'\n'))
    };
    (0..text.len()).filter(ends).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The records with their lines, up to the first problem.
    fn read(text: &str, delimiter: char) -> Result<Vec<(usize, Vec<String>)>, Problem> {
        let record = |record: Result<Record<'_>, Problem>| {
            record.map(|record| {
                (
                    record.line,
                    record.cells.into_iter().map(Cow::into_owned).collect(),
                )
            })
        };
        Records::new(text, delimiter).map(record).collect()
    }

    #[test]
    fn only_a_delimiter_may_follow_a_quoted_cell() {
        let check = |text: &str, expected: &[&str]| {
            let expected = expected.iter().map(|cell| (*cell).to_owned()).collect();
            assert_eq!(read(text, ','), Ok(vec![(1, expected)]), "{text:?}");
        };
        check("\"a\",b", &["a", "b"]);
        check("\"a\"\"b\"", &["a\"b"]);
        check("\"\"\"\",\"\",x", &["\"", "", "x"]);
        check("\"a,\nb\"\n", &["a,\nb"]);
        check(" \t\"a\" , \"b\"\t \r\n", &["a", "b"]);
        check("\u{a0}\"a\",\u{c}\"b\"", &["a", "b"]);
        check("\" a \", b ", &[" a ", " b "]);
        check("5ft 7\",x\"y\"", &["5ft 7\"", "x\"y\""]);
        check("x \"a\"", &["x \"a\""]);
        let rejected = |text: &str, delimiter: char, line: usize, expected: &str| {
            let problem = read(text, delimiter).unwrap_err();
            assert_eq!(problem.line, Some(line), "{text:?}");
            assert!(
                problem.message.contains(expected),
                "{text:?}: {}",
                problem.message
            );
        };
        rejected(
            "\"Junk\"after",
            ',',
            1,
            "\"a\" comes after it; the cell opens on line 1",
        );
        rejected("a\n\"b\" \"c\"", ',', 2, "comes after it");
        rejected("a\n\"b\"\"\" \"", ',', 2, "comes after it");
        rejected(
            "a\n\"5ft 7\"\"\nFay,\"5ft 8\"\"\n",
            ',',
            3,
            "\"5\" comes after it; the cell opens on line 2",
        );
        rejected(
            "a\nb\n\"c\nd\n",
            ',',
            3,
            "opens a cell here that nothing closes",
        );
        rejected("a\n\"", ',', 2, "opens a cell here that nothing closes");
        rejected("\"a\";b", ',', 1, "\";\" comes after it");
        // A tab is white space in a file with commas, and a delimiter in a file with tabs.
        assert_eq!(
            read("\"a\"\t\"b\"", '\t'),
            Ok(vec![(1, vec!["a".into(), "b".into()])])
        );
        assert_eq!(
            read("\t\"a\"", '\t'),
            Ok(vec![(1, vec![String::new(), "a".into()])])
        );
    }

    #[test]
    fn lines_end_in_one_way_and_are_counted_as_an_editor_does() {
        let expected = Ok(vec![(1, vec!["a".to_owned()]), (3, vec!["b".to_owned()])]);
        for text in [
            "a\n\nb",
            "a\r\n\r\nb\r\n",
            "a\r\rb\r",
            "a\r\n\nb",
            "a\r\r\nb",
        ] {
            assert_eq!(read(text, ','), expected, "{text:?}");
        }
        for (text, line) in [
            ("a\nb\rc\n", 2),
            ("a\rb\nc", 2),
            ("a\r\nb\n\rc", 3),
            ("a\rb\r\n", 2),
        ] {
            let problem = read(text, ',').unwrap_err();
            assert_eq!(problem.line, Some(line), "{text:?}");
            assert!(
                problem.message.contains("carriage return alone"),
                "{text:?}"
            );
        }
        // Inside a cell, line ends of every kind stay as they are.
        assert_eq!(
            read("\"a\rb\r\nc\"\nd\n", ',').unwrap()[1],
            (4, vec!["d".to_owned()])
        );
    }

    #[test]
    fn a_byte_order_mark_at_the_beginning_of_a_record_is_rejected() {
        assert_eq!(read("a\n\u{feff}b\n", ',').unwrap_err().line, Some(2));
        assert_eq!(
            read("a\nb\u{feff}c\n", ','),
            Ok(vec![(1, vec!["a".into()]), (2, vec!["b\u{feff}c".into()])])
        );
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_exactly(
            rows in prop::collection::vec(prop::collection::vec("[a\",;\t\r\n ']{0,5}|\\PC{0,3}", 2..4), 0..5),
            delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true)
                .quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<_> = read(&text, delimiter.into()).unwrap().into_iter().map(|(_, cells)| cells).collect();
            let expected: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn splitting_unquoted_text_loses_nothing(
            text in "[a, \u{c}\0\n]{0,20}"
        ) {
            let read: Vec<_> = read(&text, ',').unwrap().into_iter().map(|(_, cells)| cells.join(",")).collect();
            let is_empty = |line: &&str| line.split(',').all(|cell| cell.trim().is_empty());
            let expected: Vec<_> = text.split('\n').filter(|line| !is_empty(line)).map(str::to_owned).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
