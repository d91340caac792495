//! What is printed while an import or an export runs.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use casting::Summary;
use indicatif::{ProgressBar, ProgressStyle};

/// How far an import is: a bar on a terminal, a line every tenth of it elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    rows: usize,
    said: Said,
}

/// What was said last on standard error, which is not said again.
#[derive(Default)]
pub(super) struct Said(Mutex<String>);

impl Said {
    pub(super) fn say(&self, what: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != what {
            // A reader that has gone away is no reason to stop.
            drop(writeln!(io::stderr(), "{what}"));
            what.clone_into(&mut said);
        }
    }
}

impl Progress {
    pub(super) fn new(rows: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} rows, {eta} left {msg}");
            ProgressBar::new(rows as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            rows,
            said: Said::default(),
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
                bar.set_position(finished as u64);
                bar.set_message(rejected);
            }
            None if finished > 0 && finished % self.rows.div_ceil(10) == 0 => {
                self.say(&format!("{finished} of {} rows{rejected}", self.rows))
            }
            None => {}
        }
    }

    pub(super) fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            return bar.set_message(format!("({what})"));
        }
        self.said.say(what);
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
