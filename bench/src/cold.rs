//! A function's start, up to its first answer.

use std::sync::Arc;

use crate::cases::{self, Case};
use crate::quota::Quota;
use crate::runtime::{Environment, checked};
use crate::site::Sites;
use crate::{Failure, Plan, median, milliseconds, program};

/// What was measured of one program.
#[derive(Default)]
struct Starts {
    next: Vec<f64>,
    answer: Vec<f64>,
    init_cpu: Vec<f64>,
    first_cpu: Vec<f64>,
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let list = cases::list_of_all_of_one();
    let mut programs = vec![("floor_noop", list.clone()), ("floor_get", list.clone()), ("get_actors", list.clone())];
    programs.extend([("patch_actors", cases::patch()), ("post_actors", cases::post())]);
    if program::path(plan, "floor_get_defaults").is_ok() {
        programs.push(("floor_get_defaults", list));
    }
    let mut table = String::new();
    for memory in [None, Some(128)] {
        let quota = memory.map_or("a whole processor".to_owned(), |memory| {
            format!("{:.1} % of a processor ({memory} MB) from its first `next` on", Quota::percent(memory))
        });
        table += &format!(
            "\nWith {quota}:\n\n| program | exec → `next`, ms | exec → answer, ms | CPU of init, ms | CPU of the first request, ms | answer, to `floor_get`'s |\n|---|---|---|---|---|---|\n"
        );
        let measured = measure(plan, sites, &programs, memory).await?;
        let floor = measured.iter().find(|(name, _)| *name == "floor_get").map(|(_, starts)| median(&starts.answer));
        for (name, starts) in &measured {
            table += &format!(
                "| `{name}` | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |\n",
                median(&starts.next),
                median(&starts.answer),
                median(&starts.init_cpu),
                median(&starts.first_cpu),
                median(&starts.answer) / floor.unwrap_or(f64::NAN),
            );
        }
    }
    Ok(table)
}

/// Starts every program once a round, in another order each round.
async fn measure(
    plan: &Plan,
    sites: &Sites,
    programs: &[(&'static str, Case)],
    memory: Option<u32>,
) -> Result<Vec<(&'static str, Starts)>, Failure> {
    let mut measured: Vec<_> = programs.iter().map(|(name, _)| (*name, Starts::default())).collect();
    let mut order: Vec<_> = (0..programs.len()).collect();
    for _ in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let (name, case) = &programs[*index];
            let launch = sites.launch(plan, name, case)?;
            let event = sites.event(case)?;
            let quota = memory.map(Quota::new).transpose()?.map(Arc::new);
            let mut environment = Environment::start(&launch, quota).await?;
            let starts = &mut measured[*index].1;
            starts.next.push(milliseconds(environment.ready().await?));
            let init = environment.cpu()?;
            checked(&environment.invoke(&event).await?.0)?;
            starts.answer.push(milliseconds(environment.age()));
            starts.init_cpu.push(milliseconds(init));
            starts.first_cpu.push(milliseconds(environment.cpu()? - init));
        }
    }
    Ok(measured)
}
