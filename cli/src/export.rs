//! Reads a list page by page, in the order of the ids, and writes its rows.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::csv::guarded;
use crate::json_lines::CREDIT;
use crate::members::{self, Members, object};
use crate::pages::{Page, PageError, Progress, TakeError};
use crate::{Api, Format, Resource, Stop, date, shortened};

/// The most names in a message.
const MAX_NAMES: usize = 16;

/// Why an export is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The client sends no more requests.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// A page cannot be one of the list.
    #[error("{0}")]
    Page(#[from] PageError),
    /// A movie has no cast, although the request includes it: the API is older than casts, or is
    /// another API.
    #[error(
        "the API sends movies without their casts, although the request includes them; --format csv exports movies without casts"
    )]
    NoCast,
    /// The rows cannot be written.
    #[error("{0}")]
    Write(#[from] io::Error),
}

impl From<TakeError> for ExportError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Page(error) => error.into(),
            TakeError::Stop(error) => error.into(),
        }
    }
}

/// The result of an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many rows.
    pub rows: usize,
    /// The members that the format has no column for.
    pub ignored: BTreeSet<String>,
    /// How many rows have a date that the API itself would reject; it is written as it was sent.
    pub invalid_dates: usize,
}

/// Writes every row of a list, in the order of the ids. Calls `report` with the number of rows
/// after each page.
///
/// # Errors
/// [`ExportError`]; what has been written is incomplete.
pub async fn export(
    api: &Api,
    resource: Resource,
    format: Format,
    to: &mut impl Write,
    mut report: impl FnMut(usize),
) -> Result<Exported, ExportError> {
    // Nothing sends a stop: an interrupted export is dropped, since an incomplete file is useless.
    let (_running, stopped) = watch::channel(false);
    let (first, limit) = first_page(resource, format);
    let (mut next, mut progress, mut exported) =
        (Some(first), Progress::default(), Exported::default());
    if format == Format::Csv {
        to.write_all(&csv_line(columns(resource).iter())?)?;
    }
    while let Some(path) = next {
        let response = api.get(&path, stopped.clone()).await?;
        let page = Page::parse(resource, &response).ok_or_else(|| api.foreign(response.status))?;
        next = progress.take(api, resource, limit, &page)?;
        for row in &page.rows {
            to.write_all(&line(row, resource, format, &mut exported)?)?;
        }
        exported.rows += page.rows.len();
        report(exported.rows);
    }
    to.flush()?;
    if (resource, format) == (Resource::Movies, Format::Csv) && exported.rows > 0 {
        exported.ignored.insert("cast".into());
    }
    Ok(exported)
}

/// The path of the first page, and how many rows a page may have.
fn first_page(resource: Resource, format: Format) -> (String, usize) {
    match (resource, format) {
        (Resource::Movies, Format::Jsonl) => ("/movies?include=cast&limit=100".into(), 100),
        _ => (format!("/{}?limit=1000", resource.name()), 1000),
    }
}

fn columns(resource: Resource) -> Vec<&'static str> {
    std::iter::once("id")
        .chain(resource.fields().iter().map(|field| field.name))
        .collect()
}

fn line(
    row: &Members<'_>,
    resource: Resource,
    format: Format,
    exported: &mut Exported,
) -> Result<Vec<u8>, ExportError> {
    exported.invalid_dates += usize::from(
        resource == Resource::Movies && row.get("release_date").is_some_and(is_invalid_date),
    );
    let ignored = &mut exported.ignored;
    match format {
        Format::Csv => {
            let columns = columns(resource);
            let others = row
                .0
                .iter()
                .map(|(name, _)| name)
                .filter(|name| !columns.contains(&name.as_str()));
            ignored.extend(
                others
                    .take(MAX_NAMES.saturating_sub(ignored.len()))
                    .map(|name| shortened(name)),
            );
            Ok(csv_line(
                columns.iter().map(|column| cell(column, row.get(column))),
            )?)
        }
        Format::Jsonl => {
            if resource == Resource::Movies && row.get("cast").is_none() {
                return Err(ExportError::NoCast);
            }
            let members = row
                .0
                .iter()
                .map(|(name, value)| match (resource, name.as_str()) {
                    (Resource::Movies, "cast") => (name, cast(value)),
                    _ => (name, value.get().to_owned()),
                });
            // Another server might send a row on several lines.
            Ok(format!("{}\n", object(members).replace(['\r', '\n'], " ")).into_bytes())
        }
    }
}

/// Whether the value is neither null nor a date that the API accepts.
fn is_invalid_date(value: &RawValue) -> bool {
    value.get() != "null" && members::text(value).is_none_or(|text| date::parse(&text).is_err())
}

/// A cast as import accepts it: without the actors' names, and without members that are null.
fn cast(value: &RawValue) -> String {
    let credit = |credit: Members<'_>| {
        let is_kept = |(name, value): &(String, &RawValue)| {
            CREDIT.contains(&name.as_str()) && value.get() != "null"
        };
        object(
            credit
                .0
                .into_iter()
                .filter(is_kept)
                .map(|(name, value)| (name, value.get())),
        )
    };
    let entries = serde_json::from_str::<Vec<&RawValue>>(value.get()).ok();
    let credits: Option<Vec<_>> = entries.and_then(|entries| {
        entries
            .into_iter()
            .map(|entry| Members::parse(entry.get().as_bytes()).ok().map(credit))
            .collect()
    });
    // A value that is not a cast stays as it is, so that the reader of the file sees it.
    credits.map_or_else(
        || value.get().to_owned(),
        |credits| format!("[{}]", credits.join(",")),
    )
}

/// A member as a cell: text as it is, dates in ISO 8601, and everything else as JSON. A member that
/// is absent or null is an empty cell.
fn cell(column: &str, member: Option<&RawValue>) -> String {
    let Some(member) = member.filter(|member| member.get() != "null") else {
        return String::new();
    };
    let text = members::text(member).unwrap_or_else(|| member.get().to_owned());
    let date = (column == "release_date")
        .then(|| date::parse(&text).ok())
        .flatten();
    date.map_or_else(|| guarded(&text).into_owned(), date::iso)
}

fn csv_line(cells: impl Iterator<Item = impl AsRef<[u8]>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::read;

    fn exported(rows: &[Value], resource: Resource, format: Format) -> String {
        let mut file = match format {
            Format::Csv => csv_line(columns(resource).iter()).unwrap(),
            Format::Jsonl => Vec::new(),
        };
        for row in rows {
            let row = row.to_string();
            let row = Members::parse(row.as_bytes()).unwrap();
            file.extend(line(&row, resource, format, &mut Exported::default()).unwrap());
        }
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn a_cell_cannot_be_a_formula() {
        let rows = [
            json!({"id": 1, "name": "=1+1", "age": 34, "gender": "@f"}),
            json!({"id": 2, "name": "\"Ida\", a", "age": 34, "gender": "'=f"}),
        ];
        let expected = "id,name,age,gender\n1,'=1+1,34,'@f\n2,\"\"\"Ida\"\", a\",34,''=f\n";
        assert_eq!(exported(&rows, Resource::Actors, Format::Csv), expected);
    }

    #[test]
    fn a_movie_without_a_date_has_an_empty_cell() {
        let rows = [
            json!({"id": 1, "title": "One"}),
            json!({"id": 2, "title": "Two", "release_date": null}),
        ];
        assert_eq!(
            exported(&rows, Resource::Movies, Format::Csv),
            "id,title,release_date\n1,One,\n2,Two,\n"
        );
    }

    #[test]
    fn csv_dates_are_iso_8601_and_what_csv_has_no_column_for_is_named() {
        let row =
            r#"{"id":1,"title":"One","release_date":"Thu, 14 May 2020 14:02:13 GMT","rating":5}"#;
        let mut exported = Exported::default();
        let members = Members::parse(row.as_bytes()).unwrap();
        let written = line(&members, Resource::Movies, Format::Csv, &mut exported).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "1,One,2020-05-14T14:02:13Z\n"
        );
        assert_eq!(
            exported,
            Exported {
                ignored: BTreeSet::from(["rating".into()]),
                ..Exported::default()
            }
        );
    }

    #[test]
    fn dates_that_the_api_rejects_are_counted_and_left_unchanged() {
        for format in [Format::Csv, Format::Jsonl] {
            let mut exported = Exported::default();
            for date in [r#""soon""#, "5", "null", r#""2020-05-14""#] {
                let row = format!(r#"{{"id":1,"title":"One","release_date":{date},"cast":[]}}"#);
                let row = Members::parse(row.as_bytes()).unwrap();
                let written =
                    String::from_utf8(line(&row, Resource::Movies, format, &mut exported).unwrap())
                        .unwrap();
                assert!(date != r#""soon""# || written.contains("soon"), "{written}");
            }
            assert_eq!(exported.invalid_dates, 2);
        }
    }

    #[test]
    fn a_cast_is_written_as_import_takes_it() {
        let row = json!({"id": 1, "title": "One", "cast": [
            {"actor_id": 5, "name": "Ida", "character": "The \"Cat\"", "billing": 1},
            {"actor_id": 6, "name": "Max", "character": null, "billing": null},
        ]});
        let written = exported(&[row], Resource::Movies, Format::Jsonl);
        let read = read(written.as_bytes(), Resource::Movies, Format::Jsonl).unwrap();
        assert_eq!(read.ignored, []);
        let cast =
            json!([{"actor_id": 5, "character": "The \"Cat\"", "billing": 1}, {"actor_id": 6}]);
        let body: Value = serde_json::from_str(read.rows[0].body.as_ref().unwrap()).unwrap();
        assert_eq!(body["cast"], cast);
        let members = Members::parse(br#"{"id":1,"title":"One"}"#).unwrap();
        let written = line(
            &members,
            Resource::Movies,
            Format::Jsonl,
            &mut Exported::default(),
        );
        assert!(matches!(written, Err(ExportError::NoCast)));
    }

    proptest! {
        #[test]
        fn what_is_exported_comes_back_as_it_was(
            rows in prop::collection::vec((any_text(), 0..=150_u8, any_text()), 0..6)
        ) {
            let row = |(index, (name, age, gender)): (usize, &(String, u8, String))| {
                json!({"id": index + 1, "name": name, "age": age, "gender": gender})
            };
            let rows: Vec<_> = rows.iter().enumerate().map(row).collect();
            for format in [Format::Csv, Format::Jsonl] {
                let file = exported(&rows, Resource::Actors, format);
                let read = read(file.as_bytes(), Resource::Actors, format).unwrap();
                prop_assert_eq!(read.ignored.len(), 0);
                let again: Vec<_> = read.rows.iter().zip(&rows).map(|(row, before)| {
                    let mut members: Value = serde_json::from_str(row.body.as_ref().unwrap()).unwrap();
                    members["id"] = before["id"].clone();
                    members
                }).collect();
                prop_assert_eq!(&again, &rows);
                prop_assert_eq!(exported(&again, Resource::Actors, format), file);
            }
        }
    }

    /// Text as the API sends it: trimmed, not empty, without control characters; often one that
    /// needs an apostrophe.
    fn any_text() -> impl Strategy<Value = String> {
        "[-=+@;,\"' a＝]{1,8}|#(N/A|REF!|#)|\\PC{1,12}|'.{0,5}"
            .prop_map(|text| {
                let plain: String = text
                    .chars()
                    .filter(|character| !character.is_control())
                    .collect();
                plain.trim().to_owned()
            })
            .prop_filter("the API takes no empty name", |text| !text.is_empty())
    }
}
