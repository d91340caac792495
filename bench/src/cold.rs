//! A function's start, up to its first answer.

use std::sync::Arc;

use axum::body::Bytes;

use crate::cases;
use crate::quota::{self, Quota};
use crate::runtime::{Environment, Launch, checked};
use crate::site::Sites;
use crate::{Failure, Plan, median, milliseconds, program};

/// A program to start, and what it is asked first, if anything.
pub(crate) struct Program {
    pub(crate) name: String,
    launch: Launch,
    first: Option<Bytes>,
}

/// What was measured of one program.
#[derive(Default)]
pub(crate) struct Starts {
    pub(crate) next: Vec<f64>,
    pub(crate) answer: Vec<f64>,
    pub(crate) init_cpu: Vec<f64>,
    pub(crate) first_cpu: Vec<f64>,
}

impl Program {
    pub(crate) fn new(name: &str, launch: Launch, first: Bytes) -> Self {
        Self { name: format!("`{name}`"), launch, first: Some(first) }
    }

    /// `get_actors` where DynamoDB and the issuer refuse every connection. It can answer nothing, but is ready all the same.
    fn alone(mut launch: Launch) -> Self {
        // The discard port, where nothing listens.
        for (name, place) in [("AWS_ENDPOINT_URL_DYNAMODB", "https://127.0.0.1:9"), ("AUTH0_DOMAIN", "127.0.0.1:9")] {
            launch.set(name, place);
        }
        Self { name: "`get_actors`, with nobody to connect to".to_owned(), launch, first: None }
    }
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let list = cases::list_of_all_of_one();
    let mut cases = vec![("floor_noop", list.clone()), ("floor_get", list.clone()), ("get_actors", list.clone())];
    cases.extend([("patch_actors", cases::patch()), ("post_actors", cases::post())]);
    if program::path(plan, "floor_get_defaults").is_ok() {
        cases.push(("floor_get_defaults", list.clone()));
    }
    if plan.python.is_some() {
        cases.push(("python", list.clone()));
    }
    let mut programs = vec![Program::alone(sites.launch(plan, "get_actors", &list)?)];
    for (name, case) in cases {
        programs.push(Program::new(name, sites.launch(plan, name, &case)?, sites.event(&case)?));
    }
    let mut table = String::new();
    for memory in [None, Some(128)] {
        let quota = memory.map_or("a whole processor".to_owned(), |memory| {
            format!("{:.1} % of a processor ({memory} MB) from its first `next` on", Quota::percent(memory))
        });
        table += &format!("\nWith {quota}:\n\n");
        if memory.is_some() && !Quota::is_possible() {
            table += &format!("({})\n", quota::IMPOSSIBLE);
            continue;
        }
        table += "| program | exec → `next`, ms | exec → answer, ms | CPU of init, ms | CPU of the first request, ms | answer, to `floor_get`'s |\n|---|---|---|---|---|---|\n";
        let measured = measure(plan, &programs, memory).await?;
        let floor = programs.iter().position(|program| program.name == "`floor_get`");
        let floor = floor.map_or(f64::NAN, |index| median(&measured[index].answer));
        for (Program { name, first, .. }, starts) in programs.iter().zip(&measured) {
            table += &format!("| {name} | {:.2} |", median(&starts.next));
            table += &if first.is_some() {
                format!(
                    " {:.2} | {:.2} | {:.2} | {:.2} |\n",
                    median(&starts.answer),
                    median(&starts.init_cpu),
                    median(&starts.first_cpu),
                    median(&starts.answer) / floor,
                )
            } else {
                format!(" | {:.2} | | |\n", median(&starts.init_cpu))
            };
        }
    }
    Ok(table)
}

/// Starts every program once a round, in another order each round.
pub(crate) async fn measure(plan: &Plan, programs: &[Program], memory: Option<u32>) -> Result<Vec<Starts>, Failure> {
    let mut measured: Vec<_> = programs.iter().map(|_| Starts::default()).collect();
    let mut order: Vec<_> = (0..programs.len()).collect();
    for _ in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let Program { launch, first, .. } = &programs[*index];
            let quota = memory.map(Quota::new).transpose()?.map(Arc::new);
            let mut environment = Environment::start(launch, quota).await?;
            let starts = &mut measured[*index];
            starts.next.push(milliseconds(environment.ready().await?));
            let init = environment.cpu()?;
            starts.init_cpu.push(milliseconds(init));
            let Some(event) = first else { continue };
            checked(&environment.invoke(event).await?.0)?;
            starts.answer.push(milliseconds(environment.age()));
            starts.first_cpu.push(milliseconds(environment.cpu()? - init));
        }
    }
    Ok(measured)
}
