//! Measures requests to a warm function.

use testkit::{Environment, Launch};

use crate::cases::{self, Case, Measured};
use crate::paced::paced;
use crate::program::grouped;
use crate::site::Sites;
use crate::{Failure, Plan, checked, cost, median, milliseconds, quantile, ratio};

/// The number of requests in one measurement of CPU time.
const GROUP: usize = 40;

/// A warm process, and its measurements so far.
pub(crate) struct Warm<'a> {
    environment: Environment,
    sites: &'a Sites,
    case: Case,
    /// Milliseconds of CPU per request, for each group.
    pub(crate) cpu: Vec<f64>,
    /// Milliseconds of each request.
    times: Vec<f64>,
    requests: usize,
}

impl<'a> Warm<'a> {
    pub(crate) async fn start(
        sites: &'a Sites,
        launch: &Launch,
        case: &Case,
    ) -> Result<Self, Failure> {
        let environment = Environment::start(launch, None).await?;
        let case = case.clone();
        let mut warm = Self {
            environment,
            sites,
            case,
            cpu: Vec::new(),
            times: Vec::new(),
            requests: 0,
        };
        warm.send(GROUP).await?;
        Ok(warm)
    }

    /// Sends this many requests; returns their times in milliseconds.
    async fn send(&mut self, requests: usize) -> Result<Vec<f64>, Failure> {
        let mut times = Vec::with_capacity(requests);
        // Each request has its own event: repeating a change would change nothing.
        for event in &self.sites.events(&self.case, requests)? {
            let (response, time) = self.environment.invoke(event).await?;
            checked(&response)?;
            times.push(milliseconds(time));
        }
        self.requests += requests;
        Ok(times)
    }

    async fn measure(&mut self) -> Result<(), Failure> {
        let before = self.environment.cpu()?;
        let times = self.send(GROUP).await?;
        self.cpu
            .push(milliseconds(self.environment.cpu()? - before) / GROUP as f64);
        self.times.extend(times);
        Ok(())
    }

    /// The peak memory of the process, in MB.
    pub(crate) fn peak_memory(&self) -> Result<f64, Failure> {
        Ok(self.environment.peak_memory()? as f64 / 1e6)
    }
}

/// Measures one group of requests to each process per round, in a different order each round.
pub(crate) async fn measure(rounds: usize, running: &mut [Warm<'_>]) -> Result<(), Failure> {
    let mut order: Vec<_> = (0..running.len()).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            running[*index].measure().await?;
        }
    }
    Ok(())
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let mut measured = cases::measured();
    if plan.python.is_some() {
        measured.push(Measured {
            program: "python",
            case: cases::list_of_100(),
            floor: None,
        });
    }
    let mut running = Vec::new();
    for Measured { program, case, .. } in &measured {
        running.push(Warm::start(sites, &sites.launch(plan, program, case)?, case).await?);
    }
    measure(plan.rounds, &mut running).await?;
    let requests = if plan.quick { 1000 } else { 10_000 };
    let mut table = format!(
        "| program | request | CPU, ms | to its floor | p50, ms | p99, ms | peak memory after 1,000 requests, MB | after {} |\n|---|---|---|---|---|---|---|---|\n",
        grouped(requests as u64)
    );
    for (
        index,
        Measured {
            program,
            case,
            floor,
        },
    ) in measured.iter().enumerate()
    {
        let to_floor = floor.map_or(String::new(), |floor| {
            format!("{:.2}", ratio(&running[index].cpu, &running[floor].cpu))
        });
        let warm = &mut running[index];
        let mut peaks = Vec::new();
        for requests in [1000, requests] {
            // There are only enough rows to delete for the times.
            if !case.path.contains("{n}") {
                warm.send(requests - warm.requests).await?;
                peaks.push(format!("{:.1}", warm.peak_memory()?));
            }
        }
        table += &format!(
            "| `{program}` | {} | {:.3} | {to_floor} | {:.2} | {:.2} | {} |\n",
            case.title(),
            median(&warm.cpu),
            median(&warm.times),
            quantile(&warm.times, 0.99),
            if peaks.is_empty() {
                " | ".to_owned()
            } else {
                peaks.join(" | ")
            },
        );
    }
    Ok(table)
}

/// Measures single requests with the CPU share of each memory size.
pub(crate) async fn memory_sizes(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let sizes = [128, 256, 512, 1769];
    let pairs = [cases::list_of_100(), cases::patch()]
        .into_iter()
        .flat_map(|case| sizes.map(|size| (case.clone(), size)));
    let pairs: Vec<_> = pairs.collect();
    let mut table =
        "| memory, MB | request | p50, ms | p99, ms | Lambda, arm64, dollars a million |\n|---|---|---|---|---|\n"
            .to_owned();
    for ((case, memory), times) in pairs.iter().zip(paced(plan, sites, &pairs).await?) {
        table += &format!(
            "| {memory} | {} | {:.2} | {:.2} | {:.3} |\n",
            case.title(),
            median(&times),
            quantile(&times, 0.99),
            cost::of_one_call(*memory, median(&times)),
        );
    }
    Ok(table)
}
