//! What the functions cost, measured on the bootstraps that are deployed: bytes, time, CPU, memory, DynamoDB calls and units.
//!
//! `bench guard` compares what comes out the same each time with `bench/baseline.json`; `bench measure` measures everything and writes the figures into
//! `docs/performance.md`. `make bench` builds what it needs first.

mod callgrind;
mod cases;
mod cold;
mod cost;
mod growth;
mod guard;
mod load;
mod meter;
mod program;
mod quota;
mod report;
mod rows;
mod runtime;
mod settings;
mod site;
mod tls;
mod warm;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use quota::Quota;
use report::Report;
use site::Sites;

/// Why the bench cannot go on.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn failed(cause: impl Display) -> Failure {
    cause.to_string().into()
}

/// Measures the functions as they are deployed.
#[derive(Parser)]
struct Arguments {
    /// Where the bootstraps are, each in a folder of its function's name.
    #[arg(long, default_value = "target/lambda", global = true)]
    bootstraps: PathBuf,
    /// Where the floors are, likewise.
    #[arg(long, default_value = "target/bench/lambda", global = true)]
    floors: PathBuf,
    /// A Python with what bench/python/requirements.txt names, to have the same done by a typical function in Python.
    #[arg(long, global = true)]
    python: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares bytes, instructions, DynamoDB calls and units with the baseline.
    Guard {
        /// Makes what is measured the baseline.
        #[arg(long)]
        accept: bool,
    },
    /// Measures everything and writes it into docs/performance.md.
    Measure {
        /// Fewer rounds and fewer rows: minutes in place of half an hour.
        #[arg(long)]
        quick: bool,
        /// The parts to measure, in place of all.
        parts: Vec<Part>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Bytes of the bootstraps.
    Size,
    /// Starts, with a whole processor and with what 128 MB have.
    Cold,
    /// Requests to a warm function.
    Warm,
    /// Instructions, DynamoDB calls and units of a request.
    Units,
    /// From 100 rows to a million.
    Growth,
    /// Requests a second.
    Load,
    /// Dollars.
    Cost,
    /// Other settings of the build, which bench/settings.py has built; only where it is named.
    Settings,
}

/// What is measured, and how thoroughly.
pub(crate) struct Plan {
    pub(crate) bootstraps: PathBuf,
    pub(crate) floors: PathBuf,
    pub(crate) python: Option<PathBuf>,
    /// How often each start is measured, and each group of warm requests.
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { bootstraps, floors, python, command } = Arguments::parse();
    let quick = matches!(command, Command::Guard { .. } | Command::Measure { quick: true, .. });
    let plan = Plan { bootstraps, floors, python, rounds: if quick { 11 } else { 21 }, quick };
    if !std::path::Path::new(report::FILE).is_file() {
        return Err(failed(format!("{} is missing; the bench is run in the repository's root", report::FILE)));
    }
    for function in program::FUNCTIONS {
        program::path(&plan, function)?;
    }
    if let Some(python) = plan.python.as_ref().filter(|python| !python.is_file()) {
        return Err(failed(format!("{} is missing; `make bench` installs it", python.display())));
    }
    let folder = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let work = async {
        match command {
            Command::Guard { accept } => guard::check(&plan, &folder, accept).await,
            Command::Measure { parts, .. } => measure(&plan, &parts, &folder).await,
        }
    };
    let mut end = signal(SignalKind::terminate())?;
    // What is dropped on the way ends its processes and removes its control groups.
    let done = tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(failed("interrupted")),
        _ = end.recv() => Err(failed("interrupted")),
    };
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn measure(plan: &Plan, parts: &[Part], folder: &std::path::Path) -> Result<(), Failure> {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let sites = Sites::start(folder).await?;
    let mut report = Report::open(plan)?;
    let has_quota = Quota::is_possible();
    // What the document has of a part that takes a quota stays where there can be none.
    let measurable = |name| {
        if !has_quota {
            eprintln!("{name}: {}", quota::IMPOSSIBLE);
        }
        has_quota
    };
    if wanted(Part::Size) {
        report.section("size", &program::table(plan)?)?;
    }
    if wanted(Part::Cold) {
        report.section("cold", &cold::table(plan, &sites).await?)?;
    }
    if wanted(Part::Warm) {
        report.section("warm", &warm::table(plan, &sites).await?)?;
        if measurable("memory") {
            report.section("memory", &warm::memory_sizes(plan, &sites).await?)?;
        }
    }
    if wanted(Part::Units) {
        report.section("units", &guard::table(plan, &sites, folder).await?)?;
    }
    if wanted(Part::Growth) {
        report.section("growth", &growth::table(plan, &sites).await?)?;
    }
    if wanted(Part::Load) {
        report.section("load", &load::table(plan, &sites, folder).await?)?;
    }
    if wanted(Part::Cost) && measurable("cost") {
        report.section("cost", &cost::table(plan, &sites).await?)?;
    }
    if parts.contains(&Part::Settings) && measurable("settings") {
        report.section("settings", &settings::table(plan, &sites, folder).await?)?;
    }
    Ok(())
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that this part of the values does not exceed.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
