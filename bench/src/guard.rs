//! Compares the reproducible figures with `bench/baseline.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cases::{self, Case, Measured};
use crate::meter::{self, Usage};
use crate::program::{self, FUNCTIONS, grouped};
use crate::site::Sites;
use crate::{Failure, Plan, callgrind, failed};

const BASELINE: &str = "bench/baseline.json";
/// The share by which a figure may grow.
const MAX_GROWTH: f64 = 0.02;
/// The share by which a figure may shrink: beyond it, the smaller figure must become the baseline,
/// so that nothing takes the improvement back unnoticed.
const MAX_SHRINKAGE: f64 = 0.05;

/// Figures by name: numbers that may change a little, and values that must be the same.
#[derive(Default)]
struct Figures {
    numbers: BTreeMap<String, f64>,
    exact: BTreeMap<String, Value>,
}

/// Compares the measured figures with the baseline, prints the differences, and fails if anything
/// has grown or shrunk too much or changed.
pub(crate) async fn check(plan: &Plan, folder: &Path, accept: bool) -> Result<(), Failure> {
    let baseline = if accept {
        Value::Null
    } else {
        baseline().map_err(|cause| failed(format!("{BASELINE}: {cause}")))?
    };
    let figures = measure(plan, &Sites::start(folder).await?, folder).await?;
    if accept {
        let baseline = json!({ "numbers": figures.numbers, "exact": figures.exact });
        fs::write(BASELINE, serde_json::to_string_pretty(&baseline)? + "\n")?;
        println!(
            "{BASELINE} has {} figures",
            figures.numbers.len() + figures.exact.len()
        );
        return Ok(());
    }
    let problems = compare(&figures, &baseline);
    for problem in &problems {
        println!("FAILED {problem}");
    }
    let count = figures.numbers.len() + figures.exact.len();
    println!(
        "{count} figures compared with {BASELINE}, {} failed",
        problems.len()
    );
    if problems.is_empty() {
        return Ok(());
    }
    Err(failed(
        "`make baseline` makes these figures the baseline; the commit says why they have changed",
    ))
}

fn baseline() -> Result<Value, Failure> {
    Ok(serde_json::from_str(&fs::read_to_string(BASELINE)?)?)
}

fn compare(figures: &Figures, baseline: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, number) in &figures.numbers {
        let Some(before) = baseline["numbers"][name].as_f64() else {
            problems.push(format!("{name} is not in the baseline: {number}"));
            continue;
        };
        let change = number / before - 1.0;
        let percent = change.abs() * 100.0;
        if change.abs() > MAX_GROWTH {
            println!("{name}: {before} → {number} ({:+.1} %)", change * 100.0);
        }
        if change > MAX_GROWTH {
            problems.push(format!("{name} has grown by {percent:.1} %"));
        } else if change < -MAX_SHRINKAGE {
            problems.push(format!("{name} has shrunk by {percent:.1} %"));
        }
    }
    for (name, value) in &figures.exact {
        let before = &baseline["exact"][name];
        if before != value {
            problems.push(format!("{name} was {before} and is {value}"));
        }
    }
    let names = |kind: &str| {
        baseline[kind]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
    };
    let measured =
        |name: &String| figures.numbers.contains_key(name) || figures.exact.contains_key(name);
    let gone = names("numbers")
        .chain(names("exact"))
        .filter(|name| !measured(name));
    problems.extend(gone.map(|name| format!("{name} is in the baseline and was not measured")));
    problems
}

async fn measure(plan: &Plan, sites: &Sites, folder: &Path) -> Result<Figures, Failure> {
    let mut figures = Figures::default();
    for function in FUNCTIONS {
        figures.numbers.insert(
            format!("bytes of {function}"),
            program::bytes(plan, function)? as f64,
        );
        figures.exact.insert(
            format!("glibc of {function}"),
            json!(program::glibc(plan, function)?),
        );
        figures.exact.insert(
            format!("TLS and HTTP of {function}"),
            json!(program::stacks(function)?),
        );
    }
    for case in cases::all() {
        let (title, usage) = (case.title(), usage(plan, sites, &case).await?);
        figures
            .exact
            .insert(format!("DynamoDB calls of {title}"), json!(usage.calls));
        figures
            .exact
            .insert(format!("units of {title}"), json!(usage.units()));
        let instructions = callgrind::count(
            sites,
            folder,
            &sites.launch(plan, case.function, &case)?,
            &case,
        )
        .await?;
        figures.numbers.insert(
            format!("instructions of {title}"),
            instructions.request as f64,
        );
        // The start includes both handshakes; entropy from CPU jitter would cost several times as
        // much.
        figures.numbers.insert(
            format!("instructions up to ten of {title}"),
            instructions.start as f64,
        );
    }
    Ok(figures)
}

/// The DynamoDB usage of one request to a warm function.
pub(crate) async fn usage(plan: &Plan, sites: &Sites, case: &Case) -> Result<Usage, Failure> {
    let dynamodb = &sites.of(case).stack.dynamodb;
    let launch = sites.launch(plan, case.function, case)?;
    meter::usage(dynamodb, launch, [&sites.event(case)?, &sites.event(case)?]).await
}

pub(crate) async fn table(plan: &Plan, sites: &Sites, folder: &Path) -> Result<String, Failure> {
    let mut table =
        "| request | instructions | DynamoDB calls | units | bytes of DynamoDB's responses |\n|---|---|---|---|---|\n"
            .to_owned();
    let floors = cases::measured();
    for Measured { program, case, .. } in floors.iter().filter(|row| row.is_floor()) {
        let launch = sites.launch(plan, program, case)?;
        let instructions = callgrind::count(sites, folder, &launch, case).await?;
        table += &format!(
            "| `{program}`: {} | {} | | | |\n",
            case.title(),
            grouped(instructions.request)
        );
    }
    for case in cases::all() {
        let usage = usage(plan, sites, &case).await?;
        let instructions = callgrind::count(
            sites,
            folder,
            &sites.launch(plan, case.function, &case)?,
            &case,
        )
        .await?;
        table += &format!(
            "| {} | {} | {} | {} | {} |\n",
            case.title(),
            grouped(instructions.request),
            usage.calls,
            usage.units(),
            grouped(usage.bytes)
        );
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_and_shrinkage_beyond_their_tolerance_fail_and_so_does_what_is_new_or_gone() {
        let figures = Figures {
            numbers: [
                ("small", 101.9),
                ("large", 102.1),
                ("less", 95.1),
                ("shrunk", 94.9),
                ("new", 1.0),
            ]
            .map(|(name, number)| (name.to_owned(), number))
            .into(),
            exact: [("calls", json!(2)), ("glibc", json!("2.30"))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        };
        let baseline = json!({
            "numbers": {"small": 100, "large": 100, "less": 100, "shrunk": 100, "gone": 1},
            "exact": {"calls": 1, "glibc": "2.30"},
        });
        let problems = compare(&figures, &baseline);
        let named = [
            "large has grown",
            "new is not",
            "shrunk has shrunk",
            "calls was 1",
            "gone is in the baseline",
        ];
        assert_eq!(problems.len(), named.len(), "{problems:?}");
        for (problem, named) in problems.iter().zip(named) {
            assert!(problem.starts_with(named), "{problem}");
        }
    }
}
