//! Writes the figures in `docs/performance.md`. Each part is between two marks, and a later run
//! replaces what is between them.

use std::fs;
use std::process::Command;

use textwrap::{Options, WordSplitter, fill};

use crate::{Failure, Plan, failed};

pub(crate) const FILE: &str = "docs/performance.md";

/// The document's figures.
pub(crate) struct Report {
    /// The machine, commit and rounds that the figures come from.
    origin: String,
}

impl Report {
    pub(crate) fn open(plan: &Plan) -> Result<Self, Failure> {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processor
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let count = processor
            .lines()
            .filter(|line| line.starts_with("processor"))
            .count();
        let commit = Command::new("git")
            .args(["rev-parse", "--short=10", "HEAD"])
            .output()?;
        let commit = String::from_utf8(commit.stdout)?;
        let changed = Command::new("git")
            .args(["diff", "--quiet", "HEAD", "--", ".", ":!docs"])
            .status()?;
        let changed = if changed.success() {
            ""
        } else {
            " with changes"
        };
        let (rounds, quick) = (plan.rounds, if plan.quick { ", quick" } else { "" });
        let origin = format!(
            "{count} × {}, commit {}{changed}, medians of {rounds} rounds{quick}",
            model.unwrap_or("unknown"),
            commit.trim()
        );
        Ok(Self { origin })
    }

    /// Writes a part's figures into the document, and prints them.
    pub(crate) fn section(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        println!("{text}");
        let document = fs::read_to_string(FILE)?;
        let written = replaced(
            &document,
            name,
            &format!("{}\n\n({})", wrapped(text.trim()), self.origin),
        );
        fs::write(
            FILE,
            written.ok_or_else(|| failed(format!("{FILE} has no part {name}")))?,
        )?;
        Ok(())
    }
}

/// The text with its prose wrapped at 100 columns. The lines of tables and charts stay.
fn wrapped(text: &str) -> String {
    let options = Options::new(100).word_splitter(WordSplitter::NoHyphenation);
    let lines = text.lines().map(|line| match line.starts_with(['|', ' ']) {
        true => line.to_owned(),
        false => fill(line, &options),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The document with the part of this name replaced; `None` if it has no such part.
fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- figures: {name} -->\n"),
        format!("<!-- end: {name} -->"),
    );
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let document = "a\n<!-- figures: x -->\nold\n<!-- end: x -->\nb\n";
        let written = replaced(document, "x", "new").unwrap();
        assert_eq!(written, "a\n<!-- figures: x -->\nnew\n<!-- end: x -->\nb\n");
        assert_eq!(replaced(&written, "y", "new"), None);
    }

    #[test]
    fn prose_is_wrapped_and_tables_are_not() {
        let (prose, row) = ("word ".repeat(30), format!("| {} |", "cell ".repeat(30)));
        let text = wrapped(&format!("{prose}\n\n{row}"));
        assert!(text.starts_with(&format!("{}\nword", "word ".repeat(20).trim())));
        assert!(text.ends_with(&format!("\n\n{row}")));
    }
}
