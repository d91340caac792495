//! A function's start, up to its first response.

use std::sync::Arc;

use axum::body::Bytes;
use testkit::{Environment, Launch, Quota};

use crate::cases::{self, Measured};
use crate::site::Sites;
use crate::{Failure, NO_QUOTA, Plan, checked, median, milliseconds, ratio};

/// A program to start, and its first events, one for each start still to come.
pub(crate) struct Program {
    pub(crate) launch: Launch,
    pub(crate) events: Vec<Bytes>,
}

/// The measurements of one program, one for each start.
#[derive(Default)]
pub(crate) struct Starts {
    next: Vec<f64>,
    /// Until the first response.
    pub(crate) response: Vec<f64>,
    init_cpu: Vec<f64>,
    /// The CPU time of both the init and the first request.
    pub(crate) cpu: Vec<f64>,
}

/// `get_actors` when DynamoDB and the issuer reject every connection. It can serve no request, but
/// still becomes ready.
fn alone(plan: &Plan, sites: &Sites) -> Result<Program, Failure> {
    let mut launch = sites.launch(plan, "get_actors", &cases::one_row())?;
    // The discard port, where nothing listens.
    for (name, place) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", "https://127.0.0.1:9"),
        ("AUTH0_DOMAIN", "127.0.0.1:9"),
    ] {
        launch.set(name, place);
    }
    Ok(Program {
        launch,
        events: Vec::new(),
    })
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let mut measured = cases::measured();
    if plan.python.is_some() {
        measured.push(Measured {
            program: "python",
            case: cases::one_row(),
            floor: None,
        });
    }
    let mut programs = Vec::new();
    for Measured { program, case, .. } in &measured {
        programs.push(Program {
            launch: sites.launch(plan, program, case)?,
            events: sites.events(case, 2 * plan.rounds)?,
        });
    }
    programs.push(alone(plan, sites)?);
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
        table += "| program | request | exec → `next`, ms | exec → response, ms | to its floor | CPU of init, ms | CPU to the first response, ms | to its floor |\n|---|---|---|---|---|---|---|---|\n";
        let starts = measure(plan.rounds, &mut programs, memory).await?;
        for (
            index,
            Measured {
                program,
                case,
                floor,
            },
        ) in measured.iter().enumerate()
        {
            let one = &starts[index];
            let to_floor = |figures: fn(&Starts) -> &Vec<f64>| {
                floor.map_or(String::new(), |floor| {
                    format!("{:.2}", ratio(figures(one), figures(&starts[floor])))
                })
            };
            table += &format!(
                "| `{program}` | {} | {:.2} | {:.2} | {} | {:.2} | {:.2} | {} |\n",
                case.title(),
                median(&one.next),
                median(&one.response),
                to_floor(|starts| &starts.response),
                median(&one.init_cpu),
                median(&one.cpu),
                to_floor(|starts| &starts.cpu),
            );
        }
        if let Some(alone) = starts.last() {
            table += &format!(
                "| `get_actors` | none, with nobody to connect to | {:.2} | | | {:.2} | | |\n",
                median(&alone.next),
                median(&alone.init_cpu)
            );
        }
    }
    Ok(table)
}

/// Starts every program once per round, in a different order each round.
pub(crate) async fn measure(
    rounds: usize,
    programs: &mut [Program],
    memory: Option<u32>,
) -> Result<Vec<Starts>, Failure> {
    let mut measured: Vec<_> = programs.iter().map(|_| Starts::default()).collect();
    let mut order: Vec<_> = (0..programs.len()).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let Program { launch, events } = &mut programs[*index];
            let quota = memory.map(Quota::new).transpose()?.map(Arc::new);
            let mut environment = Environment::start(launch, quota).await?;
            let starts = &mut measured[*index];
            starts.next.push(milliseconds(environment.ready().await?));
            starts.init_cpu.push(milliseconds(environment.cpu()?));
            let Some(event) = events.pop() else { continue };
            checked(&environment.invoke(&event).await?.0)?;
            starts.response.push(milliseconds(environment.age()));
            starts.cpu.push(milliseconds(environment.cpu()?));
        }
    }
    Ok(measured)
}
