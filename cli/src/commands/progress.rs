//! What is printed while an import or an export runs.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use casting::Summary;
use indicatif::{ProgressBar, ProgressStyle};

/// The progress of an import or a restore: a bar on a terminal, otherwise a line for each tenth.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    last: LastMessage,
}

/// The last line on standard error, which is not repeated.
#[derive(Default)]
pub(super) struct LastMessage(Mutex<String>);

impl LastMessage {
    pub(super) fn print(&self, what: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != what {
            // A closed standard error is no reason to stop.
            drop(writeln!(io::stderr(), "{what}"));
            what.clone_into(&mut last);
        }
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} rows, {eta} left {msg}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            last: LastMessage::default(),
        }
    }

    pub(super) fn show(&self, summary: &Summary) {
        let (finished, rejected) = (summary.finished(), summary.rejected.len());
        let rejected = if rejected > 0 {
            format!(", {rejected} rejected")
        } else {
            String::new()
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(summary.rows as u64);
                bar.set_position(finished as u64);
                bar.set_message(rejected);
            }
            None if finished > 0 && finished % summary.rows.div_ceil(10) == 0 => {
                self.say(&format!("{finished} of {} rows{rejected}", summary.rows))
            }
            None => {}
        }
    }

    pub(super) fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            return bar.set_message(format!("({what})"));
        }
        self.last.print(what);
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
