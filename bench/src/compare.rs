//! Compares builds of one function: what a change of its code or of the build costs.

use std::path::PathBuf;

use crate::cases::{self, Measured};
use crate::cold::{self, Program};
use crate::program::grouped;
use crate::site::Sites;
use crate::warm::{self, Warm};
use crate::{Failure, Plan, failed, median, ratio};

/// Measures each request of the function with each of the programs, and prints the figures. Each
/// ratio is to the first program.
pub(crate) async fn print(
    plan: &Plan,
    sites: &Sites,
    function: &str,
    paths: &[PathBuf],
) -> Result<(), Failure> {
    let cases: Vec<_> = cases::measured()
        .into_iter()
        .filter(|Measured { program, .. }| *program == function)
        .collect();
    if cases.is_empty() {
        return Err(failed(format!("{function} is no function")));
    }
    println!(
        "| program | bytes | request | exec → response, ms | ratio | CPU to the first response, ms | ratio | CPU of a warm request, ms | ratio |\n|---|---|---|---|---|---|---|---|---|"
    );
    for Measured { case, .. } in cases {
        let (mut programs, mut running) = (Vec::new(), Vec::new());
        for path in paths {
            let launch = sites.launch_path(path, function, &case);
            running.push(Warm::start(sites, &launch, &case).await?);
            programs.push(Program {
                launch,
                events: sites.events(&case, plan.rounds)?,
            });
        }
        let starts = cold::measure(plan.rounds, &mut programs, None).await?;
        warm::measure(plan.rounds, &mut running).await?;
        for ((path, start), warm) in paths.iter().zip(&starts).zip(&running) {
            println!(
                "| {} | {} | {} | {:.2} | {:.3} | {:.2} | {:.3} | {:.3} | {:.3} |",
                path.display(),
                grouped(std::fs::metadata(path)?.len()),
                case.title(),
                median(&start.response),
                ratio(&start.response, &starts[0].response),
                median(&start.cpu),
                ratio(&start.cpu, &starts[0].cpu),
                median(&warm.cpu),
                ratio(&warm.cpu, &running[0].cpu),
            );
        }
    }
    Ok(())
}
