//! Counts a request's instructions with Valgrind: nearly the same number each time and on each
//! machine.

use std::path::Path;
use std::time::Duration;

use testkit::{Environment, Launch};

use crate::cases::Case;
use crate::site::Sites;
use crate::{Failure, checked, failed};

/// The number of requests in the shorter and in the longer of two runs.
const REQUESTS: [u64; 2] = [10, 30];

/// How long a function is left alone before its first event.
const SETTLED: Duration = Duration::from_millis(1500);

/// Instruction counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instructions {
    /// From the start to the tenth response, both handshakes included.
    pub(crate) start: u64,
    /// For a warm request.
    pub(crate) request: u64,
}

/// Counts instructions in two runs that differ by twenty requests.
pub(crate) async fn count(
    sites: &Sites,
    folder: &Path,
    launch: &Launch,
    case: &Case,
) -> Result<Instructions, Failure> {
    let mut totals = [0; 2];
    for (total, requests) in totals.iter_mut().zip(REQUESTS) {
        let output = folder.join("callgrind.out");
        let mut launch = launch.clone();
        let valgrind = ["valgrind", "--tool=callgrind", "-q"].map(str::to_owned);
        let output_option = format!("--callgrind-out-file={}", output.display());
        launch.command = valgrind
            .into_iter()
            .chain([output_option])
            .chain(launch.command)
            .collect();
        launch
            .settings
            .push(("PATH".to_owned(), std::env::var("PATH")?));
        let mut environment = Environment::start(&launch, None).await?;
        environment.ready().await?;
        // Valgrind slows a start so much that it does not wait long enough to be connected; without
        // this pause the first request would sometimes open its own connection.
        tokio::time::sleep(SETTLED).await;
        for _ in 0..requests {
            checked(&environment.invoke(&sites.event(case)?).await?.0)?;
        }
        environment.end()?;
        let counts = std::fs::read_to_string(&output)
            .map_err(|_| failed("valgrind counted nothing; is it installed?"))?;
        let line = counts.lines().find_map(|line| {
            line.strip_prefix("summary: ")
                .or(line.strip_prefix("totals: "))
        });
        *total = line
            .and_then(|line| line.trim().parse().ok())
            .ok_or_else(|| failed("no count"))?;
    }
    Ok(Instructions {
        start: totals[0],
        request: (totals[1] - totals[0]) / (REQUESTS[1] - REQUESTS[0]),
    })
}
