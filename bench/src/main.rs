//! What the functions cost: bytes, time, CPU, memory, DynamoDB calls and units.

mod quota;
mod rows;
mod runtime;
mod site;
mod tls;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use clap::Parser;
use serde_json::json;

use quota::Quota;
use runtime::{Environment, Launch};
use site::{Request, Site};
use tls::Chain;

/// Why the bench cannot go on.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn failed(cause: impl Display) -> Failure {
    cause.to_string().into()
}

#[derive(Parser)]
struct Arguments {
    /// Where the bootstraps are: `<folder>/<function>` or `<folder>/<function>/bootstrap`.
    #[arg(long, default_value = "target/lambda")]
    bootstraps: PathBuf,
    #[arg(long, default_value_t = 21)]
    rounds: usize,
    what: String,
    names: Vec<String>,
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let folder = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let chain = Chain::new(&folder)?;
    let site = Site::start(&chain, 1).await?;
    let large = Site::start(&chain, 1100).await?;
    let list = |path| Request { method: "GET", path, body: None };
    let patch = |path| Request { method: "PATCH", path, body: Some(json!({"age": 33})) };
    let cases: Vec<(&str, &Site, Request)> = vec![
        ("floor_noop", &site, list("/actors")),
        ("floor_get", &site, list("/actors")),
        ("get_actors", &site, list("/actors")),
        ("patch_actors", &site, patch("/actors/1")),
        ("floor_query", &large, list("/actors?limit=100")),
        ("get_actors", &large, list("/actors?limit=100")),
        ("floor_query", &large, list("/actors?limit=1000")),
        ("get_actors", &large, list("/actors?limit=1000")),
    ];
    for (name, site, request) in &cases {
        if !arguments.names.is_empty() && !arguments.names.contains(&(*name).to_owned()) {
            continue;
        }
        let path = [arguments.bootstraps.join(name).join("bootstrap"), arguments.bootstraps.join(name)]
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| failed(format!("no {name}")))?;
        let mut settings = site.settings(name, None);
        if let Some((_, limit)) = request.path.split_once("limit=") {
            settings.push(("FLOOR_LIMIT".into(), limit.into()));
        }
        let launch = Launch { command: vec![path.display().to_string()], settings };
        let event = site.event(request)?;
        match arguments.what.as_str() {
            "cold" => {
                for quota in [false, true] {
                    let (mut ready, mut first, mut init_cpu, mut first_cpu) = (vec![], vec![], vec![], vec![]);
                    for _ in 0..arguments.rounds {
                        let held = if quota { Some(Arc::new(Quota::new()?)) } else { None };
                        let mut environment = Environment::start(&launch, held).await?;
                        ready.push(ms(environment.ready().await?));
                        let cpu = environment.cpu()?;
                        check(&environment.invoke(&event).await?.0)?;
                        first.push(ms(environment.age()));
                        init_cpu.push(ms(cpu));
                        first_cpu.push(ms(environment.cpu()? - cpu));
                    }
                    println!(
                        "{name:14} {:24} quota={quota:5} next {:7.2} answer {:7.2} init cpu {:7.2} first cpu {:7.2} ms",
                        request.path,
                        median(&mut ready),
                        median(&mut first),
                        median(&mut init_cpu),
                        median(&mut first_cpu)
                    );
                }
            }
            "warm" => {
                let mut environment = Environment::start(&launch, None).await?;
                for _ in 0..50 {
                    check(&environment.invoke(&event).await?.0)?;
                }
                let mut cpus = vec![];
                let mut times = vec![];
                for _ in 0..arguments.rounds {
                    let cpu = environment.cpu()?;
                    for _ in 0..50 {
                        times.push(ms(environment.invoke(&event).await?.1));
                    }
                    cpus.push(ms(environment.cpu()? - cpu) / 50.0);
                }
                println!(
                    "{name:14} {:24} warm cpu {:.4} ms p50 {:.3} ms peak {} kB",
                    request.path,
                    median(&mut cpus),
                    median(&mut times),
                    environment.peak_memory()? / 1024
                );
            }
            "callgrind" => {
                let mut counts = vec![];
                for n in [10, 30] {
                    let out = folder.join(format!("cg-{n}"));
                    let mut launch = launch.clone();
                    launch.command = vec!["valgrind".into(), "--tool=callgrind".into(), "-q".into(), format!("--callgrind-out-file={}", out.display()), path.display().to_string()];
                    launch.settings.push(("PATH".into(), std::env::var("PATH")?));
                    let mut environment = Environment::start(&launch, None).await?;
                    for _ in 0..n {
                        check(&environment.invoke(&event).await?.0)?;
                    }
                    environment.end()?;
                    let text = std::fs::read_to_string(&out)?;
                    let total = text.lines().find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: "))).ok_or("no total")?;
                    counts.push(total.trim().parse::<u64>()?);
                    std::fs::copy(&out, format!("/tmp/w/cg.{name}.{n}.{}", request.path.len()))?;
                }
                println!("{name:14} {:24} {} instructions a request, {} before", request.path, (counts[1] - counts[0]) / 20, counts[0]);
            }
            _ => {}
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn check(answer: &Bytes) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(answer);
    if text.contains(r#"\"success\":true"#) { Ok(()) } else { Err(failed(text)) }
}
