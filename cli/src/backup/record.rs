//! A row of an agency, and its line in a backup.

use std::collections::HashMap;

use aws_lc_rs::digest::{self, SHA256};
use serde_json::{Map, Value, json};

use crate::Resource;
use crate::members::Members;

/// A row. Members that are null are left out: to the API, null and absent are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) resource: Resource,
    pub(crate) id: u64,
    /// Every member that the API sends, except `id` and `cast`.
    pub(crate) members: Map<String, Value>,
    /// The cast of a movie, in the order of the actors' ids.
    pub(crate) cast: Vec<Credit>,
}

/// A credit of a cast.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Credit {
    pub(crate) actor: u64,
    /// Every member except `actor_id` and `name`, which is that of the actor.
    pub(crate) members: Map<String, Value>,
}

/// The first bytes of a SHA-256 digest: enough to tell rows apart.
pub(crate) type Content = [u8; 16];

impl Record {
    /// A row of a list; `None` if it is not a row, or is a movie without its cast.
    pub(crate) fn from_api(resource: Resource, row: &Members<'_>) -> Option<Self> {
        let mut members = Map::new();
        for (name, value) in &row.0 {
            members.insert(name.clone(), serde_json::from_str(value.get()).ok()?);
        }
        Self::from_members(resource, members)
    }

    /// Parses a line of a backup.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut line: Map<String, Value> = serde_json::from_str(line).ok()?;
        let (resource, row) = match (line.remove("actor"), line.remove("movie")) {
            (Some(row), None) => (Resource::Actors, row),
            (None, Some(row)) => (Resource::Movies, row),
            _ => return None,
        };
        match row {
            Value::Object(members) if line.is_empty() => Self::from_members(resource, members),
            _ => None,
        }
    }

    fn from_members(resource: Resource, mut members: Map<String, Value>) -> Option<Self> {
        let id = members.remove("id")?.as_u64()?;
        let cast = match resource {
            Resource::Actors => Vec::new(),
            Resource::Movies => cast(members.remove("cast")?)?,
        };
        members.retain(|_, value| !value.is_null());
        let has_required = |field: &crate::Field| {
            !field.is_required || members.get(field.name).is_some_and(|it| !it.is_null())
        };
        resource.fields().iter().all(has_required).then_some(Self {
            resource,
            id,
            members,
            cast,
        })
    }

    /// The row's line, with its line feed.
    pub(crate) fn line(&self) -> String {
        let mut row = self.members.clone();
        row.insert("id".into(), self.id.into());
        if self.resource == Resource::Movies {
            row.insert("cast".into(), cast_json(&self.cast));
        }
        format!("{}\n", json!({ self.kind(): row }))
    }

    /// What a line of this resource names its row.
    pub(crate) fn kind(&self) -> &'static str {
        kind(self.resource)
    }

    /// The body of a POST for the row, with this cast.
    pub(crate) fn body(&self, cast: &[Credit]) -> String {
        let mut body = self.members.clone();
        if !cast.is_empty() {
            body.insert("cast".into(), cast_json(cast));
        }
        Value::Object(body).to_string()
    }

    /// A digest of everything but the id. Rows with equal contents have equal digests.
    pub(crate) fn content(&self) -> Content {
        let text = json!([self.kind(), self.members, cast_json(&self.cast)]).to_string();
        first_bytes(text.as_bytes())
    }

    /// A digest of everything but the id and the cast.
    pub(crate) fn content_without_cast(&self) -> Content {
        let text = json!([self.kind(), self.members]).to_string();
        first_bytes(text.as_bytes())
    }

    /// The cast with the actors' new ids, or the first actor that has none.
    pub(crate) fn cast_with(&self, new_ids: &HashMap<u64, u64>) -> Result<Vec<Credit>, u64> {
        let credit = |credit: &Credit| {
            let actor = *new_ids.get(&credit.actor).ok_or(credit.actor)?;
            Ok(Credit {
                actor,
                members: credit.members.clone(),
            })
        };
        let mut cast: Vec<_> = self.cast.iter().map(credit).collect::<Result<_, u64>>()?;
        cast.sort_by_key(|credit| credit.actor);
        Ok(cast)
    }
}

impl Credit {
    /// A digest of the whole credit.
    pub(crate) fn content(&self) -> Content {
        first_bytes(json!([self.actor, self.members]).to_string().as_bytes())
    }
}

/// What a line of a resource names its row.
pub(crate) fn kind(resource: Resource) -> &'static str {
    match resource {
        Resource::Actors => "actor",
        Resource::Movies => "movie",
    }
}

fn first_bytes(text: &[u8]) -> Content {
    let mut content = Content::default();
    content.copy_from_slice(&digest::digest(&SHA256, text).as_ref()[..16]);
    content
}

fn cast(value: Value) -> Option<Vec<Credit>> {
    let Value::Array(credits) = value else {
        return None;
    };
    let mut cast: Vec<_> = credits.into_iter().map(credit).collect::<Option<_>>()?;
    cast.sort_by_key(|credit| credit.actor);
    Some(cast)
}

fn credit(value: Value) -> Option<Credit> {
    let Value::Object(mut members) = value else {
        return None;
    };
    let actor = members.remove("actor_id")?.as_u64()?;
    members.remove("name");
    members.retain(|_, value| !value.is_null());
    Some(Credit { actor, members })
}

/// A cast as the API accepts it.
pub(crate) fn cast_json(cast: &[Credit]) -> Value {
    let credit = |credit: &Credit| {
        let mut members = credit.members.clone();
        members.insert("actor_id".into(), credit.actor.into());
        Value::Object(members)
    };
    cast.iter().map(credit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_from_its_line_with_every_member() {
        let row = br#"{"id":7,"title":"One \"\u2028","release_date":"Thu, 14 May 2020 14:02:13 GMT","rating":5,"note":null,
            "cast":[{"actor_id":9,"name":"Max","character":null,"billing":2},{"actor_id":5,"name":"Ida","character":"Cat"}]}"#;
        let row = Members::parse(row).unwrap();
        let record = Record::from_api(Resource::Movies, &row).unwrap();
        let line = record.line();
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(Record::parse(&line), Some(record.clone()));
        let expected = json!({"title": "One \"\u{2028}", "release_date": "Thu, 14 May 2020 14:02:13 GMT",
            "rating": 5, "cast": [{"actor_id": 5, "character": "Cat"}, {"actor_id": 9, "billing": 2}]});
        let body: Value = serde_json::from_str(&record.body(&record.cast)).unwrap();
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_no_row_is_no_record() {
        for line in [
            "",
            "[]",
            "{}",
            r#"{"actor":5}"#,
            r#"{"actor":{"name":"Ida","age":1,"gender":"f"}}"#,
            r#"{"actor":{"id":-1,"name":"Ida","age":1,"gender":"f"}}"#,
            r#"{"actor":{"id":1,"name":"Ida","age":1}}"#,
            r#"{"actor":{"id":1,"name":"Ida","age":1,"gender":"f"},"movie":{}}"#,
            r#"{"actor":{"id":1,"name":"Ida","age":1,"gender":"f"},"x":1}"#,
            r#"{"movie":{"id":1,"title":"One"}}"#,
            r#"{"movie":{"id":1,"title":"One","cast":[{}]}}"#,
        ] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }

    #[test]
    fn contents_are_equal_whatever_the_id_is() {
        let record = |id: u64, billing: u64| {
            let line = format!(
                r#"{{"movie":{{"id":{id},"title":"One","cast":[{{"actor_id":5,"billing":{billing}}}]}}}}"#
            );
            Record::parse(&line).unwrap()
        };
        assert_eq!(record(1, 1).content(), record(2, 1).content());
        assert_ne!(record(1, 1).content(), record(1, 2).content());
        let without = |billing| record(1, billing).content_without_cast();
        assert_eq!(without(1), without(2));
        let mapped = record(1, 1).cast_with(&HashMap::from([(5, 50)])).unwrap();
        assert_eq!(mapped[0].actor, 50);
        assert_eq!(record(1, 1).cast_with(&HashMap::new()), Err(5));
    }
}
