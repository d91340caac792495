//! What the targets have in common: another way to read JSON, to compare with.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The members of a JSON object, but for those that this reader cannot hold; an object in one of them counts as empty.
///
/// Members are read one by one since `serde_json` takes an object with a member `$serde_json::private::RawValue` for something of its own.
pub fn members(json: &[u8]) -> Option<HashMap<String, Value>> {
    let members: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    let read = |text: &str| match text.starts_with('{') {
        true => Some(Value::Object(serde_json::Map::new())),
        false => serde_json::from_str(text).ok(),
    };
    Some(members.into_iter().filter_map(|(name, raw)| Some((name, read(raw.get())?))).collect())
}
