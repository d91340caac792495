//! Requests to a function that is warm.

use std::sync::Arc;
use std::time::Duration;

use crate::cases::{self, Case};
use crate::quota::Quota;
use crate::runtime::{Environment, checked};
use crate::site::Sites;
use crate::{Failure, Plan, median, milliseconds, quantile};

/// How many requests are one measurement of CPU time.
const GROUP: usize = 50;

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let (one, all) = (cases::list_of_one(), cases::list_of_all_of_one());
    let (hundred, thousand) = (cases::list_of_100(), cases::list_of_999());
    // Each program, and which of these it is compared with.
    let mut programs = vec![
        ("floor_noop", all.clone(), 0),
        ("floor_get", all.clone(), 1),
        ("get_actors", one, 1),
        ("get_actors", all, 1),
        ("patch_actors", cases::patch(), 1),
        ("post_actors", cases::post(), 1),
        ("floor_query", hundred.clone(), 6),
        ("get_actors", hundred.clone(), 6),
        ("floor_query", thousand.clone(), 8),
        ("get_actors", thousand, 8),
    ];
    if plan.python.is_some() {
        programs.push(("python", hundred, 6));
    }
    let mut running = Vec::new();
    for (name, case, _) in &programs {
        let mut environment = Environment::start(&sites.launch(plan, name, case)?, None).await?;
        for _ in 0..GROUP {
            checked(&environment.invoke(&sites.event(case)?).await?.0)?;
        }
        running.push((environment, sites.event(case)?, Vec::new(), Vec::new()));
    }
    let mut order: Vec<_> = (0..programs.len()).collect();
    for _ in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let (environment, event, cpu, times) = &mut running[*index];
            let before = environment.cpu()?;
            for _ in 0..GROUP {
                times.push(milliseconds(environment.invoke(event).await?.1));
            }
            cpu.push(milliseconds(environment.cpu()? - before) / GROUP as f64);
        }
    }
    let requests = if plan.quick { 1000 } else { 10_000 };
    let mut table = format!(
        "| program | request | CPU, ms | to its floor | p50, ms | p99, ms | peak memory after {requests} requests, MB |\n|---|---|---|---|---|---|---|\n"
    );
    let medians: Vec<_> = running.iter().map(|(_, _, cpu, _)| median(cpu)).collect();
    for (index, (name, case, floor)) in programs.iter().enumerate() {
        let (environment, event, _, times) = &mut running[index];
        for _ in 0..requests - GROUP * (plan.rounds + 1).min(requests / GROUP) {
            environment.invoke(event).await?;
        }
        table += &format!(
            "| `{name}` | {} | {:.3} | {:.2} | {:.2} | {:.2} | {:.1} |\n",
            case.title(),
            medians[index],
            medians[index] / medians[*floor],
            median(times),
            quantile(times, 0.99),
            environment.peak_memory()? as f64 / 1e6,
        );
    }
    Ok(table)
}

/// Single requests, far enough apart that none has to pay for the one before, with the processor that each size of memory buys.
pub(crate) async fn memory_sizes(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let mut table =
        "| memory, MB | request | p50, ms | p99, ms | exec → answer, ms |\n|---|---|---|---|---|\n".to_owned();
    for case in [cases::list_of_100(), cases::patch()] {
        for memory in [128, 256, 512, 1769] {
            let (times, answer) = paced(plan, sites, &case, memory).await?;
            table += &format!(
                "| {memory} | {} | {:.2} | {:.2} | {answer:.2} |\n",
                case.title(),
                median(&times),
                quantile(&times, 0.99)
            );
        }
    }
    Ok(table)
}

/// How long requests take that are 60 ms apart, and how long the first answer took from the start.
pub(crate) async fn paced(plan: &Plan, sites: &Sites, case: &Case, memory: u32) -> Result<(Vec<f64>, f64), Failure> {
    let name = if plan.python.is_some() && case.function == "python" { "python" } else { case.function };
    let mut environment =
        Environment::start(&sites.launch(plan, name, case)?, Some(Arc::new(Quota::new(memory)?))).await?;
    environment.ready().await?;
    let event = sites.event(case)?;
    checked(&environment.invoke(&event).await?.0)?;
    let answer = milliseconds(environment.age());
    let mut times = Vec::new();
    for _ in 0..if plan.quick { 40 } else { 200 } {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let event = sites.event(case)?;
        times.push(milliseconds(environment.invoke(&event).await?.1));
    }
    Ok((times, answer))
}
