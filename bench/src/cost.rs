//! The cost in dollars, from the measured figures and AWS's public prices.

use crate::cases::{self, Case};
use crate::guard::usage;
use crate::meter::Usage;
use crate::paced::paced;
use crate::site::Sites;
use crate::{Failure, Plan, median};

/// AWS's list prices in us-east-1, in dollars, as others have copied them from AWS's pages, which
/// show the current prices:
/// <https://aws.amazon.com/lambda/pricing/>,
/// <https://aws.amazon.com/api-gateway/pricing/>,
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>,
/// <https://aws.amazon.com/cloudwatch/pricing/>
mod price {
    /// The date of each price.
    pub(super) const DATES: &str = "requests of Lambda and of the gateway in September 2026, DynamoDB since November 2024, logs since May 2025";
    /// One million requests to Lambda.
    pub(super) const REQUESTS: f64 = 0.20;
    /// One gigabyte-second of memory, on x86_64.
    pub(super) const X86_64: f64 = 0.000_016_666_7;
    /// The same on arm64.
    pub(super) const ARM64: f64 = 0.000_013_333_4;
    /// One million requests to an HTTP API.
    pub(super) const GATEWAY: f64 = 1.00;
    /// One million read units on demand.
    pub(super) const READS: f64 = 0.125;
    /// One million write units on demand.
    pub(super) const WRITES: f64 = 0.625;
    /// One gigabyte of log.
    pub(super) const LOG: f64 = 0.50;
}

/// The assumed round trip of a call to DynamoDB in the same region, in milliseconds, on top of what
/// was measured here; the same for every program.
const ROUND_TRIP: f64 = 4.0;
/// The bytes of log per request: the function's line, the gateway's, and Lambda's three.
const LOG_BYTES: f64 = 1100.0;
/// An agency's requests per day.
const DAILY: f64 = 50_000.0;

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    let mut table = format!(
        "Dollars a million requests with 128 MB, at list prices of us-east-1 as others have copied them from AWS's pages ({}) and without the free tier. \"Everything\" is Lambda on arm64, DynamoDB, an HTTP API and the logs; the first 100 GB a month that leave AWS are free.\n\n",
        price::DATES
    );
    table += "| request | billed, ms | Lambda, x86_64 | Lambda, arm64 | DynamoDB | everything | in Python: billed, ms | Lambda, x86_64 | Lambda, arm64 |\n|---|---|---|---|---|---|---|---|---|\n";
    let cases = cases::all();
    let in_python = cases
        .iter()
        .filter(|case| plan.python.is_some() && is_typical(case));
    let in_python: Vec<_> = in_python
        .map(|case| Case {
            function: "python",
            ..case.clone()
        })
        .collect();
    let asked: Vec<_> = cases
        .iter()
        .chain(&in_python)
        .cloned()
        .map(|case| (case, 128))
        .collect();
    let times = paced(plan, sites, &asked).await?;
    let mut in_python = in_python.iter().zip(&times[cases.len()..]);
    let mut daily = 0.0;
    for (case, times) in cases.iter().zip(&times) {
        let used = usage(plan, sites, case).await?;
        let (billed_here, units) = (
            billed(times, &used),
            used.read_units * price::READS + used.write_units * price::WRITES,
        );
        let (x86_64, arm64) = lambdas(billed_here);
        let everything = arm64 + units + price::GATEWAY + LOG_BYTES * 1e6 / 1e9 * price::LOG;
        if case.path == "/actors?limit=100" {
            daily = everything;
        }
        table += &format!(
            "| {} | {billed_here} | {x86_64:.3} | {arm64:.3} | {units:.3} | {everything:.2} |",
            case.title()
        );
        let same = if is_typical(case) {
            in_python.next()
        } else {
            None
        };
        table += &if let Some((case, times)) = same {
            let billed = billed(times, &usage(plan, sites, case).await?);
            let (x86_64, arm64) = lambdas(billed);
            format!(" {billed} | {x86_64:.3} | {arm64:.3} |\n")
        } else {
            " | | |\n".to_owned()
        };
    }
    let monthly = daily * DAILY * 30.4 / 1e6;
    table += &format!(
        "\nAn agency with {DAILY} requests a day, all of them lists of 100 rows, pays ${monthly:.2} a month.\n\nA call to DynamoDB is billed with {ROUND_TRIP} ms more than it took here, which is assumed. The CPU time is of x86_64 in both columns.\n"
    );
    Ok(table)
}

/// Whether the Python function handles this request.
fn is_typical(case: &Case) -> bool {
    let has_cast = case
        .body
        .as_ref()
        .is_some_and(|body| body.get("cast").is_some());
    case.key.is_none()
        && !case.single
        && !has_cast
        && !["sort", "name", "include", "limit=1000"]
            .iter()
            .any(|word| case.path.contains(word))
}

/// The billed milliseconds of a request.
fn billed(times: &[f64], used: &Usage) -> f64 {
    (median(times) + used.calls as f64 * ROUND_TRIP).ceil()
}

/// Lambda's price per million requests with 128 MB, on x86_64 and on arm64.
fn lambdas(billed: f64) -> (f64, f64) {
    (
        lambda(128, billed, price::X86_64),
        lambda(128, billed, price::ARM64),
    )
}

/// Lambda's price per million requests, for this memory in MB and this many billed milliseconds
/// each.
fn lambda(memory: u32, billed: f64, second: f64) -> f64 {
    price::REQUESTS + billed / 1000.0 * f64::from(memory) / 1024.0 * second * 1e6
}

/// Lambda's price on arm64 per million requests that take this many milliseconds here and make one
/// call.
pub(crate) fn of_one_call(memory: u32, milliseconds: f64) -> f64 {
    lambda(memory, (milliseconds + ROUND_TRIP).ceil(), price::ARM64)
}
