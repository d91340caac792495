//! Rows out: the pages of a list, one after the other.

use std::io::{self, Write};

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{Api, Format, Resource, Stop, guard};

/// Why an export did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The API gives no more rows.
    #[error("{0}")]
    Stop(#[from] Stop),
    /// What is to take the rows does not.
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// Writes every row of a list, in ascending id, and gives their number. `seen` is shown how many there are so far.
///
/// # Errors
/// [`ExportError`]; what was written by then is not the whole list.
pub async fn export(
    api: &Api,
    resource: Resource,
    format: Format,
    to: &mut impl Write,
    mut seen: impl FnMut(usize),
) -> Result<usize, ExportError> {
    // Nobody stops an export in an orderly way: half of one is of no use.
    let (_running, stopped) = watch::channel(false);
    let name = resource.name();
    let mut next = Some(format!("/{name}?limit=1000"));
    let mut count = 0;
    if format == Format::Csv {
        to.write_all(&csv_line(columns(resource).iter())?)?;
    }
    while let Some(path) = next {
        let answer = api.get(&path, stopped.clone()).await?;
        let page = Page::parse(resource, answer.status, &answer.body).ok_or_else(|| api.foreign(answer.status))?;
        for row in &page.rows {
            to.write_all(&line(row, resource, format)?)?;
        }
        count += page.rows.len();
        seen(count);
        // A page that follows itself, or one elsewhere, is no page of this list.
        let follows = page.next.as_ref().is_none_or(|next| *next != path && next.starts_with(&format!("/{name}?")));
        next = if follows { page.next } else { return Err(api.foreign(200).into()) };
    }
    to.flush()?;
    Ok(count)
}

/// One answer of a list.
struct Page {
    rows: Vec<Box<RawValue>>,
    next: Option<String>,
}

impl Page {
    fn parse(resource: Resource, status: u16, body: &[u8]) -> Option<Self> {
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok().filter(|_| status == 200)?;
        let next = members.remove("next").map(|next| next.as_str().map(str::to_owned));
        // A `next` of another kind must not look like the end.
        let next = next.map_or(Some(None), |next| next.map(Some))?;
        Some(Self { rows: rows(resource, body)?, next })
    }
}

/// The rows as they stand in the answer, members in the API's order.
fn rows(resource: Resource, body: &[u8]) -> Option<Vec<Box<RawValue>>> {
    let mut members: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    serde_json::from_str(members.remove(resource.name())?.get()).ok()
}

fn columns(resource: Resource) -> Vec<&'static str> {
    std::iter::once("id").chain(resource.columns().iter().map(|(field, _)| *field)).collect()
}

fn line(row: &RawValue, resource: Resource, format: Format) -> io::Result<Vec<u8>> {
    match format {
        Format::Csv => {
            let members: Map<String, Value> = serde_json::from_str(row.get())?;
            csv_line(columns(resource).iter().map(|column| cell(members.get(*column))))
        }
        // A row is on one line, as this API sends it; another server might break it.
        Format::Jsonl => Ok(format!("{}\n", row.get().replace(['\r', '\n'], " ")).into_bytes()),
    }
}

/// A member as a cell: text as it is, guarded; everything else as JSON has it; nothing for what is not there.
fn cell(member: Option<&Value>) -> String {
    match member {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => guard::guarded(text).into_owned(),
        Some(other) => other.to_string(),
    }
}

fn csv_line(cells: impl Iterator<Item = impl AsRef<[u8]>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::transfer::read;

    fn exported(rows: &[Value], resource: Resource, format: Format) -> String {
        let mut file = match format {
            Format::Csv => csv_line(columns(resource).iter()).unwrap(),
            Format::Jsonl => Vec::new(),
        };
        for row in rows {
            let row = serde_json::value::to_raw_value(row).unwrap();
            file.extend(line(&row, resource, format).unwrap());
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
        let rows = [json!({"id": 1, "title": "One"}), json!({"id": 2, "title": "Two", "release_date": null})];
        assert_eq!(exported(&rows, Resource::Movies, Format::Csv), "id,title,release_date\n1,One,\n2,Two,\n");
    }

    #[test]
    fn only_a_whole_page_is_a_page() {
        let check = |status, body: &str, expected: Option<(usize, Option<&str>)>| {
            let page = Page::parse(Resource::Actors, status, body.as_bytes());
            let page = page.as_ref().map(|page| (page.rows.len(), page.next.as_deref()));
            assert_eq!(page, expected, "{body}");
        };
        check(200, r#"{"success":true,"actors":[]}"#, Some((0, None)));
        check(200, r#"{"actors":[{}],"next":"/actors?after=1"}"#, Some((1, Some("/actors?after=1"))));
        check(200, r#"{"actors":[{}],"next":5}"#, None);
        check(200, r#"{"movies":[]}"#, None);
        check(200, "<html>", None);
        check(422, r#"{"actors":[]}"#, None);
    }

    proptest! {
        #[test]
        fn what_is_exported_comes_back_as_it_was(
            rows in prop::collection::vec((name(), 0..=150_u8, name()), 0..6)
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

    /// Text as the API gives it out: trimmed, not empty, without control characters; often what a guard has to look at.
    fn name() -> impl Strategy<Value = String> {
        "[-=+@;,\"' a＝]{1,8}|\\PC{1,12}|'.{0,5}"
            .prop_map(|text| {
                let plain: String = text.chars().filter(|character| !character.is_control()).collect();
                plain.trim().to_owned()
            })
            .prop_filter("the API takes no empty name", |text| !text.is_empty())
    }
}
