//! `get_actors` as deployed, and built with one setting changed at a time, by `bench/settings.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::Launch;

use crate::cases;
use crate::cold::{self, Program};
use crate::program::grouped;
use crate::site::Sites;
use crate::warm::{self, Warm};
use crate::{Failure, Plan, callgrind, failed, median};

const PROGRAMS: &str = "target/bench/settings/programs";
/// The unchanged program, which comes first.
const AS_DEPLOYED: &str = "as deployed";
/// The simulated round trip to a distant DynamoDB and issuer.
const ROUND_TRIP: Duration = Duration::from_millis(5);

/// The settings for which a program was built, each with its path.
fn built() -> Result<Vec<(String, PathBuf)>, Failure> {
    let missing = || {
        failed(format!(
            "{PROGRAMS} is missing; `make bench-settings` builds what it holds"
        ))
    };
    let mut built = Vec::new();
    for entry in fs::read_dir(PROGRAMS).map_err(|_| missing())? {
        let entry = entry?;
        built.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path().join("bootstrap"),
        ));
    }
    built.sort_by_key(|(name, _)| (name != AS_DEPLOYED, name.clone()));
    if built.is_empty() {
        Err(missing())
    } else {
        Ok(built)
    }
}

pub(crate) async fn table(plan: &Plan, sites: &Sites, folder: &Path) -> Result<String, Failure> {
    let (first, list) = (cases::list_of_all_of_one(), cases::list_of_100());
    let built = built()?;
    let launch = |program: &Path, case| -> Result<Launch, Failure> {
        let mut launch = sites.launch(plan, "get_actors", case)?;
        launch.command = vec![program.display().to_string()];
        Ok(launch)
    };
    let (site, site_afar) = (sites.of(&first), sites.another(1, ROUND_TRIP).await?);
    let (event, event_afar) = (site.event(&first, 0)?, site_afar.event(&first, 0)?);
    let (mut near, mut far, mut running) = (Vec::new(), Vec::new(), Vec::new());
    for (name, program) in &built {
        near.push(Program::new(
            name,
            launch(program, &first)?,
            vec![event.clone(); plan.rounds],
        ));
        let afar = Launch {
            settings: site_afar.settings("get_actors"),
            ..launch(program, &first)?
        };
        far.push(Program::new(
            name,
            afar,
            vec![event_afar.clone(); plan.rounds],
        ));
        running.push(Warm::start(sites, &launch(program, &list)?, &list).await?);
    }
    warm::measure(plan, &mut running).await?;
    let mut programs: Vec<_> = near.into_iter().chain(far).collect();
    let starts = cold::measure(plan, &mut programs, Some(128)).await?;
    let (near, far) = starts.split_at(built.len());
    let mut table = "| setting | bytes | exec → `next`, ms | exec → answer, ms | `next`, from afar | answer, from afar | CPU of init, ms | CPU of the first request, ms | instructions up to the tenth answer | CPU, list of 100, ms | peak memory, MB |\n|---|---|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for ((((name, program), starts), afar), warm) in built.iter().zip(near).zip(far).zip(&running) {
        let instructions =
            callgrind::count(sites, folder, &launch(program, &first)?, &first).await?;
        table += &format!(
            "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {:.3} | {:.1} |\n",
            grouped(fs::metadata(program)?.len()),
            median(&starts.next),
            median(&starts.answer),
            median(&afar.next),
            median(&afar.answer),
            median(&starts.init_cpu),
            median(&starts.first_cpu),
            grouped(instructions.start),
            median(&warm.cpu),
            warm.peak_memory()?,
        );
    }
    Ok(table)
}
