//! Dollars, from what was measured and AWS's public prices.

use crate::cases::{self, Case};
use crate::guard::usage;
use crate::quota::{self, Quota};
use crate::site::Sites;
use crate::warm::paced;
use crate::{Failure, Plan, median};

/// AWS's list prices in us-east-1, in dollars, which these pages have in their latest state.
/// <https://aws.amazon.com/lambda/pricing/>, <https://aws.amazon.com/api-gateway/pricing/>, <https://aws.amazon.com/dynamodb/pricing/on-demand/>,
/// <https://aws.amazon.com/cloudwatch/pricing/>
mod price {
    /// Of when they are: others' pages had Lambda's and DynamoDB's then. The gateway's and the log's are from before, and are to be checked.
    pub(super) const DATE: &str = "2025 and 2026";
    /// A million requests of Lambda.
    pub(super) const REQUESTS: f64 = 0.20;
    /// A gigabyte of memory for a second, on x86_64.
    pub(super) const X86_64: f64 = 0.000_016_666_7;
    /// The same on arm64.
    pub(super) const ARM64: f64 = 0.000_013_333_4;
    /// A million requests of an HTTP API.
    pub(super) const GATEWAY: f64 = 1.00;
    /// A million read units on demand.
    pub(super) const READS: f64 = 0.125;
    /// A million write units on demand.
    pub(super) const WRITES: f64 = 0.625;
    /// A gigabyte of log.
    pub(super) const LOG: f64 = 0.50;
}

/// The milliseconds that a call takes to DynamoDB in the same region and back, beyond what was measured here: an assumption, and the same for everyone.
const ROUND_TRIP: f64 = 4.0;
/// The bytes of log that a request makes: the function's line, the gateway's, and Lambda's three.
const LOG_BYTES: f64 = 1100.0;
/// What an agency asks a day.
const DAILY: f64 = 50_000.0;

/// What a million requests cost.
struct Cost {
    x86_64: f64,
    arm64: f64,
    units: f64,
}

pub(crate) async fn table(plan: &Plan, sites: &Sites) -> Result<String, Failure> {
    if !Quota::is_possible() {
        return Ok(quota::IMPOSSIBLE.to_owned());
    }
    let mut table = format!(
        "Dollars a million requests with 128 MB, at list prices of us-east-1 as others quote them ({}; not read on AWS's own pages) and without the free tier. \"Everything\" is Lambda on arm64, DynamoDB, an HTTP API and the logs.\n\n",
        price::DATE
    );
    table += "| request | billed, ms | Lambda, x86_64 | Lambda, arm64 | DynamoDB | everything |\n|---|---|---|---|---|---|\n";
    let mut daily = 0.0;
    for case in cases::all() {
        let used = usage(plan, sites, &case).await?;
        let (times, _) = paced(plan, sites, &case, 128).await?;
        let billed = (median(&times) + used.calls as f64 * ROUND_TRIP).ceil();
        let unit = if case.method == "GET" { price::READS } else { price::WRITES };
        let cost = cost(billed, used.units * unit);
        if case.path == "/actors?limit=100" {
            daily = everything(&cost);
        }
        table += &row(&case.title(), billed, &cost);
    }
    if plan.python.is_some() {
        let case = Case { function: "python", ..cases::list_of_100() };
        let (times, _) = paced(plan, sites, &case, 128).await?;
        let used = usage(plan, sites, &cases::list_of_100()).await?;
        let billed = (median(&times) + ROUND_TRIP).ceil();
        table += &row(
            "GET /actors?limit=100, a typical function in Python",
            billed,
            &cost(billed, used.units * price::READS),
        );
    }
    let monthly = daily * DAILY * 30.4 / 1e6;
    table += &format!(
        "\nAn agency with {DAILY} requests a day, all of them lists of 100 rows, pays ${monthly:.2} a month.\n\nA call to DynamoDB is billed with {ROUND_TRIP} ms more than it took here, which is assumed. The CPU time is of x86_64 in both columns.\n"
    );
    Ok(table)
}

fn cost(billed: f64, units: f64) -> Cost {
    let lambda = |second: f64| price::REQUESTS + billed / 1000.0 * 0.125 * second * 1e6;
    Cost { x86_64: lambda(price::X86_64), arm64: lambda(price::ARM64), units }
}

fn everything(cost: &Cost) -> f64 {
    cost.arm64 + cost.units + price::GATEWAY + LOG_BYTES * 1e6 / 1e9 * price::LOG
}

fn row(title: &str, billed: f64, cost: &Cost) -> String {
    let Cost { x86_64, arm64, units } = cost;
    format!("| {title} | {billed} | {x86_64:.3} | {arm64:.3} | {units:.3} | {:.2} |\n", everything(cost))
}
