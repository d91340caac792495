//! Measures the same requests with more and more rows: calls to DynamoDB, bytes and time.

use std::time::Instant;

use axum::body::Bytes;
use serde_json::Value;
use testkit::Environment;

use crate::cases::Case;
use crate::meter::{self, Usage};
use crate::program::grouped;
use crate::site::{Site, Sites};
use crate::{Failure, Plan, checked, median, milliseconds, ratio};

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
        "/actors?limit=20&min_age=30&max_age=30",
        "/actors?limit=20&gender=female&min_age=30",
        "/actors?limit=20&name=mar&gender=female",
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
    /// The rows in the response.
    rows: usize,
    /// Milliseconds of each round.
    times: Vec<f64>,
    /// Milliseconds of CPU of each round.
    cpu: Vec<f64>,
}

/// A warm function at one site, and the events of one request that it gets in turn.
struct Probe {
    environment: Environment,
    events: Vec<Bytes>,
    cost: Cost,
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
        filled.push(sites.with_rows(*size).await?);
        eprintln!(
            "{size} actors and {size} movies in {} s",
            started.elapsed().as_secs()
        );
    }
    let mut probes = Vec::new();
    for case in cases() {
        for site in &filled {
            probes.push(Probe::start(plan, sites, site, &case).await?);
        }
    }
    let mut order: Vec<_> = (0..probes.len()).collect();
    for round in 0..plan.rounds {
        fastrand::shuffle(&mut order);
        for index in &order {
            probes[*index].measure(round).await?;
        }
    }
    let costs: Vec<_> = probes.into_iter().map(|probe| probe.cost).collect();
    Ok(written(
        sizes,
        &costs.chunks(sizes.len()).collect::<Vec<_>>(),
    ))
}

impl Probe {
    async fn start(plan: &Plan, sites: &Sites, site: &Site, case: &Case) -> Result<Self, Failure> {
        let event = site.event(case, 0)?;
        let mut launch = sites.launch(plan, case.function, case)?;
        launch.settings = site.settings(case.function);
        let mut environment = Environment::start(&launch, None).await?;
        let mut rows = 0;
        for _ in 0..5 {
            let response = environment.invoke(&event).await?.0;
            checked(&response)?;
            rows = rows_of(&response)?;
        }
        let events = [&event, &site.event(case, 1)?];
        let usage = meter::usage(&site.stack.dynamodb, launch, events).await?;
        // Each change must differ from the one before.
        let events = (2..22).map(|number| site.event(case, number));
        Ok(Self {
            environment,
            events: events.collect::<Result<_, _>>()?,
            cost: Cost {
                usage,
                rows,
                times: Vec::new(),
                cpu: Vec::new(),
            },
        })
    }

    async fn measure(&mut self, round: usize) -> Result<(), Failure> {
        let before = self.environment.cpu()?;
        let event = &self.events[round % self.events.len()];
        let (response, time) = self.environment.invoke(event).await?;
        checked(&response)?;
        self.cost.times.push(milliseconds(time));
        let cpu = self.environment.cpu()? - before;
        self.cost.cpu.push(milliseconds(cpu));
        Ok(())
    }
}

/// The number of rows in a function's response.
fn rows_of(response: &[u8]) -> Result<usize, Failure> {
    let response: Value = serde_json::from_slice(response)?;
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap_or_default())?;
    let rows = ["actors", "movies"]
        .iter()
        .find_map(|name| body[name].as_array());
    Ok(rows.map_or(0, Vec::len))
}

/// The page in the order of names or titles that a list is compared with.
fn order_of_names(path: &str) -> Option<&'static str> {
    match path.split_once('?')?.0 {
        "/actors" => Some("/actors?limit=20&sort=name"),
        _ => Some("/movies?limit=20&sort=title"),
    }
}

fn written(sizes: &[u64], costs: &[&[Cost]]) -> String {
    let headings: Vec<_> = sizes.iter().map(|size| grouped(*size)).collect();
    let (middle, last) = (sizes.len() / 2, sizes.len() - 1);
    let [first_size, middle_size, last_size] = [0, middle, last].map(|index| &headings[index]);
    let mut table = format!(
        "Calls, units and rows in the page with {} rows; bytes, milliseconds and CPU with \
         {first_size}, {middle_size} and {last_size}. The last column is the time's largest ratio \
         to a page in the order of names or titles, of all numbers of rows.\n\n\
         | request | calls | units | rows in the page | bytes of DynamoDB's responses | ms | \
         {last_size} rows to {middle_size} | CPU, ms | to the order of names |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        headings.join(", ")
    );
    let cases = cases();
    for (case, costs_of_case) in cases.iter().zip(costs) {
        let each = |figure: &dyn Fn(&Cost) -> String| {
            let figures: Vec<_> = costs_of_case.iter().map(figure).collect();
            figures.join(", ")
        };
        let three = |figure: &dyn Fn(&Cost) -> String| {
            [0, middle, last]
                .map(|index| figure(&costs_of_case[index]))
                .join(" → ")
        };
        let order = cases
            .iter()
            .zip(costs)
            .find(|(order, _)| Some(order.path) == order_of_names(case.path));
        let to_order = order.map(|(_, order)| {
            let pairs = costs_of_case.iter().zip(*order);
            pairs
                .map(|(cost, order)| ratio(&cost.times, &order.times))
                .fold(0.0, f64::max)
        });
        table += &format!(
            "| {} | {} | {} | {} | {} | {} | {:.2} | {} | {} |\n",
            case.title(),
            each(&|cost| cost.usage.calls.to_string()),
            each(&|cost| cost.usage.units().to_string()),
            each(&|cost| cost.rows.to_string()),
            three(&|cost| grouped(cost.usage.bytes)),
            three(&|cost| format!("{:.2}", median(&cost.times))),
            ratio(&costs_of_case[last].times, &costs_of_case[middle].times),
            three(&|cost| format!("{:.2}", median(&cost.cpu))),
            to_order.map_or(String::new(), |ratio| format!("{ratio:.2}")),
        );
    }
    table += "\nMilliseconds of a page (GET /actors?limit=20), of one row and of a change, by the number of rows:\n\n";
    table += &format!(
        "```mermaid\nxychart-beta\n  x-axis \"rows\" [{}]\n  y-axis \"ms\"\n",
        quoted(&headings)
    );
    for (case, costs) in cases.iter().zip(costs) {
        if ["/actors?limit=20", "/actors/50"].contains(&case.path) {
            let values: Vec<_> = costs
                .iter()
                .map(|cost| format!("{:.2}", median(&cost.times)))
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
