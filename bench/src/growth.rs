//! The same requests with more and more rows: calls to DynamoDB, bytes and time.

use std::time::Instant;

use shared::model::{Actor, Movie};

use crate::cases::Case;
use crate::meter::{Meter, Usage};
use crate::program::grouped;
use crate::runtime::{Environment, checked};
use crate::site::Sites;
use crate::{Failure, Plan, median, milliseconds, rows};

/// What is asked for: a page, a row, a change, and each filter and order by itself.
fn cases() -> Vec<Case> {
    let get = |function, path| Case { function, method: "GET", path, body: None, key: None, single: false };
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
    let patch = Case { method: "PATCH", path: "/actors/50", ..crate::cases::patch() };
    let lists =
        actors.map(|path| get("get_actors", path)).into_iter().chain(movies.map(|path| get("get_movies", path)));
    lists.chain([patch]).collect()
}

/// What one request cost with so many rows.
struct Cost {
    usage: Usage,
    milliseconds: f64,
    cpu: f64,
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let sizes: &[u64] = if plan.quick { &[100, 1000, 10_000] } else { &[100, 1000, 10_000, 100_000, 1_000_000] };
    let site = sites.empty().await?;
    let mut costs: Vec<Vec<Cost>> = cases().iter().map(|_| Vec::new()).collect();
    let mut last = 0;
    for size in sizes {
        let started = Instant::now();
        rows::fill::<Actor>(site.stack.client(), local::ACTORS_TABLE, last + 1, *size).await?;
        rows::fill::<Movie>(site.stack.client(), local::MOVIES_TABLE, last + 1, *size).await?;
        eprintln!("{size} actors and {size} movies after {} s", started.elapsed().as_secs());
        last = *size;
        for (case, costs) in cases().iter().zip(&mut costs) {
            costs.push(cost(plan, sites, &site, case).await?);
        }
    }
    Ok(written(sizes, &costs))
}

async fn cost(plan: &Plan, sites: &Sites, site: &crate::site::Site, case: &Case) -> Result<Cost, Failure> {
    let meter = Meter::start(&site.stack.dynamodb).await?;
    let event = site.event(case, 0)?;
    let mut launch = sites.launch(plan, case.function, case)?;
    launch.settings = site.settings(case.function);
    launch.set("AWS_ENDPOINT_URL_DYNAMODB", &meter.url);
    let mut environment = Environment::start(&launch, None).await?;
    checked(&environment.invoke(&event).await?.0)?;
    meter.take();
    environment.invoke(&event).await?;
    let usage = meter.take();
    launch.settings = site.settings(case.function);
    let mut environment = Environment::start(&launch, None).await?;
    let mut times = Vec::new();
    for _ in 0..5 {
        environment.invoke(&event).await?;
    }
    let before = environment.cpu()?;
    for _ in 0..plan.rounds {
        times.push(milliseconds(environment.invoke(&event).await?.1));
    }
    let cpu = milliseconds(environment.cpu()? - before) / plan.rounds as f64;
    Ok(Cost { usage, milliseconds: median(&times), cpu })
}

fn written(sizes: &[u64], costs: &[Vec<Cost>]) -> String {
    let headings: Vec<_> = sizes.iter().map(|size| grouped(*size)).collect();
    let (first, last) = (&headings[0], &headings[headings.len() - 1]);
    let mut table = format!(
        "| request | calls, {first} rows → {last} | bytes answered | milliseconds | its CPU, ms |\n|---|---|---|---|---|\n"
    );
    for (case, costs) in cases().iter().zip(costs) {
        let (Some(first), Some(last)) = (costs.first(), costs.last()) else { continue };
        table += &format!(
            "| {} | {} → {} | {} → {} | {:.2} → {:.2} | {:.2} → {:.2} |\n",
            case.title(),
            first.usage.calls,
            last.usage.calls,
            grouped(first.usage.bytes),
            grouped(last.usage.bytes),
            first.milliseconds,
            last.milliseconds,
            first.cpu,
            last.cpu,
        );
    }
    table += "\nMilliseconds of a page (GET /actors?limit=20), of one row and of a change, by the number of rows:\n\n";
    table += &format!("```mermaid\nxychart-beta\n  x-axis \"rows\" [{}]\n  y-axis \"ms\"\n", quoted(&headings));
    for (case, costs) in cases().iter().zip(costs) {
        if ["/actors?limit=20", "/actors/50"].contains(&case.path) {
            let values: Vec<_> = costs.iter().map(|cost| format!("{:.2}", cost.milliseconds)).collect();
            table += &format!("  line \"{}\" [{}]\n", case.title(), values.join(", "));
        }
    }
    table + "```\n"
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}
