//! `casting restore`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use casting::{Api, Existing, Restore, RestoreError, Summary, Verified, escaped};
use clap::Args;
use indicatif::ProgressBar;

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::Progress;
use super::shown;

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// A file that casting backup has written
    file: PathBuf,
    /// Compare the agency with the file, and write nothing
    #[arg(long, conflicts_with_all = ["match", "again"])]
    verify: bool,
    /// Take rows of the agency for rows of the file if their values are equal, and add the others;
    /// for a restore whose journal is lost
    #[arg(long, conflicts_with = "again")]
    r#match: bool,
    /// Add every row of the file, also if an earlier restore has added them or equal ones are there
    #[arg(long)]
    again: bool,
    /// The most concurrent requests
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    #[command(flatten)]
    access: Access,
}

/// Restores a backup, or compares the agency with it, and prints the counts.
pub(crate) async fn restore(args: RestoreArgs, local_stack: LocalStack) -> Result<(), String> {
    let progress = Arc::new(Progress::new());
    let waiting = Arc::clone(&progress);
    let api = args
        .access
        .api(local_stack)
        .await?
        .on_wait(move |why| waiting.say(why));
    let existing = match (args.r#match, args.again) {
        (true, _) => Existing::Match,
        (_, true) => Existing::Again,
        _ => Existing::Stop,
    };
    let restore = Restore {
        file: args.file,
        existing,
        concurrency: args.concurrency.into(),
    };
    match args.verify {
        true => verify(&api, &restore).await,
        false => add(&api, &restore, &progress).await,
    }
}

/// Adds the rows, and prints the rejected ones and the counts.
async fn add(api: &Api, restore: &Restore, progress: &Progress) -> Result<(), String> {
    let file = shown(&restore.file);
    let interrupted = interruption()?;
    let summary = tokio::select! {
        summary = casting::restore(api, restore, |summary| progress.show(summary)) => {
            summary.map_err(|error| problem(&file, &error))
        }
        () = interrupted => Err(format!("interrupted\n{HOW_TO_CONTINUE}")),
    };
    progress.end();
    let Summary {
        rows,
        created,
        replayed,
        rejected,
        stop,
    } = summary?;
    let mut lines: Vec<_> = rejected
        .iter()
        .map(|row| format!("{file}, line {}: {}", row.line, escaped(&row.reasons)))
        .collect();
    lines.push(format!(
        "{created} added, {replayed} already there, {} rejected",
        rejected.len()
    ));
    crate::print(&lines.join("\n"))?;
    match (stop, rejected.len()) {
        (Some(stop), _) => Err(format!(
            "{}\n{} of {rows} rows are restored. {HOW_TO_CONTINUE}",
            escaped(&stop.to_string()),
            created + replayed
        )),
        (None, 0) => Ok(()),
        (None, count) => Err(format!(
            "{count} rows were rejected; run the same command to send them again"
        )),
    }
}

const HOW_TO_CONTINUE: &str = "To continue, run the same command; no row is added twice.";

fn problem(file: &str, error: &RestoreError) -> String {
    format!("{file}: {}", escaped(&error.to_string()))
}

/// Compares the agency with the file, and prints how it differs.
async fn verify(api: &Api, restore: &Restore) -> Result<(), String> {
    let file = shown(&restore.file);
    let interrupted = interruption()?;
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let report = |rows| {
        bar.set_message(format!("{rows} rows compared"));
        bar.tick();
    };
    let verified = tokio::select! {
        verified = casting::verify(api, &restore.file, report) => {
            verified.map_err(|error| problem(&file, &error))
        }
        () = interrupted => Err("interrupted".to_owned()),
    };
    bar.finish_and_clear();
    let Verified {
        rows,
        differing,
        differences,
    } = verified?;
    let mut lines: Vec<_> = differences
        .iter()
        .map(|row| format!("{file}, line {}: {}", row.line, escaped(&row.how)))
        .collect();
    if differing > differences.len() {
        lines.push(format!(
            "{} more rows differ",
            differing - differences.len()
        ));
    }
    lines.push(format!(
        "{} of {rows} rows are in the agency as they are in the file",
        rows - differing
    ));
    crate::print(&lines.join("\n"))?;
    match differing {
        0 => Ok(()),
        _ => Err(format!("{differing} rows differ")),
    }
}
