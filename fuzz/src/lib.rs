//! Shared by the targets: another JSON parser to compare results with.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The members of a JSON object. Members that `Value` cannot represent are left out, and a value
/// that is an object counts as empty.
///
/// Members are parsed one by one because `serde_json` treats an object with a member
/// `$serde_json::private::RawValue` as a type of its own.
pub fn members(json: &[u8]) -> Option<HashMap<String, Value>> {
    let members: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    let read = |text: &str| match text.starts_with('{') {
        true => Some(Value::Object(serde_json::Map::new())),
        false => serde_json::from_str(text).ok(),
    };
    Some(members.into_iter().filter_map(|(name, raw)| Some((name, read(raw.get())?))).collect())
}
