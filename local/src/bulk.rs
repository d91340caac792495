//! `import`, `export` and `demo` on the command line.

use std::fs;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use local::Role;
use local::demo::{self, Count, Filled};
use local::transfer::{
    self, Api, Backoff, EscapedWriter, ExportError, Exported, Format, Ignored, Import, Problem,
    Resource, Stop, Summary, ToFile, escaped,
};

use crate::Identity;

/// The most problems of a file that are printed.
const MAX_PROBLEMS: usize = 20;
/// The byte order mark by which Excel knows UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// How long the API knows an idempotency key, counted from the creation of its row.
const KEY_LIFE: TimeDelta = TimeDelta::hours(24);

/// Which API, and as whom.
#[derive(Args)]
struct Access {
    /// The API's URL [default: the local stack's, http://127.0.0.1:3000]
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// An access token; for an API on this machine the local identity service gives a producer's if
    /// there is none
    #[arg(long, env = "CASTING_AGENCY_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// A CSV or JSON lines file, for example actors.csv
    file: PathBuf,
    /// What the rows are [default: what the file's name begins with]
    #[arg(long)]
    resource: Option<Resource>,
    /// How they stand in the file [default: what the file's name ends with]
    #[arg(long)]
    format: Option<Format>,
    /// The most requests at a time; with 1, ids are in the order of the file
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Add the rows again, although an import of the last 24 hours has added them; with the id that
    /// this printed, continue it
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, value_parser = transfer::check_run)]
    again: Option<Option<String>>,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// What to export
    resource: Resource,
    /// How it is written [default: what the output's name ends with, or else csv]
    #[arg(long)]
    format: Option<Format>,
    /// The file to write, which is replaced only once the export is whole [default: standard
    /// output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Begin a CSV file with a byte order mark, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// The API's port
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

/// Imports a file and prints what came of it.
pub(crate) async fn import(args: ImportArgs, identity: Identity) -> Result<(), String> {
    let (import, ignored) = read(&args)?;
    let file = shown(&args.file);
    if !ignored.is_empty() {
        eprintln!(
            "{file}: the API has no field for these, which are left out: {}",
            listed(&ignored)
        );
    }
    let run = import.run.clone();
    if let Some(run) = &run {
        eprintln!("If this is interrupted, continue it with --again={run}");
    }
    let interrupted = interruption()?;
    let progress = Arc::new(Progress::new(import.rows.len()));
    let waiting = Arc::clone(&progress);
    let api = api(args.access, identity)
        .await?
        .telling(move |why| waiting.say(why));
    let began = Utc::now();
    let summary =
        transfer::import(&api, import, interrupted, |summary| progress.show(summary)).await;
    progress.end();
    // Where standard output is gone, standard error may still take how to continue.
    let printed = crate::print(&report(&file, &summary));
    verdict(&summary, run.as_deref(), began, Utc::now()).and(printed)
}

/// A file's name as messages show it.
fn shown(file: &Path) -> String {
    escaped(&file.to_string_lossy()).into_owned()
}

/// The columns or members that are left out, with how many rows lose something.
fn listed(ignored: &[Ignored]) -> String {
    let one = |Ignored { name, rows }: &Ignored| match rows {
        1 => format!("{} (1 row)", escaped(name)),
        _ => format!("{} ({rows} rows)", escaped(name)),
    };
    ignored.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The problems of a file, of which nothing has been sent.
fn unreadable(file: &str, problems: &[Problem]) -> String {
    let first = problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|problem| format!("{file}: {}", escaped(&problem.to_string())));
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    let more = (more > 0).then(|| format!("{file}: {more} more lines have such problems"));
    first
        .chain(more)
        .chain([format!("nothing of {file} was sent")])
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is to be imported, and the columns that are not.
fn read(args: &ImportArgs) -> Result<(Import, Vec<Ignored>), String> {
    let file = shown(&args.file);
    let at = |problem: String| format!("{file}: {problem}");
    let resource = args.resource.or_else(|| resource_of(&args.file));
    let resource = resource
        .ok_or_else(|| at("say with --resource whether these are actors or movies".into()))?;
    let format = args.format.or_else(|| format_of(&args.file));
    let format =
        format.ok_or_else(|| at("say with --format whether this is csv or jsonl".into()))?;
    let contents = fs::read(&args.file).map_err(|error| at(error.to_string()))?;
    let rows = transfer::read(&contents, resource, format)
        .map_err(|problems| unreadable(&file, &problems))?;
    let run = match &args.again {
        None => None,
        Some(Some(run)) => Some(run.clone()),
        Some(None) => Some(transfer::random_run()?),
    };
    let concurrency = args.concurrency.into();
    Ok((
        Import {
            resource,
            rows: rows.rows,
            concurrency,
            run,
        },
        rows.ignored,
    ))
}

/// `actors.csv`, and also `Actors 2026.csv` or `actors (1).csv`.
fn resource_of(file: &Path) -> Option<Resource> {
    let stem = file.file_stem()?.to_str()?.to_lowercase();
    Resource::value_variants()
        .iter()
        .copied()
        .find(|resource| stem.starts_with(resource.name()))
}

fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" | "tsv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    }
}

/// The API asked for, with the token given or one of the local identity service's. That one is sent
/// to no other machine.
async fn api(access: Access, identity: Identity) -> Result<Api, String> {
    let url = access
        .api
        .unwrap_or_else(|| format!("http://{}:3000", identity.listen));
    transfer::api_url(&url).map_err(|problem| escaped(&problem).into_owned())?;
    let is_here = transfer::is_loopback(&url) || is_at(&url, identity.listen);
    if !is_here && url.starts_with("http:") {
        eprintln!(
            "{} is not https: everybody on the way there can read the token",
            escaped(&url)
        );
    }
    let token = match access.token.filter(|token| !token.trim().is_empty()) {
        Some(token) => token,
        None if is_here => {
            let token = crate::token(Role::Producer, identity).await;
            token.map_err(|problem| format!("{}; or give a --token", escaped(&problem)))?
        }
        None => {
            return Err(format!(
                "{} takes a token: give it in CASTING_AGENCY_TOKEN or with --token",
                escaped(&url)
            ));
        }
    };
    Api::new(&url, &token, Backoff::default())
}

/// Whether a URL is the local stack's, at the address that it was told to go by.
fn is_at(url: &str, address: Ipv4Addr) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| url.host_str() == Some(&address.to_string()))
}

/// Completes on Ctrl-C, on the signal that asks a process to end, and on that of a closed terminal.
/// From this call on none of them ends the process by itself.
#[cfg(unix)]
fn interruption() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut interrupted, mut terminated) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let mut closed = if ignores_hangup() {
        None
    } else {
        Some(listen(SignalKind::hangup())?)
    };
    Ok(async move {
        let closed = async {
            match &mut closed {
                Some(closed) => closed.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = closed => {}
        }
    })
}

/// Whether whoever started this program had it ignore SIGHUP, as `nohup` does; known on Linux
/// alone.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is that of signal 1.
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// Completes on Ctrl-C. From this call on it does not end the process by itself.
#[cfg(windows)]
fn interruption() -> Result<impl Future<Output = ()>, String> {
    let mut interrupted = tokio::signal::windows::ctrl_c().map_err(|error| error.to_string())?;
    Ok(async move { drop(interrupted.recv().await) })
}

/// The rejected rows, each with its line, and the counts.
fn report(file: &str, summary: &Summary) -> String {
    let mut lines: Vec<_> = summary
        .rejected
        .iter()
        .map(|row| format!("{file}, line {}: {}", row.line, escaped(&row.reasons)))
        .collect();
    let Summary {
        created,
        replayed,
        rejected,
        ..
    } = summary;
    lines.push(format!(
        "{created} created, {replayed} already there, {} rejected",
        rejected.len()
    ));
    lines.join("\n")
}

/// Whether everything is in, and what to do where it is not: nothing that could add a row twice.
fn verdict(
    summary: &Summary,
    run: Option<&str>,
    began: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let again = run
        .map(|run| format!(" with --again={run}"))
        .unwrap_or_default();
    let advice: Vec<_> = [
        how_to_continue(summary, &again, began, now),
        how_to_correct(summary, &again),
    ]
    .into_iter()
    .flatten()
    .collect();
    if advice.is_empty() {
        Ok(())
    } else {
        Err(advice.join("\n"))
    }
}

/// What is safe after a stop. The keys of this run's rows are known to the API for 24 hours from
/// its beginning at least, those of rows that were already there perhaps for a shorter time.
fn how_to_continue(
    summary: &Summary,
    again: &str,
    began: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<String> {
    let stop = escaped(&summary.stop.as_ref()?.to_string()).into_owned();
    let left = summary.rows - summary.answered();
    let until = began + KEY_LIFE;
    let missing =
        "export the list and import only the rows that are not in it, in a file of their own";
    let advice = match now < until {
        true => {
            let there = match summary.replayed {
                0 => "",
                _ => {
                    " For rows that were already there, the 24 hours count from the run that added them."
                }
            };
            format!(
                "To continue, run the same as the same user{again}, so that it ends before {}, which is 24 hours after \
                 this run began: until then no row is added twice.{there} After that time, {missing}.",
                until.format("%a, %-d %b %Y %H:%M UTC")
            )
        }
        false => {
            format!(
                "This run began more than 24 hours ago, so the same run again would add rows twice: {missing}."
            )
        }
    };
    Some(format!(
        "{stop}\n{left} of {} rows have no response yet. {advice}",
        summary.rows
    ))
}

/// What is safe at any time after rows were rejected: none of the others is sent again.
fn how_to_correct(summary: &Summary, again: &str) -> Option<String> {
    let rejected = match summary.rejected.len() {
        0 => return None,
        1 => "1 row was rejected. Correct it in a file of its own".to_owned(),
        many => format!("{many} rows were rejected. Correct them in a file of their own"),
    };
    Some(format!(
        "{rejected}, without the other rows, and import that file{again}."
    ))
}

/// How far an import is: a bar on a terminal, a line every tenth of it elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    rows: usize,
    said: Said,
}

/// What was said last on standard error, which is not said again.
#[derive(Default)]
struct Said(Mutex<String>);

impl Said {
    fn say(&self, what: &str) {
        let mut said = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said != what {
            // A reader that has gone away is no reason to stop.
            drop(writeln!(io::stderr(), "{what}"));
            what.clone_into(&mut said);
        }
    }
}

impl Progress {
    fn new(rows: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} rows, {eta} left {msg}");
            ProgressBar::new(rows as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            rows,
            said: Said::default(),
        }
    }

    fn show(&self, summary: &Summary) {
        let (answered, rejected) = (summary.answered(), summary.rejected.len());
        let rejected = if rejected > 0 {
            format!(", {rejected} rejected")
        } else {
            String::new()
        };
        match &self.bar {
            Some(bar) => {
                bar.set_position(answered as u64);
                bar.set_message(rejected);
            }
            None if answered > 0 && answered % self.rows.div_ceil(10) == 0 => {
                self.say(&format!("{answered} of {} rows{rejected}", self.rows))
            }
            None => {}
        }
    }

    fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            return bar.set_message(format!("({what})"));
        }
        self.said.say(what);
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Exports a list.
pub(crate) async fn export(args: ExportArgs, identity: Identity) -> Result<(), String> {
    let ExportArgs {
        resource,
        format,
        output,
        bom,
        access,
    } = args;
    let format = format
        .or_else(|| output.as_deref().and_then(format_of))
        .unwrap_or(Format::Csv);
    if bom && format == Format::Jsonl {
        return Err("--bom is for CSV: JSON lines have no byte order mark".into());
    }
    let said = Said::default();
    let api = api(access, identity)
        .await?
        .telling(move |why| said.say(why));
    // Before there is a file that would be left over.
    let interrupted = interruption()?;
    let list = List {
        api: &api,
        resource,
        format,
        bom,
    };
    let Some(path) = output else {
        let stdout = io::BufWriter::new(io::stdout());
        let written = match io::stdout().is_terminal() {
            true => {
                list.write(&mut EscapedWriter::new(stdout, format), interrupted)
                    .await
            }
            false => list.write(&mut { stdout }, interrupted).await,
        };
        return match written {
            // Whoever reads this has read enough.
            Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(problem) => Err(format!(
                "{}; what was written is not the whole list",
                escaped(&problem.to_string())
            )),
            Ok(exported) => {
                tell_losses(&exported);
                Ok(())
            }
        };
    };
    let at = |problem: io::Error| format!("{}: {}", shown(&path), escaped(&problem.to_string()));
    let mut file = ToFile::create(&path).map_err(at)?;
    let exported = match list.write(&mut file, interrupted).await {
        Err(ExportError::Write(error)) => Err(at(error)),
        other => other.map_err(|problem| escaped(&problem.to_string()).into_owned()),
    }?;
    file.finish().map_err(at)?;
    tell_losses(&exported);
    crate::print(&format!(
        "{} {} in {}",
        exported.rows,
        resource.name(),
        shown(&path)
    ))
}

/// Says what the rows have and a CSV file does not, and what import will not take.
fn tell_losses(exported: &Exported) {
    match exported.odd_dates {
        0 => {}
        1 => eprintln!(
            "1 row has a release_date that is no date for this API; it is written as it was sent"
        ),
        many => eprintln!(
            "{many} rows have a release_date that is no date for this API; it is written as it was sent"
        ),
    }
    let names: Vec<_> = exported.left_out.iter().map(|name| escaped(name)).collect();
    if !names.is_empty() {
        eprintln!(
            "left out, since CSV has no column for it: {}; --format jsonl exports it",
            names.join(", ")
        );
    }
}

/// A list that is to be written.
struct List<'a> {
    api: &'a Api,
    resource: Resource,
    format: Format,
    bom: bool,
}

impl List<'_> {
    /// Writes the list unless somebody interrupts it; a file that is not whole goes away then.
    async fn write(
        &self,
        to: &mut impl Write,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Exported, ExportError> {
        // On a terminal that the rows go to, a bar would be in their way.
        let bar = if io::stdout().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        if self.bom {
            to.write_all(BYTE_ORDER_MARK.as_bytes())?;
        }
        let seen = |rows| bar.set_position(rows as u64);
        let written = tokio::select! {
            written = transfer::export(self.api, self.resource, self.format, to, seen) => written,
            () = interrupted => Err(Stop::Interrupted.into()),
        };
        bar.finish_and_clear();
        written
    }
}

/// Fills the local stack and prints what came of it.
pub(crate) async fn demo(args: DemoArgs, identity: Identity) -> Result<(), String> {
    let url = format!("http://{}:{}", identity.listen, args.port);
    // Without a stack there may be no token either, and that would be what the error is about.
    if tokio::net::TcpStream::connect((identity.listen, args.port))
        .await
        .is_err()
    {
        return Err(format!(
            "no local stack runs at {url}; start it in another terminal with `cargo run -p local`"
        ));
    }
    let token = crate::token(Role::Producer, identity).await?;
    let api = Api::new(&url, &token, Backoff::default())?.telling(|why| eprintln!("{why}"));
    let filled = demo::fill(&api).await;
    let filled = filled
        .map_err(|problem| format!("{}; what is there stays", escaped(&problem.to_string())))?;
    crate::print(&tour(&filled, &url, identity))
}

/// What is there now, and what to look at.
fn tour(Filled { actors, movies }: &Filled, api: &str, identity: Identity) -> String {
    let count = |Count { made, there }: &Count| format!("{made} made, {there} already there");
    let curl = |path: &str| format!("curl -s '{api}{path}' -H \"authorization: Bearer $TOKEN\"");
    let [women, casts, credits] = DEMO_QUERIES.map(curl);
    format!(
        "actors: {}\nmovies: {}\n\nTry next:\n\nTOKEN=$(cargo run -q -p local -- token assistant{})\n{women}\n{casts}\n{credits}\n\n\
         or each request in the browser: {}docs",
        count(actors),
        count(movies),
        identity.flags(),
        identity.url(),
    )
}

/// Women from 20 to 30, movies with who is in them, and the oldest actors with what they were in.
const DEMO_QUERIES: [&str; 3] = [
    "/actors?gender=female&min_age=20&max_age=30&sort=name",
    "/movies?include=cast&limit=3",
    "/actors?sort=-age&include=credits&limit=3",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    /// The advice at this time of an import with this outcome that began on 14 May 2020 at 14:02:13
    /// UTC.
    fn advice(summary: &Summary, run: Option<&str>, now: &str) -> String {
        verdict(summary, run, moment("2020-05-14T14:02:13Z"), moment(now)).expect_err("advice")
    }

    fn rejected(lines: &[usize]) -> Vec<transfer::RejectedRow> {
        lines
            .iter()
            .map(|line| transfer::RejectedRow {
                line: *line,
                reasons: String::new(),
            })
            .collect()
    }

    #[test]
    fn rejected_rows_alone_are_corrected_and_imported() {
        let summary = Summary {
            rows: 3,
            created: 1,
            replayed: 1,
            rejected: rejected(&[2]),
            stop: None,
        };
        let expected = "1 row was rejected. Correct it in a file of its own, without the other rows, and import that file";
        assert_eq!(
            advice(&summary, None, "2020-05-14T14:03:00Z"),
            format!("{expected}.")
        );
        assert_eq!(
            advice(&summary, Some("x"), "2020-05-20T14:03:00Z"),
            format!("{expected} with --again=x.")
        );
        assert_eq!(
            verdict(
                &Summary::default(),
                None,
                moment("2020-05-14T14:02:13Z"),
                Utc::now()
            ),
            Ok(())
        );
    }

    #[test]
    fn a_stopped_import_continues_until_a_fixed_time_that_is_24_hours_after_it_began() {
        let stopped = |replayed| {
            let stop = Some(Stop::Interrupted);
            Summary {
                rows: 9,
                created: 1,
                replayed,
                rejected: rejected(&[2]),
                stop,
            }
        };
        let said = advice(&stopped(0), Some("x"), "2020-05-14T20:00:00Z");
        let expected = "interrupted\n7 of 9 rows have no response yet. To continue, run the same as the same user with \
                        --again=x, so that it ends before Fri, 15 May 2020 14:02 UTC,";
        assert!(
            said.starts_with(expected) && !said.contains("already there"),
            "{said}"
        );
        assert!(
            said.ends_with(
                "1 row was rejected. Correct it in a file of its own, without the other rows, and \
                                import that file with --again=x."
            ),
            "{said}"
        );
        let said = advice(&stopped(1), None, "2020-05-14T20:00:00Z");
        assert!(
            said.contains("already there, the 24 hours count from the run that added them"),
            "{said}"
        );
    }

    #[test]
    fn an_import_that_took_longer_than_24_hours_is_not_to_be_run_again() {
        let summary = Summary {
            rows: 9,
            created: 1,
            stop: Some(Stop::Interrupted),
            ..Summary::default()
        };
        for now in ["2020-05-15T14:02:13Z", "2020-05-20T00:00:00Z"] {
            let said = advice(&summary, None, now);
            assert!(
                said.contains("would add rows twice") && !said.contains("To continue"),
                "{said}"
            );
        }
    }
}
