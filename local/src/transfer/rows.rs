//! What a file says: its rows, each with the line it begins on and the body that is sent for it.

use std::collections::BTreeMap;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::{Format, Resource, guard};

/// What separates the cells of a row: a comma, unless the header shows that it is one of the others.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// What is put behind the file, to be read as a part of it only where a quotation mark opens that nothing closes.
const END: &str = "\n\u{1}";

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// One after the other, empty ones left out.
    pub rows: Vec<Row>,
    /// The columns that the API has no field for, as the header spells them.
    pub ignored: Vec<String>,
}

/// One row of a file.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The body to be sent, or why there is none. Rows that say the same have the same body, whatever file they are from.
    pub body: Result<String, String>,
}

/// Reads a file's rows.
///
/// # Errors
/// What makes the file as a whole unusable, with its line; a row by itself that is unusable is among the rows.
pub fn read(file: &[u8], resource: Resource, format: Format) -> Result<Rows, String> {
    let text = text(file)?;
    match format {
        Format::Csv => csv_rows(text, resource),
        Format::Jsonl => Ok(Rows { rows: json_rows(text), ignored: Vec::new() }),
    }
}

/// The file's text without a byte order mark.
fn text(file: &[u8]) -> Result<&str, String> {
    let bytes = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err("line 1: this is UTF-16; save the file as UTF-8 (\"CSV UTF-8\" in Excel)".into());
    }
    str::from_utf8(bytes).map_err(|error| {
        let line = 1 + line_ends(bytes, 0, error.valid_up_to());
        format!("line {line}: this is not UTF-8; save the file as UTF-8 (\"CSV UTF-8\" in Excel)")
    })
}

/// How many lines end between two offsets: with a line feed, a carriage return, or one after the other.
fn line_ends(text: &[u8], from: usize, to: usize) -> usize {
    let ends = |index: &usize| text[*index] == b'\n' || (text[*index] == b'\r' && text.get(index + 1) != Some(&b'\n'));
    (from..to.min(text.len())).filter(ends).count()
}

fn json_rows(text: &str) -> Vec<Row> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| Row { line: index + 1, body: json_body(line) }).collect()
}

/// The object as it is but for `id`, which is the API's to choose.
fn json_body(line: &str) -> Result<String, String> {
    let members: Map<String, Value> = serde_json::from_str(line).map_err(|_| "is no JSON object")?;
    Ok(body(members.into_iter().filter(|(name, _)| name != "id")))
}

/// The members in the order of their names, so that it does not matter what order they came in.
fn body(members: impl Iterator<Item = (String, Value)>) -> String {
    let members: BTreeMap<_, _> = members.collect();
    Value::from_iter(members).to_string()
}

fn csv_rows(text: &str, resource: Resource) -> Result<Rows, String> {
    let mut records = Records::new(text, delimiter(text, resource));
    let (line, header) = records.next()?.ok_or("the file is empty; its first line must name the columns")?;
    let columns = Columns::new(&header, resource).map_err(|problem| format!("line {line}: {problem}"))?;
    let mut rows = Vec::new();
    while let Some((line, record)) = records.next()? {
        rows.push(Row { line, body: columns.body(&record) });
    }
    Ok(Rows { rows, ignored: columns.ignored })
}

/// What separates the header into the most columns that are known.
fn delimiter(text: &str, resource: Resource) -> u8 {
    let known = |delimiter: &u8| {
        let header = Records::new(text, *delimiter).next().ok().flatten();
        header.map_or(0, |(_, header)| header.iter().filter(|cell| is_field(&column(cell), resource)).count())
    };
    // The last of equals is taken.
    DELIMITERS.into_iter().rev().max_by_key(known).unwrap_or(b',')
}

/// A column's name as the API spells it.
fn column(cell: &str) -> String {
    cell.trim().to_lowercase().replace([' ', '-'], "_")
}

fn is_field(name: &str, resource: Resource) -> bool {
    resource.fields().iter().any(|(field, _)| *field == name)
}

/// Where the header says that each field is.
struct Columns {
    width: usize,
    fields: Vec<(&'static str, usize)>,
    ignored: Vec<String>,
}

impl Columns {
    fn new(header: &StringRecord, resource: Resource) -> Result<Self, String> {
        let names: Vec<_> = header.iter().map(column).collect();
        let mut fields = Vec::new();
        for (field, required) in resource.fields() {
            let mut places = names.iter().enumerate().filter(|(_, name)| name == field).map(|(index, _)| index);
            match (places.next(), places.next()) {
                (Some(index), None) => fields.push((*field, index)),
                (Some(_), Some(_)) => return Err(format!("there are two columns {field}")),
                (None, _) if *required => {
                    return Err(format!("there is no column {field}; this line must name the columns"));
                }
                (None, _) => {}
            }
        }
        let known = |name: &str| name.is_empty() || name == "id" || is_field(name, resource);
        let ignored =
            header.iter().zip(&names).filter(|(_, name)| !known(name)).map(|(cell, _)| cell.trim().to_owned());
        Ok(Self { width: header.len(), fields, ignored: ignored.collect() })
    }

    /// The row's body. What is no value of a field is the API's to say: a cell is sent as it is, and an empty one not at all.
    fn body(&self, record: &StringRecord) -> Result<String, String> {
        if record.len() != self.width {
            return Err(format!("has {} cells, and the header has {}", record.len(), self.width));
        }
        let members = self.fields.iter().filter_map(|(field, index)| {
            let cell = guard::lifted(record.get(*index)?);
            let cell = cell.trim();
            (!cell.is_empty()).then(|| ((*field).to_owned(), value(field, cell)))
        });
        Ok(body(members))
    }
}

fn value(field: &str, cell: &str) -> Value {
    match cell.parse::<u64>() {
        // What a number would be written as otherwise, `007` or `+7`, is for the API to judge.
        Ok(age) if field == "age" && age.to_string() == cell => age.into(),
        _ => cell.into(),
    }
}

/// The records of a CSV file that are not empty, with the line that each begins on.
struct Records<'t> {
    text: &'t str,
    reader: csv::Reader<std::io::Chain<&'t [u8], &'t [u8]>>,
    /// An offset, and the line that it is on.
    counted: (usize, usize),
}

impl<'t> Records<'t> {
    fn new(text: &'t str, delimiter: u8) -> Self {
        let file = text.as_bytes().chain(END.as_bytes());
        let reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(file);
        Self { text, reader, counted: (0, 1) }
    }

    fn next(&mut self) -> Result<Option<(usize, StringRecord)>, String> {
        let mut record = StringRecord::new();
        loop {
            let line = self.line();
            if self.counted.0 == self.text.len() {
                return Ok(None);
            }
            self.reader.read_record(&mut record).map_err(|error| format!("line {line}: {error}"))?;
            if self.at() == self.text.len() + END.len() {
                return Err(format!("line {line}: a quotation mark opens here or below that nothing closes"));
            }
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(Some((line, record)));
            }
        }
    }

    /// How much has been read, of the text and then of [`END`].
    fn at(&self) -> usize {
        usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX)
    }

    /// The line of the next record: the reader stands before the empty lines that it is about to pass over.
    fn line(&mut self) -> usize {
        let bytes = self.text.as_bytes();
        let at = self.at().min(bytes.len());
        let empty = bytes[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (counted, line) = self.counted;
        self.counted = (at + empty, line + line_ends(bytes, counted, at + empty));
        self.counted.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Resource::{Actors, Movies};

    /// Lines and bodies.
    fn rows(file: impl AsRef<[u8]>, resource: Resource, format: Format) -> Vec<(usize, Result<String, String>)> {
        let read = read(file.as_ref(), resource, format).unwrap();
        read.rows.into_iter().map(|row| (row.line, row.body)).collect()
    }

    fn actor(name: &str, age: u8) -> Result<String, String> {
        Ok(format!(r#"{{"age":{age},"gender":"f","name":"{name}"}}"#))
    }

    #[test]
    fn columns_come_in_any_order_and_case() {
        let expected = [(2, actor("Ida", 34))];
        for file in [
            "name,age,gender\nIda,34,f\n",
            "id,Gender,AGE,notes, Name \n7,f,34,late,Ida",
            "\u{feff}name,age,gender\r\nIda,34,f\r\n",
            "name;age;gender\nIda;34;f",
            "name\tage\tgender\rIda\t34\tf\r",
            "\"name\",\"age\",\"gender\"\n\"Ida\",\"34\",\"f\"",
            "name,age,gender\n Ida , 34 , f \n",
        ] {
            assert_eq!(rows(file, Actors, Format::Csv), expected, "{file:?}");
        }
        assert_eq!(read(b"id,name,age,gender,Notes,\n", Actors, Format::Csv).unwrap().ignored, ["Notes"]);
    }

    #[test]
    fn a_row_has_the_line_it_begins_on() {
        let file =
            "\r\nname,age,gender\r\n\r\n\"Ida\r\nExample\",34,f\r\nMax,51,m,late\r\n,,\r\n \r\nEva,20,f\r\nUdo\r\n";
        let ragged = |cells: usize| Err(format!("has {cells} cells, and the header has 3"));
        let expected = [
            (4, Ok(r#"{"age":34,"gender":"f","name":"Ida\r\nExample"}"#.to_owned())),
            (6, ragged(4)),
            (9, actor("Eva", 20)),
            (10, ragged(1)),
        ];
        assert_eq!(rows(file, Actors, Format::Csv), expected);
        assert_eq!(rows(file.replace("\r\n", "\n"), Actors, Format::Csv)[2], expected[2]);
        assert_eq!(rows(file.replace("\r\n", "\r"), Actors, Format::Csv)[2], expected[2]);
        let jsonl = "\u{feff}{\"id\":5,\"name\":\"Ida\",\"gender\":\"f\",\"age\":34}\r\n\n[]\n{\"title\"\n";
        let none = Err("is no JSON object".to_owned());
        assert_eq!(rows(jsonl, Actors, Format::Jsonl), [(1, actor("Ida", 34)), (3, none.clone()), (4, none)]);
    }

    #[test]
    fn what_cannot_be_a_value_is_left_to_the_api() {
        let check = |cells: &str, expected: &str| {
            assert_eq!(rows(format!("name,age,gender\n{cells}"), Actors, Format::Csv), [(2, Ok(expected.into()))]);
        };
        check("Ida,,f", r#"{"gender":"f","name":"Ida"}"#);
        check("Ida,old,f", r#"{"age":"old","gender":"f","name":"Ida"}"#);
        check("12,007,13", r#"{"age":"007","gender":"13","name":"12"}"#);
        check("'=Ida,1,'t", r#"{"age":1,"gender":"'t","name":"=Ida"}"#);
        let movies = "title,Release Date\nOne,\n\"Two, or Three\",\"Thu, 14 May 2020 14:02:13 GMT\"";
        let dated = r#"{"release_date":"Thu, 14 May 2020 14:02:13 GMT","title":"Two, or Three"}"#;
        assert_eq!(rows(movies, Movies, Format::Csv), [(2, Ok(r#"{"title":"One"}"#.into())), (3, Ok(dated.into()))]);
        assert_eq!(rows("title\n", Movies, Format::Csv), []);
        let odd = |line, title: &str| (line, Ok(format!(r#"{{"title":"{title}"}}"#)));
        assert_eq!(rows("title\n\u{1}\nOne", Movies, Format::Csv), [odd(2, "\\u0001"), odd(3, "One")]);
        assert_eq!(rows("title\n\"x\n\u{1}\"", Movies, Format::Csv).len(), 1);
        assert_eq!(rows("", Movies, Format::Jsonl), []);
        let cast = r#"{"cast":[{"actor_id":5,"billing":1}],"title":"One"}"#;
        assert_eq!(rows(cast, Movies, Format::Jsonl), [(1, Ok(cast.into()))]);
    }

    #[test]
    fn a_file_that_is_unusable_as_a_whole_is_refused_with_its_line() {
        let check = |file: &[u8], expected: &str| {
            let problem = read(file, Actors, Format::Csv).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        };
        check(b"", "the file is empty");
        check(b"\xEF\xBB\xBF\r\n\r\n", "the file is empty");
        check(b"name,gender\nIda,f\n", "line 1: there is no column age");
        check(b"\n\nIda,34,f\n", "line 3: there is no column name");
        check(b"name,age,Name,gender\n", "line 1: there are two columns name");
        check(b"name,age,gender\r\nIda,34,f\r\nZo\xEB,20,f\r\n", "line 3: this is not UTF-8");
        check(b"\xFF\xFEn\0a\0", "line 1: this is UTF-16");
        check(b"name,age,gender\nIda,34,f\n\nMax,51,\"m\nEva,20,f\n", "line 4: a quotation mark");
        check(b"name,age,\"gender\nIda,34,f\n", "line 1: a quotation mark");
        assert!(read(b"{}\n\xFF", Actors, Format::Jsonl).unwrap_err().starts_with("line 2: this is not UTF-8"));
    }

    proptest! {
        #[test]
        fn every_row_has_its_line_whatever_is_in_its_cells(
            names in prop::collection::vec(("[a\",;'\n=]{1,6}", 0_usize..3), 0..8), crlf in any::<bool>()
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut file = format!("name,age,gender{end}");
            let mut expected = Vec::new();
            for (name, empty) in &names {
                let name = format!("x{name}x");
                file.push_str(&end.repeat(*empty));
                let line = file.matches('\n').count() + 1;
                file.push_str(&format!("\"{}\",1,f{end}", name.replace('"', "\"\"").replace('\n', end)));
                let name = guard::lifted(&name).replace('\n', end);
                expected.push((line, Ok(serde_json::json!({"age": 1, "gender": "f", "name": name}).to_string())));
            }
            prop_assert_eq!(rows(file, Actors, Format::Csv), expected);
        }
    }
}
