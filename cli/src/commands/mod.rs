//! The subcommands, with their arguments.

mod access;
mod backup;
mod doctor;
mod export;
mod import;
mod interruption;
mod progress;
mod reindex;
mod restore;

use std::path::Path;

use casting::{Format, escaped};

pub(crate) use access::LocalStack;
pub(crate) use backup::{BackupArgs, backup};
pub(crate) use doctor::{DoctorArgs, doctor};
pub(crate) use export::{ExportArgs, export};
pub(crate) use import::{ImportArgs, import};
pub(crate) use reindex::{ReindexArgs, reindex};
pub(crate) use restore::{RestoreArgs, restore};

/// A file's name as messages show it.
fn shown(file: &Path) -> String {
    escaped(&file.to_string_lossy()).into_owned()
}

/// The format that the file's name ends with.
fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" | "tsv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    }
}
