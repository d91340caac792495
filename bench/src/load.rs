//! Requests per second through HTTP, the event, a pool of bootstraps, DynamoDB, and back; wrk sends
//! them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::Value;
use testkit::Environment;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use crate::cases::{self, Case};
use crate::site::Sites;
use crate::{Failure, Plan, failed};

/// The number of function processes: Lambda has as many for this many concurrent requests.
const POOL: usize = 4;

/// Processes of one function, each with one request at a time, and the events that they get in
/// turn.
struct Pool {
    free: Mutex<mpsc::Receiver<Environment>>,
    back: mpsc::Sender<Environment>,
    events: Vec<axum::body::Bytes>,
    asked: AtomicUsize,
}

pub(crate) async fn table(plan: &Plan, sites: &Sites, folder: &Path) -> Result<String, Failure> {
    if Command::new("wrk").arg("-v").output().is_err() {
        return Err(failed("wrk is missing; `make bench` installs it"));
    }
    let mut table = "| request | requests a second | p50 | p99 |\n|---|---|---|---|\n".to_owned();
    for case in [cases::list_of_100(), cases::post(), cases::patch()] {
        let (rate, p50, p99) = drive(plan, sites, folder, &case).await?;
        table += &format!("| {} | {rate} | {p50} | {p99} |\n", case.title());
    }
    Ok(table)
}

async fn drive(
    plan: &Plan,
    sites: &Sites,
    folder: &Path,
    case: &Case,
) -> Result<(String, String, String), Failure> {
    let (back, free) = mpsc::channel(POOL);
    for _ in 0..POOL {
        let mut environment =
            Environment::start(&sites.launch(plan, case.function, case)?, None).await?;
        environment.ready().await?;
        back.send(environment).await?;
    }
    let events = (0..50)
        .map(|_| sites.event(case))
        .collect::<Result<_, _>>()?;
    let pool = Arc::new(Pool {
        free: Mutex::new(free),
        back,
        events,
        asked: AtomicUsize::new(0),
    });
    let router = Router::new().fallback(answer).with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}{}", listener.local_addr()?, case.path);
    let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    // This script only makes wrk fail on any response that is not a success.
    let script = folder.join("wrk.lua");
    std::fs::write(
        &script,
        "done = function(summary) if summary.errors.status > 0 then print('FAILED') end end\n",
    )?;
    let seconds = if plan.quick { "3s" } else { "10s" };
    let mut wrk = tokio::process::Command::new("wrk");
    wrk.args(["-t1", "-c4", "-d", seconds, "--latency", "-s"])
        .arg(&script)
        .arg(url);
    let output = String::from_utf8(wrk.output().await?.stdout)?;
    server.abort();
    if output.contains("FAILED") {
        return Err(failed(output));
    }
    let after = |label: &str| {
        let line = output
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.map(|value| value.trim().to_owned())
            .ok_or_else(|| failed(&output))
    };
    Ok((after("Requests/sec:")?, after("50%")?, after("99%")?))
}

async fn answer(State(pool): State<Arc<Pool>>) -> Response<Body> {
    let broken = || {
        Response::builder()
            .status(StatusCode::BAD_GATEWAY)
            .body(Body::empty())
            .unwrap_or_default()
    };
    let Some(mut environment) = pool.free.lock().await.recv().await else {
        return broken();
    };
    let answered = environment
        .invoke(&pool.events[pool.asked.fetch_add(1, Ordering::Relaxed) % pool.events.len()])
        .await;
    drop(pool.back.send(environment).await);
    let Ok((answer, _)) = answered else {
        return broken();
    };
    let Ok(answer) = serde_json::from_slice::<Value>(&answer) else {
        return broken();
    };
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(502);
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    Response::builder()
        .status(status)
        .body(Body::from(body))
        .unwrap_or_else(|_| broken())
}
