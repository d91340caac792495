//! `local event`.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use local::Role;
use serde_json::{Value, json};

use super::{Identity, token};
use crate::escaped;

/// A sample event with a token in it.
pub(crate) async fn event(
    file: &Path,
    role: Option<Role>,
    identity: Identity,
) -> Result<String, String> {
    let at = |problem: &dyn Display| format!("{}: {problem}", escaped(&file.to_string_lossy()));
    let text = fs::read(file).map_err(|error| at(&error))?;
    let mut event: Value = serde_json::from_slice(&text).map_err(|error| at(&error))?;
    if let Some(role) = role {
        let headers = event.get_mut("headers").and_then(Value::as_object_mut);
        let headers =
            headers.ok_or_else(|| at(&"this is not an event of API Gateway: it has no headers"))?;
        headers.insert(
            "authorization".into(),
            json!(format!("Bearer {}", token(role, identity).await?)),
        );
    }
    serde_json::to_string_pretty(&event).map_err(|error| at(&error))
}
