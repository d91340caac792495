//! A function's start, up to its first response.

use std::sync::Arc;

use axum::body::Bytes;
use testkit::{Environment, Launch, Quota};

use crate::cases;
use crate::site::Sites;
use crate::{Failure, NO_QUOTA, Plan, checked, median, milliseconds, program};

/// A program to start, and its first event, if any.
pub(crate) struct Program {
    pub(crate) name: String,
    launch: Launch,
    /// Events, one for each start still to come.
    first: Vec<Bytes>,
}

/// The measurements of one program.
#[derive(Default)]
pub(crate) struct Starts {
    pub(crate) next: Vec<f64>,
    pub(crate) answer: Vec<f64>,
    pub(crate) init_cpu: Vec<f64>,
    pub(crate) first_cpu: Vec<f64>,
}

impl Program {
    pub(crate) fn new(name: &str, launch: Launch, first: Vec<Bytes>) -> Self {
        Self {
            name: format!("`{name}`"),
            launch,
            first,
        }
    }

    /// `get_actors` when DynamoDB and the issuer reject every connection. It can serve no request,
    /// but still becomes ready.
    fn alone(mut launch: Launch) -> Self {
        // The discard port, where nothing listens.
        for (name, place) in [
            ("AWS_ENDPOINT_URL_DYNAMODB", "https://127.0.0.1:9"),
            ("AUTH0_DOMAIN", "127.0.0.1:9"),
        ] {
            launch.set(name, place);
        }
        Self {
            name: "`get_actors`, with nobody to connect to".to_owned(),
            launch,
            first: Vec::new(),
        }
    }
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let list = cases::list_of_all_of_one();
    let mut asked: Vec<_> = [("floor_noop", &list), ("floor_get", &list)]
        .map(|(name, case)| (name, case.clone()))
        .into();
    asked.extend(cases::each().map(|case| (case.function, case)));
    if program::path(plan, "floor_get_defaults").is_ok() {
        asked.push(("floor_get_defaults", list.clone()));
    }
    if plan.python.is_some() {
        asked.push(("python", list.clone()));
    }
    let mut programs = vec![Program::alone(sites.launch(plan, "get_actors", &list)?)];
    for (name, case) in asked {
        let events = (0..2 * plan.rounds)
            .map(|_| sites.event(&case))
            .collect::<Result<_, _>>()?;
        programs.push(Program::new(name, sites.launch(plan, name, &case)?, events));
    }
    let mut table = String::new();
    for memory in [None, Some(128)] {
        let quota = memory.map_or("a whole processor".to_owned(), |memory| {
            format!(
                "{:.1} % of a processor ({memory} MB) from its first `next` on",
                Quota::percent(memory)
            )
        });
        table += &format!("\nWith {quota}:\n\n");
        if memory.is_some() && !Quota::is_possible() {
            table += &format!("({NO_QUOTA})\n");
            continue;
        }
        table += "| program | exec → `next`, ms | exec → answer, ms | CPU of init, ms | CPU of the first request, ms | `next`, to `floor_noop`'s | answer, to `floor_get`'s |\n|---|---|---|---|---|---|---|\n";
        let measured = measure(plan, &mut programs, memory).await?;
        let of = |name: &str, times: fn(&Starts) -> &Vec<f64>| {
            let index = programs.iter().position(|program| program.name == name);
            index.map_or(f64::NAN, |index| median(times(&measured[index])))
        };
        let (noop, get) = (
            of("`floor_noop`", |starts| &starts.next),
            of("`floor_get`", |starts| &starts.answer),
        );
        for (Program { name, .. }, starts) in programs.iter().zip(&measured) {
            let (next, answer, init) = (
                median(&starts.next),
                median(&starts.answer),
                median(&starts.init_cpu),
            );
            table += &if starts.answer.is_empty() {
                format!(
                    "| {name} | {next:.2} | | {init:.2} | | {:.2} | |\n",
                    next / noop
                )
            } else {
                let cpu = median(&starts.first_cpu);
                format!(
                    "| {name} | {next:.2} | {answer:.2} | {init:.2} | {cpu:.2} | {:.2} | {:.2} |\n",
                    next / noop,
                    answer / get
                )
            };
        }
    }
    Ok(table)
}

/// Starts every program once per round, in a different order each round.
pub(crate) async fn measure(
    plan: &Plan,
    programs: &mut [Program],
    memory: Option<u32>,
) -> Result<Vec<Starts>, Failure> {
    let mut measured: Vec<_> = programs.iter().map(|_| Starts::default()).collect();
    let mut order: Vec<_> = (0..programs.len()).collect();
    for _ in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let Program { launch, first, .. } = &mut programs[*index];
            let quota = memory.map(Quota::new).transpose()?.map(Arc::new);
            let mut environment = Environment::start(launch, quota).await?;
            let starts = &mut measured[*index];
            starts.next.push(milliseconds(environment.ready().await?));
            let init = environment.cpu()?;
            starts.init_cpu.push(milliseconds(init));
            let Some(event) = first.pop() else { continue };
            checked(&environment.invoke(&event).await?.0)?;
            starts.answer.push(milliseconds(environment.age()));
            starts
                .first_cpu
                .push(milliseconds(environment.cpu()? - init));
        }
    }
    Ok(measured)
}
