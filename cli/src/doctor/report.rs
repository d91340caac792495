//! The report: what each check saw, and the findings with their remedies.

use serde::Serialize;
use serde_json::{Value, json};
use textwrap::{Options, WordSplitter, fill};

use super::endpoints::{self, Probed};
use super::token::TokenSummary;
use crate::escaped;

/// The version of the JSON form. A change that could break a reader increases it.
const SCHEMA: u32 = 1;
/// The width of the text form, in columns. Only a word that is longer, such as a URL, exceeds it.
const COLUMNS: usize = 80;
/// The column at which the texts begin.
const INDENT: usize = 22;

/// A problem, with a name that does not change and a remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name, for example `token-expired`.
    pub name: &'static str,
    /// What was seen.
    pub seen: String,
    /// What to do about it, in one line.
    pub remedy: String,
}

impl Finding {
    /// A finding. Both texts may contain text of servers and tokens: they are escaped here.
    pub(super) fn new(name: &'static str, seen: impl AsRef<str>, remedy: impl AsRef<str>) -> Self {
        Self {
            name,
            seen: escaped(seen.as_ref()).into_owned(),
            remedy: escaped(remedy.as_ref()).into_owned(),
        }
    }
}

/// A check, in the order in which the report lists them.
#[derive(Clone, Debug)]
pub(super) struct Check {
    name: &'static str,
    outcome: Outcome,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Nothing is wrong; what was seen.
    Ok(String),
    /// It could not run, and why. This is no finding.
    Skipped(String),
    /// What is wrong; at least one finding.
    Found(Vec<Finding>),
}

impl Check {
    pub(super) fn ok(name: &'static str, seen: impl AsRef<str>) -> Self {
        let outcome = Outcome::Ok(escaped(seen.as_ref()).into_owned());
        Self { name, outcome }
    }

    pub(super) fn skipped(name: &'static str, why: impl AsRef<str>) -> Self {
        let outcome = Outcome::Skipped(escaped(why.as_ref()).into_owned());
        Self { name, outcome }
    }

    /// The findings, or that nothing is wrong if there are none.
    pub(super) fn of(name: &'static str, findings: Vec<Finding>, seen: impl AsRef<str>) -> Self {
        if findings.is_empty() {
            return Self::ok(name, seen);
        }
        let outcome = Outcome::Found(findings);
        Self { name, outcome }
    }

    fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Ok(_) => "ok",
            Outcome::Skipped(_) => "skipped",
            Outcome::Found(_) => "finding",
        }
    }

    fn seen(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Ok(seen) | Outcome::Skipped(seen) => Some(seen),
            Outcome::Found(_) => None,
        }
    }

    fn findings(&self) -> &[Finding] {
        match &self.outcome {
            Outcome::Found(findings) => findings,
            _ => &[],
        }
    }
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct Report {
    /// The API's URL.
    pub(super) api: String,
    pub(super) checks: Vec<Check>,
    /// What the token says; `None` if there is none, or if it cannot be read.
    pub(super) token: Option<TokenSummary>,
    /// The verdict on each endpoint that was probed.
    pub(super) endpoints: Vec<Probed>,
}

impl Report {
    /// Every finding, in the order of the checks.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(Check::findings)
    }

    /// The report as one JSON object, in the form that `docs/doctor.md` documents.
    pub fn json(&self) -> Value {
        let checks = self.checks.iter().map(|check| {
            json!({
                "check": check.name,
                "status": check.status(),
                "seen": check.seen(),
                "findings": check.findings(),
            })
        });
        json!({
            "schema": SCHEMA,
            "casting": env!("CARGO_PKG_VERSION"),
            "api": self.api,
            "ok": self.findings().next().is_none(),
            "checks": checks.collect::<Vec<_>>(),
            "token": self.token,
            "endpoints": self.endpoints,
        })
    }

    /// The report for a reader, in lines of at most 80 columns.
    pub fn text(&self) -> String {
        let title = format!("The Casting Agency API at {}", escaped(&self.api));
        let checks = self.checks.iter().flat_map(lines);
        let probed = self.endpoints.iter().map(Probed::line);
        let mut all = vec![title, String::new()];
        all.extend(checks);
        if !self.endpoints.is_empty() {
            all.extend([String::new(), endpoints::head()]);
        }
        all.extend(probed);
        all.extend([String::new(), self.conclusion()]);
        all.join("\n")
    }

    fn conclusion(&self) -> String {
        let skipped = self
            .checks
            .iter()
            .filter(|check| check.status() == "skipped");
        let skipped: Vec<_> = skipped.map(|check| check.name).collect();
        let found = match self.findings().count() {
            0 => "No findings".to_owned(),
            1 => "1 finding".to_owned(),
            many => format!("{many} findings"),
        };
        match skipped.is_empty() {
            true => format!("{found}."),
            false => wrapped(
                "",
                "",
                &format!("{found}. Skipped: {}.", skipped.join(", ")),
            ),
        }
    }
}

fn lines(check: &Check) -> Vec<String> {
    let head = format!("{:<9}{:<13}", check.status(), check.name);
    let Outcome::Found(findings) = &check.outcome else {
        return vec![wrapped(
            &head,
            &" ".repeat(INDENT),
            check.seen().unwrap_or_default(),
        )];
    };
    let indent = " ".repeat(INDENT);
    let finding = |(number, finding): (usize, &Finding)| {
        let head = if number == 0 { &head } else { &indent };
        [
            format!("{head}{}", finding.name),
            wrapped(&indent, &indent, &finding.seen),
            wrapped(&format!("{indent}remedy: "), &indent, &finding.remedy),
        ]
    };
    findings.iter().enumerate().flat_map(finding).collect()
}

fn wrapped(first: &str, others: &str, text: &str) -> String {
    let options = Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(others)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    fill(text, options)
}
