//! `casting reindex`.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::sync::PoisonError;

use casting::{Reindexed, Resource, escaped};
use clap::Args;
use indicatif::ProgressBar;

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::LastMessage;

/// Without a terminal, the progress is printed each time so many rows more are done.
const ROWS_A_LINE: usize = 1000;

/// The greatest id: 2^53 - 1, up to which every integer is exact in JSON.
const MAX_ID: u64 = 9_007_199_254_740_991;

#[derive(Args)]
pub(crate) struct ReindexArgs {
    /// What to reindex
    resource: Resource,
    /// Begin after this id: where an interrupted run says that it stopped
    #[arg(
        long,
        value_name = "ID",
        default_value_t = 0,
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(0..=MAX_ID)
    )]
    after: u64,
    #[command(flatten)]
    access: Access,
}

/// Makes the index keys of all rows again, and prints how many.
pub(crate) async fn reindex(args: ReindexArgs, local_stack: LocalStack) -> Result<(), String> {
    let ReindexArgs {
        resource,
        after,
        access,
    } = args;
    let last = LastMessage::default();
    let api = access
        .api(local_stack)
        .await?
        .on_wait(move |why| last.print(why));
    let interrupted = interruption()?;
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let done = Mutex::new(Reindexed {
        rows: 0,
        last_id: after,
    });
    let report = |now: Reindexed| {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.is_hidden() && now.rows / ROWS_A_LINE > done.rows / ROWS_A_LINE {
            eprintln!("{} {}, up to id {}", now.rows, resource.name(), now.last_id);
        }
        bar.set_message(format!("{} rows, up to id {}", now.rows, now.last_id));
        bar.tick();
        *done = now;
    };
    let outcome = tokio::select! {
        outcome = casting::reindex(&api, resource, after, report) => {
            outcome.map_err(|error| escaped(&error.to_string()).into_owned())
        }
        () = interrupted => Err("interrupted".to_owned()),
    };
    bar.finish_and_clear();
    let done = *done.lock().unwrap_or_else(PoisonError::into_inner);
    match outcome {
        Ok(done) => crate::print(&format!("{} {} reindexed", done.rows, resource.name())),
        Err(problem) => Err(format!(
            "{problem}; {} {} reindexed, continue with --after {}",
            done.rows,
            resource.name(),
            done.last_id
        )),
    }
}
