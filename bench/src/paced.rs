//! Times requests to warm functions that have the CPU share of their memory.

use std::sync::Arc;
use std::time::Duration;

use testkit::{Environment, Quota};

use crate::cases::Case;
use crate::site::Sites;
use crate::{Failure, Plan, checked, milliseconds};

/// The pause between two requests to a function with a quota: three periods of the quota.
const APART: Duration = Duration::from_millis(60);

/// The milliseconds that requests take on warm functions with this much memory: one of each per
/// round, in a different order each round, and far enough apart that none pays for the one before.
pub(crate) async fn paced(
    plan: &Plan,
    sites: &Sites,
    pairs: &[(Case, u32)],
) -> Result<Vec<Vec<f64>>, Failure> {
    let mut running = Vec::new();
    for (case, memory) in pairs {
        let quota = Arc::new(Quota::new(*memory)?);
        let mut environment =
            Environment::start(&sites.launch(plan, case.function, case)?, Some(quota)).await?;
        for _ in 0..5 {
            checked(&environment.invoke(&sites.event(case)?).await?.0)?;
        }
        running.push((environment, Vec::new()));
    }
    let mut order: Vec<_> = (0..pairs.len()).collect();
    for _ in 0..if plan.quick { 40 } else { 200 } {
        fastrand::shuffle(&mut order);
        tokio::time::sleep(APART).await;
        for index in &order {
            let (environment, times) = &mut running[*index];
            let (response, time) = environment.invoke(&sites.event(&pairs[*index].0)?).await?;
            checked(&response)?;
            times.push(milliseconds(time));
        }
    }
    Ok(running.into_iter().map(|(_, times)| times).collect())
}
