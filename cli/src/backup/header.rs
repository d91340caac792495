//! The first line of a backup.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the first line of every backup calls its format.
const FORMAT: &str = "casting-agency-backup";
/// The version of the format that this program writes and reads.
const VERSION: u64 = 1;

/// The first line of a backup.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Header {
    format: String,
    version: u64,
    /// The URL of the API that the rows are from.
    pub api: String,
    /// When reading began, in ISO 8601.
    pub begun: String,
    /// When reading ended.
    pub ended: String,
    /// A moment at which the agency had exactly these rows; `None` if it changed during the last
    /// reading, so that rows may be from different moments.
    pub as_of: Option<String>,
    /// How many rows differ between the last two readings.
    pub changes: u64,
    /// How many actors the backup has.
    pub actors: u64,
    /// How many movies.
    pub movies: u64,
    /// How many credits in all casts.
    pub credits: u64,
    /// `sha256:` and the digest of everything after the first line.
    pub digest: String,
}

/// Why a first line is not that of a backup that this program can restore.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The file is of another kind.
    #[error("this is not a backup: its first line is not the header that casting backup writes")]
    Foreign,
    /// A later version of this program has made the file.
    #[error(
        "this backup has version {0} of the format, and this program reads version {VERSION}; \
         use the version of casting that made it, or a later one"
    )]
    Newer(u64),
}

impl Header {
    /// A header whose format and version are those of this program.
    pub(crate) fn new(api: &str) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            api: api.into(),
            begun: String::new(),
            ended: String::new(),
            as_of: None,
            changes: 0,
            actors: 0,
            movies: 0,
            credits: 0,
            digest: String::new(),
        }
    }

    /// Parses the first line of a file.
    pub(crate) fn parse(line: &str) -> Result<Self, HeaderError> {
        let header: Value = serde_json::from_str(line).map_err(|_| HeaderError::Foreign)?;
        if header["format"] != FORMAT {
            return Err(HeaderError::Foreign);
        }
        // A later version may have other members, so the version is read before them.
        match header["version"].as_u64() {
            Some(VERSION) => serde_json::from_value(header).map_err(|_| HeaderError::Foreign),
            Some(version) if version > VERSION => Err(HeaderError::Newer(version)),
            _ => Err(HeaderError::Foreign),
        }
    }

    /// The header's line, with its line feed.
    pub(crate) fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("a header is JSON");
        format!("{json}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_header_of_this_version_is_read() {
        let header = Header::new("http://127.0.0.1:3000");
        let line = header.line();
        assert_eq!(Header::parse(&line), Ok(header));
        let newer = line.replace("\"version\":1", "\"version\":2,\"zip\":true");
        assert_eq!(Header::parse(&newer), Err(HeaderError::Newer(2)));
        for foreign in [
            "",
            "id,name,age,gender",
            r#"{"id":1,"name":"Ida"}"#,
            r#"{"format":"casting-agency-backup"}"#,
            r#"{"format":"casting-agency-backup","version":1}"#,
            &line.replace("\"version\":1", "\"version\":0"),
        ] {
            assert_eq!(
                Header::parse(foreign),
                Err(HeaderError::Foreign),
                "{foreign}"
            );
        }
    }
}
