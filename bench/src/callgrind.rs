//! Counts a request's instructions with Valgrind: nearly the same number each time and on each
//! machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use testkit::{Environment, Launch};

use crate::cases::Case;
use crate::site::Sites;
use crate::{Failure, checked, failed};

/// The number of requests in the shorter and in the longer of two runs.
const REQUESTS: [u64; 2] = [10, 30];

/// How long a function is left alone before its first event.
const SETTLED: Duration = Duration::from_millis(1500);

/// What [`profile`] counts: instructions; accesses to instructions and data that miss the first
/// level of a simulated cache; branches that a simulated predictor gets wrong.
pub(crate) const EVENTS: [&str; 6] = ["Ir", "I1mr", "D1mr", "D1mw", "Bcm", "Bim"];

/// Instruction counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instructions {
    /// From the start to the tenth response, both handshakes included.
    pub(crate) start: u64,
    /// For a warm request.
    pub(crate) request: u64,
}

/// Counts instructions in two runs that differ by twenty requests.
pub(crate) async fn count(
    sites: &Sites,
    folder: &Path,
    launch: &Launch,
    case: &Case,
) -> Result<Instructions, Failure> {
    let mut totals = [0; 2];
    for (total, requests) in totals.iter_mut().zip(REQUESTS) {
        let counts = run(sites, folder, launch, case, requests, &[]).await?;
        let line = counts.lines().find_map(|line| {
            line.strip_prefix("summary: ")
                .or(line.strip_prefix("totals: "))
        });
        *total = line
            .and_then(|line| line.trim().parse().ok())
            .ok_or_else(|| failed("no count"))?;
    }
    Ok(Instructions {
        start: totals[0],
        request: (totals[1] - totals[0]) / (REQUESTS[1] - REQUESTS[0]),
    })
}

/// The events of a warm request by function, each in the order of [`EVENTS`]. Only the function
/// itself counts, not what it calls.
pub(crate) async fn profile(
    sites: &Sites,
    folder: &Path,
    launch: &Launch,
    case: &Case,
) -> Result<BTreeMap<String, [f64; EVENTS.len()]>, Failure> {
    let options = ["--cache-sim=yes", "--branch-sim=yes"];
    let mut profile = BTreeMap::<_, [f64; EVENTS.len()]>::new();
    for (requests, sign) in REQUESTS.into_iter().zip([-1.0, 1.0]) {
        let counts = run(sites, folder, launch, case, requests, &options).await?;
        for (function, events) in by_function(&counts)? {
            let sum = profile.entry(function).or_default();
            for (sum, event) in sum.iter_mut().zip(events) {
                *sum += sign * event / (REQUESTS[1] - REQUESTS[0]) as f64;
            }
        }
    }
    Ok(profile)
}

/// Runs the function under Callgrind for this many requests; returns the file that it writes.
async fn run(
    sites: &Sites,
    folder: &Path,
    launch: &Launch,
    case: &Case,
    requests: u64,
    options: &[&str],
) -> Result<String, Failure> {
    let output = folder.join("callgrind.out");
    let mut launch = launch.clone();
    let valgrind = ["valgrind", "--tool=callgrind", "-q"].map(str::to_owned);
    let output_option = format!("--callgrind-out-file={}", output.display());
    launch.command = valgrind
        .into_iter()
        .chain([output_option])
        .chain(options.iter().map(ToString::to_string))
        .chain(launch.command)
        .collect();
    launch
        .settings
        .push(("PATH".to_owned(), std::env::var("PATH")?));
    let mut environment = Environment::start(&launch, None).await?;
    environment.ready().await?;
    // Valgrind slows a start so much that it does not wait long enough to be connected; without
    // this pause the first request would sometimes open its own connection.
    tokio::time::sleep(SETTLED).await;
    for _ in 0..requests {
        checked(&environment.invoke(&sites.event(case)?).await?.0)?;
    }
    environment.end()?;
    std::fs::read_to_string(&output)
        .map_err(|_| failed("valgrind counted nothing; is it installed?"))
}

/// Sums a Callgrind file's costs by function.
/// <https://valgrind.org/docs/manual/cl-format.html>
fn by_function(counts: &str) -> Result<BTreeMap<String, [f64; EVENTS.len()]>, Failure> {
    let mut columns = [0; EVENTS.len()];
    let mut names = BTreeMap::new();
    let mut function = String::new();
    let mut sums = BTreeMap::<String, [f64; EVENTS.len()]>::new();
    let mut lines = counts.lines();
    while let Some(line) = lines.next() {
        if let Some(events) = line.strip_prefix("events: ") {
            let events: Vec<_> = events.split(' ').collect();
            for (column, event) in columns.iter_mut().zip(EVENTS) {
                *column = events
                    .iter()
                    .position(|name| *name == event)
                    .ok_or_else(|| failed(format!("valgrind counted no {event}")))?;
            }
        } else if let Some(name) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")) {
            // A name is written out once, and is a number afterwards.
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if !name.is_empty() {
                names.insert(number, name);
            }
            if line.starts_with("fn=") {
                function = names.get(number).copied().unwrap_or(number).to_owned();
            }
        } else if line.starts_with("calls=") {
            // The next line is the cost of what is called.
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let costs: Vec<f64> = line
                .split(' ')
                .skip(1)
                .map(|cost| cost.parse().unwrap_or_default())
                .collect();
            let sum = sums.entry(function.clone()).or_default();
            for (sum, column) in sum.iter_mut().zip(columns) {
                // Zeros at a line's end are left out.
                *sum += costs.get(column).copied().unwrap_or_default();
            }
        }
    }
    Ok(sums)
}
