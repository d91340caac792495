//! `casting backup`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use casting::{
    Api, Backup, BackupError, BackupProgress, EscapedWriter, Format, Header, Resource, escaped,
};
use clap::Args;
use indicatif::ProgressBar;

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::LastMessage;
use super::shown;

/// Without a terminal, the progress is printed each time so many rows more are read.
const ROWS_A_LINE: u64 = 10_000;

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// The file to write, or - for standard output; an existing file is replaced once the backup is
    /// complete
    file: PathBuf,
    /// The most times that the agency is read; it is read until nothing changes from one reading to
    /// the next
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=20))]
    readings: u8,
    #[command(flatten)]
    access: Access,
}

/// Backs up an agency, and prints the counts and what changed meanwhile.
pub(crate) async fn backup(args: BackupArgs, local_stack: LocalStack) -> Result<(), String> {
    let BackupArgs {
        file,
        readings,
        access,
    } = args;
    let last = LastMessage::default();
    let api = access
        .api(local_stack)
        .await?
        .on_wait(move |why| last.print(why));
    if file.as_os_str() == "-" {
        return to_standard_output(&api, readings).await;
    }
    let at = |problem: io::Error| format!("{}: {}", shown(&file), escaped(&problem.to_string()));
    ensure_replaceable(&file).map_err(at)?;
    let folder = file.with_added_extension("part");
    let backup = read(&api, &folder, readings).await.map_err(|problem| {
        let advice = match folder.exists() {
            true => format!(
                "\n{} has what was read so far; to continue, run the same command within 24 hours",
                shown(&folder)
            ),
            false => String::new(),
        };
        format!("{}: {problem}{advice}", shown(&file))
    })?;
    report_changes(&backup);
    let counts = counts(&backup.header);
    backup.save(&file).map_err(at)?;
    crate::print(&format!("{counts} in {}", shown(&file)))
}

/// Writes a backup to standard output once it is complete, so that nobody takes a part for it.
async fn to_standard_output(api: &Api, readings: u8) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let backup = read(api, &folder.path().join("backup.part"), readings).await?;
    report_changes(&backup);
    let stdout = io::BufWriter::new(io::stdout());
    let copied = match io::stdout().is_terminal() {
        true => backup.copy(&mut EscapedWriter::new(stdout, Format::Jsonl)),
        false => backup.copy(&mut { stdout }),
    };
    match copied {
        // The reader has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| escaped(&error.to_string()).into_owned()),
    }
}

/// Checks that a file may get this name. A link is an error: neither the link nor its target should
/// be replaced silently.
fn ensure_replaceable(file: &Path) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(there) if there.is_file() => Ok(()),
        Ok(_) => Err(io::Error::other(
            "this is a link or a folder; name a file, or - for standard output",
        )),
    }
}

/// Reads the agency, unless it is interrupted.
async fn read(api: &Api, folder: &Path, readings: u8) -> Result<Backup, String> {
    let interrupted = interruption()?;
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let mut printed = BackupProgress::default();
    let report = |now: BackupProgress| {
        let line = format!("reading {}: {} rows", now.reading, now.rows);
        let is_due =
            now.reading == printed.reading && now.rows / ROWS_A_LINE > printed.rows / ROWS_A_LINE;
        if bar.is_hidden() && is_due {
            eprintln!("{line}");
        }
        bar.set_message(line);
        bar.tick();
        printed = now;
    };
    let backup = tokio::select! {
        backup = Backup::read(api, folder, readings.into(), report) => {
            backup.map_err(|error: BackupError| escaped(&error.to_string()).into_owned())
        }
        () = interrupted => Err("interrupted".to_owned()),
    };
    bar.finish_and_clear();
    backup
}

/// Says what changed while the agency was read, and what the backup is then.
fn report_changes(backup: &Backup) {
    let changes = &backup.changes;
    if changes.count() == 0 {
        return;
    }
    let first: Vec<_> = changes
        .first
        .iter()
        .map(|(resource, id)| match resource {
            Resource::Actors => format!("actor {id}"),
            Resource::Movies => format!("movie {id}"),
        })
        .collect();
    let more = match changes.count() > changes.first.len() as u64 {
        true => " and others",
        false => "",
    };
    eprintln!(
        "the agency changed between the last two readings (rows added: {}, changed: {}, deleted: {}; {}{more}). Each row is \
         as it was read last, so rows may be from different moments; for rows of one moment, run the backup when nobody \
         writes, or with more --readings",
        changes.added,
        changes.changed,
        changes.deleted,
        first.join(", ")
    );
    if backup.dropped_credits > 0 {
        eprintln!(
            "credits of actors that were added or deleted meanwhile, which are left out: {}",
            backup.dropped_credits
        );
    }
}

fn counts(header: &Header) -> String {
    let Header {
        actors,
        movies,
        credits,
        ..
    } = header;
    format!("{actors} actors, {movies} movies and {credits} credits")
}
