//! Measures what the deployed bootstraps cost: bytes, time, CPU, memory, DynamoDB calls and units.
//!
//! `bench guard` compares the reproducible figures with `bench/baseline.json`; `bench measure`
//! measures everything and writes the figures into `docs/performance.md`. `make bench` builds what
//! it needs first.

mod callgrind;
mod cases;
mod cold;
mod compare;
mod cost;
mod growth;
mod guard;
mod meter;
mod paced;
mod profile;
mod program;
mod report;
mod rows;
mod site;
mod tls;
mod warm;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use clap::{Parser, Subcommand};
use testkit::Quota;
use tokio::signal::unix::{SignalKind, signal};

use report::Report;
use site::Sites;

/// Why the bench stops.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn failed(cause: impl Display) -> Failure {
    cause.to_string().into()
}

/// Why there are no figures with a quota.
pub(crate) const NO_QUOTA: &str =
    "not measured, since no control group can be made here, which takes root";

/// Checks that the response is a success.
pub(crate) fn checked(response: &Bytes) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(response);
    if text.contains(r#"\"success\":true"#) || text.contains(r#"\"success\": true"#) {
        Ok(())
    } else {
        Err(failed(text))
    }
}

/// Measures the functions as they are deployed.
#[derive(Parser)]
struct Arguments {
    /// The folder with the bootstraps, each in a folder named after its function.
    #[arg(long, default_value = "target/lambda", global = true)]
    bootstraps: PathBuf,
    /// The folder with the floors, likewise.
    #[arg(long, default_value = "target/bench/lambda", global = true)]
    floors: PathBuf,
    /// A Python with the packages of bench/python/requirements.txt, to measure a typical Python
    /// function too.
    #[arg(long, global = true)]
    python: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares bytes, instructions, DynamoDB calls and units with the baseline.
    Guard {
        /// Makes the measured figures the baseline.
        #[arg(long)]
        accept: bool,
    },
    /// Measures everything and writes it into docs/performance.md.
    Measure {
        /// Fewer rounds and fewer rows: minutes instead of half an hour.
        #[arg(long)]
        quick: bool,
        /// The parts to measure, instead of all.
        parts: Vec<Part>,
    },
    /// Compares builds of one function; prints the figures.
    Compare {
        /// The function.
        #[arg(long, default_value = "get_actors")]
        function: String,
        /// Its bootstraps; the others are compared with the first.
        #[arg(required = true)]
        programs: Vec<PathBuf>,
    },
    /// Prints where a warm request spends its instructions, by function, beside its floor. The
    /// programs need their symbols: build them with CARGO_PROFILE_RELEASE_STRIP=none and
    /// CARGO_PROFILE_FLOOR_STRIP=none.
    Profile {
        /// The function.
        #[arg(long, default_value = "get_actors")]
        function: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Bytes of the bootstraps.
    Size,
    /// Starts, with a whole CPU and with the share that 128 MB get.
    Cold,
    /// Requests to a warm function.
    Warm,
    /// Instructions, DynamoDB calls and units per request.
    Units,
    /// From 100 rows to a million.
    Growth,
    /// Dollars.
    Cost,
}

/// What to measure, and how thoroughly.
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
    let Arguments {
        bootstraps,
        floors,
        python,
        command,
    } = Arguments::parse();
    let quick = matches!(
        command,
        Command::Guard { .. } | Command::Measure { quick: true, .. }
    );
    let plan = Plan {
        bootstraps,
        floors,
        python,
        rounds: if quick { 11 } else { 21 },
        quick,
    };
    if !std::path::Path::new(report::FILE).is_file() {
        return Err(failed(format!(
            "{} is missing; the bench is run in the repository's root",
            report::FILE
        )));
    }
    if !matches!(command, Command::Compare { .. } | Command::Profile { .. }) {
        for function in program::FUNCTIONS {
            program::path(&plan, function)?;
        }
    }
    if let Some(python) = plan.python.as_ref().filter(|python| !python.is_file()) {
        return Err(failed(format!(
            "{} is missing; `make bench` installs it",
            python.display()
        )));
    }
    let folder = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let work = async {
        match command {
            Command::Guard { accept } => guard::check(&plan, &folder, accept).await,
            Command::Measure { parts, .. } => measure(&plan, &parts, &folder).await,
            Command::Compare { function, programs } => {
                let sites = Sites::start(&folder).await?;
                compare::print(&plan, &sites, &function, &programs).await
            }
            Command::Profile { function } => {
                let sites = Sites::start(&folder).await?;
                profile::print(&plan, &sites, &folder, &function).await
            }
        }
    };
    let mut end = signal(SignalKind::terminate())?;
    // Dropping the unfinished work ends its processes and removes its control groups.
    let done = tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(failed("interrupted")),
        _ = end.recv() => Err(failed("interrupted")),
    };
    std::fs::remove_dir_all(&folder)?;
    done
}

async fn measure(plan: &Plan, parts: &[Part], folder: &std::path::Path) -> Result<(), Failure> {
    let requested = |part| parts.is_empty() || parts.contains(&part);
    let sites = Sites::start(folder).await?;
    let mut report = Report::open(plan)?;
    let has_quota = Quota::is_possible();
    // If this machine allows no quota, the document keeps its figures for the parts that need one.
    let measurable = |name| {
        if !has_quota {
            eprintln!("{name}: {NO_QUOTA}");
        }
        has_quota
    };
    if requested(Part::Size) {
        report.section("size", &program::table(plan)?)?;
    }
    if requested(Part::Cold) {
        report.section("cold", &cold::table(plan, &sites).await?)?;
    }
    if requested(Part::Warm) {
        report.section("warm", &warm::table(plan, &sites).await?)?;
        if measurable("memory") {
            report.section("memory", &warm::memory_sizes(plan, &sites).await?)?;
        }
    }
    if requested(Part::Units) {
        report.section("units", &guard::table(plan, &sites, folder).await?)?;
    }
    if requested(Part::Growth) {
        report.section("growth", &growth::table(plan, &sites).await?)?;
    }
    if requested(Part::Cost) && measurable("cost") {
        report.section("cost", &cost::table(plan, &sites).await?)?;
    }
    Ok(())
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that this share of the values does not exceed.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted
        .get((last * part).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The median of the ratios within each round. What else runs on the machine slows all programs of
/// a round alike, so it changes ratios less than times.
pub(crate) fn ratio(values: &[f64], to: &[f64]) -> f64 {
    let ratios: Vec<_> = values
        .iter()
        .zip(to)
        .map(|(value, to)| value / to)
        .collect();
    median(&ratios)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
