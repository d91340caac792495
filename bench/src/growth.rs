//! Measures the same requests with more and more rows: calls to DynamoDB, bytes and time.

use std::time::Instant;

use testkit::Environment;

use crate::cases::Case;
use crate::meter::{self, Usage};
use crate::program::grouped;
use crate::site::{Site, Sites};
use crate::{Failure, Plan, checked, median, milliseconds};

/// The measured requests: a page, a row, a change, and each filter and order alone.
fn cases() -> Vec<Case> {
    let get = |function, path| Case {
        function,
        method: "GET",
        path,
        body: None,
        key: None,
        single: false,
    };
    let actors = [
        "/actors?limit=20",
        "/actors?limit=20&sort=-id",
        "/actors/50",
        "/actors?limit=20&name=mar",
        "/actors?limit=20&name=quintanilla",
        "/actors?limit=20&gender=female",
        "/actors?limit=20&gender=non-binary",
        "/actors?limit=20&min_age=30",
        "/actors?limit=20&max_age=20",
        "/actors?limit=20&sort=name",
        "/actors?limit=20&sort=-age",
        "/actors?limit=20&movie_id=1",
    ];
    let movies = [
        "/movies?limit=20&title=night",
        "/movies?limit=20&released_from=1990-01-01",
        "/movies?limit=20&released_to=1960-12-31",
        "/movies?limit=20&sort=title",
        "/movies?limit=20&sort=-release_date",
        "/movies?limit=20&actor_id=2",
    ];
    let patch = Case {
        method: "PATCH",
        path: "/actors/50",
        ..crate::cases::patch()
    };
    let lists = actors
        .map(|path| get("get_actors", path))
        .into_iter()
        .chain(movies.map(|path| get("get_movies", path)));
    lists.chain([patch]).collect()
}

/// The cost of one request at a given number of rows.
struct Cost {
    usage: Usage,
    milliseconds: f64,
    cpu: f64,
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let sizes: &[u64] = if plan.quick {
        &[100, 1000, 10_000]
    } else {
        &[100, 1000, 10_000, 100_000, 1_000_000]
    };
    let mut filled = Vec::new();
    for size in sizes {
        let started = Instant::now();
        filled.push(sites.another(*size).await?);
        eprintln!(
            "{size} actors and {size} movies in {} s",
            started.elapsed().as_secs()
        );
    }
    let mut costs = Vec::new();
    for case in cases() {
        costs.push(measure(plan, sites, &filled, &case).await?);
    }
    Ok(written(sizes, &costs))
}

/// The cost of one request at each site, side by side: one per site and round, in a different order
/// each round.
async fn measure(
    plan: &Plan,
    sites: &Sites,
    filled: &[Site],
    case: &Case,
) -> Result<Vec<Cost>, Failure> {
    let (mut costs, mut running) = (Vec::new(), Vec::new());
    for site in filled {
        let event = site.event(case, 0)?;
        let mut launch = sites.launch(plan, case.function, case)?;
        launch.settings = site.settings(case.function);
        let mut environment = Environment::start(&launch, None).await?;
        for _ in 0..5 {
            checked(&environment.invoke(&event).await?.0)?;
        }
        let usage = meter::usage(
            &site.stack.dynamodb,
            launch,
            [&event, &site.event(case, 1)?],
        )
        .await?;
        costs.push(Cost {
            usage,
            milliseconds: 0.0,
            cpu: 0.0,
        });
        // Each change must differ from the one before.
        let events = (2..22)
            .map(|number| site.event(case, number))
            .collect::<Result<Vec<_>, _>>()?;
        running.push((environment, events, Vec::new(), Vec::new()));
    }
    let mut order: Vec<_> = (0..filled.len()).collect();
    for round in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            let (environment, events, times, cpu) = &mut running[*index];
            let before = environment.cpu()?;
            times.push(milliseconds(
                environment.invoke(&events[round % events.len()]).await?.1,
            ));
            cpu.push(milliseconds(environment.cpu()? - before));
        }
    }
    for (cost, (_, _, times, cpu)) in costs.iter_mut().zip(&running) {
        (cost.milliseconds, cost.cpu) = (median(times), median(cpu));
    }
    Ok(costs)
}

fn written(sizes: &[u64], costs: &[Vec<Cost>]) -> String {
    let headings: Vec<_> = sizes.iter().map(|size| grouped(*size)).collect();
    let (middle, last) = (sizes.len() / 2, sizes.len() - 1);
    let [first_size, middle_size, last_size] = [0, middle, last].map(|index| &headings[index]);
    let mut table = format!(
        "Calls with {} rows; bytes, milliseconds and its CPU with {first_size}, {middle_size} and {last_size}.\n\n| request | calls | bytes of responses | milliseconds | {last_size} rows to {middle_size} | its CPU, ms |\n|---|---|---|---|---|---|\n",
        headings.join(", ")
    );
    for (case, costs) in cases().iter().zip(costs) {
        let three = |figure: &dyn Fn(&Cost) -> String| {
            [0, middle, last]
                .map(|index| figure(&costs[index]))
                .join(" → ")
        };
        table += &format!(
            "| {} | {} | {} | {} | {:.2} | {} |\n",
            case.title(),
            costs
                .iter()
                .map(|cost| cost.usage.calls.to_string())
                .collect::<Vec<_>>()
                .join(", "),
            three(&|cost| grouped(cost.usage.bytes)),
            three(&|cost| format!("{:.2}", cost.milliseconds)),
            costs[last].milliseconds / costs[middle].milliseconds,
            three(&|cost| format!("{:.2}", cost.cpu)),
        );
    }
    table += "\nMilliseconds of a page (GET /actors?limit=20), of one row and of a change, by the number of rows:\n\n";
    table += &format!(
        "```mermaid\nxychart-beta\n  x-axis \"rows\" [{}]\n  y-axis \"ms\"\n",
        quoted(&headings)
    );
    for (case, costs) in cases().iter().zip(costs) {
        if ["/actors?limit=20", "/actors/50"].contains(&case.path) {
            let values: Vec<_> = costs
                .iter()
                .map(|cost| format!("{:.2}", cost.milliseconds))
                .collect();
            table += &format!("  line \"{}\" [{}]\n", case.title(), values.join(", "));
        }
    }
    table + "```\n"
}

fn quoted(texts: &[String]) -> String {
    texts
        .iter()
        .map(|text| format!("\"{text}\""))
        .collect::<Vec<_>>()
        .join(", ")
}
