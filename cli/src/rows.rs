//! Reads the rows of a file, whatever its format.

use crate::csv::{csv_rows, line_ends};
use crate::json_lines::json_rows;
use crate::row::{Problem, Rows};
use crate::{Format, Resource};

/// Reads a file's rows.
///
/// # Errors
/// Why nothing of the file can be sent. An invalid row is among the rows, with its reason.
pub fn read(file: &[u8], resource: Resource, format: Format) -> Result<Rows, Vec<Problem>> {
    let text = text(file, format).map_err(|problem| vec![problem])?;
    match format {
        Format::Csv => csv_rows(text, resource),
        Format::Jsonl => json_rows(text, resource),
    }
}

/// The file's text without a byte order mark.
fn text(file: &[u8], format: Format) -> Result<&str, Problem> {
    let advice = match format {
        Format::Csv => "save the file as UTF-8 (\"CSV UTF-8\" in Excel)",
        Format::Jsonl => "save the file as UTF-8",
    };
    let bytes = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(Problem::at(1, format!("this is UTF-16; {advice}")));
    }
    let line = |end: usize| 1 + line_ends(&bytes[..end]);
    if let Some(index) = bytes.iter().position(|byte| *byte == 0) {
        let message =
            format!("there is a NUL byte, as in UTF-16 without a byte order mark; {advice}");
        return Err(Problem::at(line(index), message));
    }
    str::from_utf8(bytes).map_err(|error| {
        Problem::at(
            line(error.valid_up_to()),
            format!("this is not UTF-8; {advice}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::csv;
    use Resource::{Actors, Movies};

    /// Lines and bodies.
    fn rows(
        file: impl AsRef<[u8]>,
        resource: Resource,
        format: Format,
    ) -> Vec<(usize, Result<String, String>)> {
        let read = read(file.as_ref(), resource, format).unwrap();
        read.rows
            .into_iter()
            .map(|row| (row.line, row.body))
            .collect()
    }

    /// The first problem of a CSV file, with its line.
    fn problem(file: &str, resource: Resource, line: usize, expected: &str) {
        let problem = read(file.as_bytes(), resource, Format::Csv)
            .unwrap_err()
            .remove(0);
        assert_eq!(problem.line, Some(line), "{file:?}");
        assert!(
            problem.message.contains(expected),
            "{file:?}: {}",
            problem.message
        );
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
            "\"name\" , \"age\",\t\"gender\"\n\"Ida\", \"34\" ,\"f\"\n",
            "name,age,gender\n Ida , 34 , f \n",
        ] {
            assert_eq!(rows(file, Actors, Format::Csv), expected, "{file:?}");
        }
    }

    #[test]
    fn ignored_columns_and_cells_without_a_column_are_reported() {
        let ignored = |file: &str| {
            let rows = read(file.as_bytes(), Actors, Format::Csv).unwrap();
            rows.ignored
                .into_iter()
                .map(|column| (column.name, column.rows))
                .collect::<Vec<_>>()
        };
        assert_eq!(ignored("id,name,age,gender,Notes,\nIda,34,f,,\n"), []);
        let file = ",Notes,name,age,gender\n0,late,Ida,34,f\n1,,Max,51,m\n";
        assert_eq!(
            ignored(file),
            [
                ("column 1, which has no name".into(), 2),
                ("Notes".into(), 1)
            ]
        );
    }

    #[test]
    fn a_first_line_may_name_the_delimiter() {
        for (file, line) in [
            ("sep=;\nname;age;gender\nIda;34;f", 3),
            ("\u{feff}SEP=,\r\nname,age,gender\r\n\r\nIda,34,f\r\n", 4),
            ("sep=\t\nname\tage\tgender\nIda\t34\tf", 3),
            ("sep=|\nname|age|gender\nIda|34|f", 3),
        ] {
            assert_eq!(
                rows(file, Actors, Format::Csv),
                [(line, actor("Ida", 34))],
                "{file:?}"
            );
        }
        problem(
            "\"sep=;\"\nname;age;gender\n",
            Actors,
            1,
            "sep= is in quotation marks",
        );
        problem(
            "sep=\nname,age,gender\n",
            Actors,
            1,
            "sep= must name one delimiter",
        );
        problem(
            "sep=;;\nname;age;gender\n",
            Actors,
            1,
            "sep= must name one delimiter",
        );
        problem(
            "sep=;\nname,age,gender\n",
            Actors,
            2,
            "there is no column \"name\"",
        );
    }

    #[test]
    fn cells_beyond_the_header_are_empty_and_missing_cells_are_optional() {
        let check = |cells: &str, expected: Result<&str, &str>| {
            let file = format!("title,release_date,notes\n{cells}\n");
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(rows(file, Movies, Format::Csv), [(2, expected)], "{cells}");
        };
        check("One", Ok(r#"{"title":"One"}"#));
        check(
            "One,2020-05-14,,, ,\"\"",
            Ok(r#"{"release_date":"2020-05-14T00:00:00Z","title":"One"}"#),
        );
        check(
            "One,2020-05-14,late,x",
            Err("has 4 cells, and the header has 3"),
        );
        check("One,,,,x", Err("has 5 cells, and the header has 3"));
        let cut = rows("name,age,gender\nIda,34", Actors, Format::Csv);
        assert_eq!(cut, [(2, Err("has 2 cells, and the header has 3".into()))]);
    }

    #[test]
    fn an_age_may_have_a_decimal_point_and_only_zeros_after_it() {
        let check = |age: &str, expected: &str| {
            let file = format!("name;age;gender\nIda;{age};f");
            let expected = format!(r#"{{"age":{expected},"gender":"f","name":"Ida"}}"#);
            assert_eq!(
                rows(file, Actors, Format::Csv),
                [(2, Ok(expected))],
                "{age}"
            );
        };
        check("31.0", "31");
        check("31.00", "31");
        check("31.", "\"31.\"");
        check("31.5", "\"31.5\"");
        check("31,0", "\"31,0\"");
        check("1,234", "\"1,234\"");
        check("007", "7");
        check("031", "31");
        check("31.0000000000000000001", "\"31.0000000000000000001\"");
        check("3e1", "\"3e1\"");
        check("99999999999999999999", "\"99999999999999999999\"");
    }

    #[test]
    fn a_file_with_an_ambiguous_date_is_not_sent() {
        problem(
            "title,release_date\nOne,2020-05-14\nTwo,01/02/2020\n",
            Movies,
            3,
            "write it as YYYY-MM-DD (01/02/2020)",
        );
        problem(
            "title,release_date\nOne,43965\n",
            Movies,
            2,
            "the bare number 43965",
        );
        problem(
            "title;release_date\nOne;43965,58\n",
            Movies,
            2,
            "format the column as YYYY-MM-DD",
        );
        problem(
            "title,release_date\nOne,soon\n",
            Movies,
            2,
            "must be a date",
        );
        let several = b"title,release_date\nOne,1/2/2020\nTwo,\nThree,2/1/2020\n";
        let lines: Vec<_> = read(several, Movies, Format::Csv)
            .unwrap_err()
            .into_iter()
            .map(|it| it.line)
            .collect();
        assert_eq!(lines, [Some(2), Some(4)]);
        for line in [
            r#"{"title":"One","release_date":"01/02/2020"}"#,
            r#"{"title":"One","release_date":43965}"#,
        ] {
            let problems = read(line.as_bytes(), Movies, Format::Jsonl).unwrap_err();
            assert_eq!(problems[0].line, Some(1), "{line}");
        }
    }

    #[test]
    fn every_spelling_of_a_date_is_the_same_row() {
        let expected = [(
            2,
            Ok(r#"{"release_date":"2020-05-14T00:00:00Z","title":"One"}"#.to_owned()),
        )];
        for date in [
            "2020-05-14",
            "\"May 14, 2020\"",
            "14.05.2020",
            "2020-05-14T02:00+02:00",
        ] {
            assert_eq!(
                rows(
                    format!("title,release_date\nOne,{date}"),
                    Movies,
                    Format::Csv
                ),
                expected,
                "{date}"
            );
        }
    }

    #[test]
    fn an_error_of_the_spreadsheet_is_no_value() {
        let check = |cells: &str, resource, expected: &str| {
            let header = if resource == Actors {
                "name,age,gender,notes"
            } else {
                "title,release_date"
            };
            let (line, body) =
                rows(format!("{header}\n{cells}\n"), resource, Format::Csv).remove(0);
            assert_eq!(line, 2);
            assert!(
                body.clone()
                    .err()
                    .is_some_and(|reason| reason.starts_with(expected)),
                "{cells}: {body:?}"
            );
        };
        check(
            "#N/A,34,f,",
            Actors,
            "name is #N/A, by which a spreadsheet shows an error",
        );
        check("Ida,34, #REF! ,", Actors, "gender is #REF!");
        check("Ida,#VALUE!,f,", Actors, "age is #VALUE!");
        check("One,########", Movies, "release_date is ########");
        let unused = rows(
            "name,age,gender,notes\nIda,34,f,#N/A\n",
            Actors,
            Format::Csv,
        );
        assert_eq!(unused, [(2, actor("Ida", 34))]);
        assert_eq!(
            rows("name,age,gender\n'#N/A,34,f\n", Actors, Format::Csv),
            [(2, actor("#N/A", 34))]
        );
    }

    #[test]
    fn a_row_has_the_line_it_begins_on() {
        let file = "\r\nname,age,gender\r\n\r\n\"Ida\r\nExample\",34,f\r\nMax,51,m,late\r\n,,\r\n \r\nEva,20,f\r\nUdo\r\n";
        let ragged = |cells: usize| Err(format!("has {cells} cells, and the header has 3"));
        let expected = [
            (
                4,
                Ok(r#"{"age":34,"gender":"f","name":"Ida\r\nExample"}"#.to_owned()),
            ),
            (6, ragged(4)),
            (9, actor("Eva", 20)),
            (10, ragged(1)),
        ];
        assert_eq!(rows(file, Actors, Format::Csv), expected);
        assert_eq!(
            rows(file.replace("\r\n", "\n"), Actors, Format::Csv)[2],
            expected[2]
        );
        assert_eq!(
            rows(file.replace("\r\n", "\r"), Actors, Format::Csv)[2],
            expected[2]
        );
        let jsonl =
            "\u{feff}{\"id\":5,\"name\":\"Ida\",\"gender\":\"f\",\"age\":34}\r\n\n[]\n{\"title\"\n";
        let none = Err("is not a JSON object; JSON lines have one object on one line".to_owned());
        assert_eq!(
            rows(jsonl, Actors, Format::Jsonl),
            [(1, actor("Ida", 34)), (3, none.clone()), (4, none)]
        );
    }

    #[test]
    fn what_cannot_be_a_value_is_left_to_the_api() {
        let check = |cells: &str, expected: &str| {
            assert_eq!(
                rows(format!("name,age,gender\n{cells}"), Actors, Format::Csv),
                [(2, Ok(expected.into()))]
            );
        };
        check("Ida,,f", r#"{"gender":"f","name":"Ida"}"#);
        check("Ida,old,f", r#"{"age":"old","gender":"f","name":"Ida"}"#);
        check("12,007,13", r#"{"age":7,"gender":"13","name":"12"}"#);
        check("'=Ida,1,'t", r#"{"age":1,"gender":"'t","name":"=Ida"}"#);
        let movies =
            "title,Release Date\nOne,\n\"Two, or Three\",\"Thu, 14 May 2020 14:02:13 GMT\"";
        let dated = r#"{"release_date":"2020-05-14T14:02:13Z","title":"Two, or Three"}"#;
        assert_eq!(
            rows(movies, Movies, Format::Csv),
            [(2, Ok(r#"{"title":"One"}"#.into())), (3, Ok(dated.into()))]
        );
        assert_eq!(rows("title\n", Movies, Format::Csv), []);
        let broken = "\"Title\",\"Release\r\nDate\"\r\nTwo,2020-05-14T14:02:13Z\r\n";
        let broken_row = r#"{"release_date":"2020-05-14T14:02:13Z","title":"Two"}"#;
        assert_eq!(
            rows(broken, Movies, Format::Csv),
            [(3, Ok(broken_row.into()))]
        );
        let odd = |line, title: &str| (line, Ok(format!(r#"{{"title":"{title}"}}"#)));
        assert_eq!(
            rows("title\n\u{1}\nOne", Movies, Format::Csv),
            [odd(2, "\\u0001"), odd(3, "One")]
        );
        assert_eq!(rows("title\n\"x\n\u{1}\"", Movies, Format::Csv).len(), 1);
        assert_eq!(rows("", Movies, Format::Jsonl), []);
        let cast = r#"{"cast":[{"actor_id":5,"billing":1}],"title":"One"}"#;
        assert_eq!(rows(cast, Movies, Format::Jsonl), [(1, Ok(cast.into()))]);
    }

    #[test]
    fn a_file_that_is_unusable_as_a_whole_is_rejected_with_its_line() {
        let check = |file: &[u8], expected: &str| {
            let problem = read(file, Actors, Format::Csv)
                .unwrap_err()
                .remove(0)
                .to_string();
            assert!(problem.starts_with(expected), "{problem}");
        };
        check(b"", "the file is empty");
        check(b"\xEF\xBB\xBF\r\n\r\n", "the file is empty");
        check(
            b"name,gender\nIda,f\n",
            "line 1: there is no column \"age\"",
        );
        check(b"\n\nIda,34,f\n", "line 3: there is no column \"name\"");
        check(
            b"name,age,Name,gender\n",
            "line 1: there are two columns \"name\"",
        );
        check(
            b"name,age,gender\r\nIda,34,f\r\nZo\xEB,20,f\r\n",
            "line 3: this is not UTF-8",
        );
        check(
            b"name,\"Release\nDate\",age,Gender,AGE\n",
            "line 1: there are two columns \"age\" (\"age\" and \"AGE\")",
        );
        check(b"\xFF\xFEn\0a\0", "line 1: this is UTF-16");
        check(
            b"n\0a\0m\0e\0",
            "line 1: there is a NUL byte, as in UTF-16 without a byte order mark",
        );
        check(
            b"name,age,gender\nIda\0,34,f\n",
            "line 2: there is a NUL byte",
        );
        check(
            b"name,age,gender\nIda,34,f\n\xEF\xBB\xBFMax,51,m\n",
            "line 3: a byte order mark",
        );
        check(
            b"name,age,gender\nIda,34,f\nMax,51,\"m\"x\n",
            "line 3: a quotation mark closes a cell here",
        );
        check(
            b"name,age,gender\nIda,34,f\rMax,51,m\n",
            "line 2: some lines end",
        );
        check(
            b"name,age,gender\nIda,34,f\n\nMax,51,\"m\nEva,20,f\n",
            "line 4: a quotation mark",
        );
        check(b"name,age,\"gender\nIda,34,f\n", "line 1: a quotation mark");
        let problems = read(b"{}\n\xFF", Actors, Format::Jsonl).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "line 2: this is not UTF-8; save the file as UTF-8"
        );
        let problems = read(b"\xFF\xFE{\0", Actors, Format::Jsonl).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "line 1: this is UTF-16; save the file as UTF-8"
        );
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
                let name = csv::unguarded(&name).replace('\n', end);
                expected.push((line, Ok(serde_json::json!({"age": 1, "gender": "f", "name": name}).to_string())));
            }
            prop_assert_eq!(rows(file, Actors, Format::Csv), expected);
        }
    }
}
