//! `casting import`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use casting::{Format, Ignored, Import, Problem, Resource, Summary, escaped};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::Progress;
use super::{format_of, shown};

/// The most problems of a file that are printed.
const MAX_PROBLEMS: usize = 20;
/// How long the API knows an idempotency key, counted from the creation of its row.
const KEY_LIFE: TimeDelta = TimeDelta::hours(24);

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// A CSV or JSON lines file, for example actors.csv
    file: PathBuf,
    /// The kind of the rows [default: what the file's name begins with]
    #[arg(long)]
    resource: Option<Resource>,
    /// The format of the file [default: what the file's name ends with]
    #[arg(long)]
    format: Option<Format>,
    /// The most concurrent requests; with 1, ids are in the order of the file
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Add the rows again, even if an import of the last 24 hours has added them; prints an id, and
    /// with that id continues the same run
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, value_parser = casting::check_run)]
    again: Option<Option<String>>,
    #[command(flatten)]
    access: Access,
}

/// Imports a file, and prints the rejected rows and the counts.
pub(crate) async fn import(args: ImportArgs, local_stack: LocalStack) -> Result<(), String> {
    let (import, ignored) = read(&args)?;
    let file = shown(&args.file);
    if !ignored.is_empty() {
        eprintln!(
            "{file}: the API has no field for these, which are ignored: {}",
            listed(&ignored)
        );
    }
    let run = import.run.clone();
    if let Some(run) = &run {
        eprintln!("If this is interrupted, continue it with --again={run}");
    }
    let interrupted = interruption()?;
    let progress = Arc::new(Progress::new());
    let waiting = Arc::clone(&progress);
    let api = args
        .access
        .api(local_stack)
        .await?
        .on_wait(move |why| waiting.say(why));
    let began = Utc::now();
    let summary =
        casting::import(&api, import, interrupted, |summary| progress.show(summary)).await;
    progress.end();
    // If standard output is closed, standard error may still be open for the advice.
    let printed = crate::print(&report(&file, &summary));
    ensure_complete(&summary, run.as_deref(), began, Utc::now()).and(printed)
}

/// The columns or members that are ignored, each with the number of rows that have a value there.
fn listed(ignored: &[Ignored]) -> String {
    let one = |Ignored { name, rows }: &Ignored| match rows {
        1 => format!("{} (1 row)", escaped(name)),
        _ => format!("{} ({rows} rows)", escaped(name)),
    };
    ignored.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The message for a file of which nothing is sent.
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

/// Reads the file: the import, and the columns or members that are ignored.
fn read(args: &ImportArgs) -> Result<(Import, Vec<Ignored>), String> {
    let file = shown(&args.file);
    let at = |problem: String| format!("{file}: {problem}");
    let contents = fs::read(&args.file).map_err(|error| at(error.to_string()))?;
    let resource = args.resource.or_else(|| resource_of(&args.file));
    let resource =
        resource.ok_or_else(|| at("add --resource actors or --resource movies".into()))?;
    let format = args.format.or_else(|| format_of(&args.file));
    let format = format.ok_or_else(|| at("add --format csv or --format jsonl".into()))?;
    let rows = casting::read(&contents, resource, format)
        .map_err(|problems| unreadable(&file, &problems))?;
    let run = match &args.again {
        None => None,
        Some(Some(run)) => Some(run.clone()),
        Some(None) => Some(casting::random_run()?),
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

/// The resource that the file's name begins with: `actors.csv`, `Actors 2026.csv`.
fn resource_of(file: &Path) -> Option<Resource> {
    let stem = file.file_stem()?.to_str()?.to_lowercase();
    Resource::value_variants()
        .iter()
        .copied()
        .find(|resource| stem.starts_with(resource.name()))
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

/// Checks that every row was added. The error advises what to do, which never adds a row twice.
fn ensure_complete(
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

/// What is safe after a stop. The API knows the keys of the rows of this run for at least 24 hours
/// from its beginning. It may forget the keys of rows that were already there earlier.
fn how_to_continue(
    summary: &Summary,
    again: &str,
    began: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<String> {
    let stop = escaped(&summary.stop.as_ref()?.to_string()).into_owned();
    let left = summary.rows - summary.finished();
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
                "To continue, run the same command as the same user{again}, so that it ends before {}, which is 24 hours after \
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

/// What is safe at any time after rows were rejected: the other rows are not sent again.
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

#[cfg(test)]
mod tests {
    use casting::Stop;

    use super::*;

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    /// The advice at this time, for an import that began on 14 May 2020 at 14:02:13 UTC.
    fn advice(summary: &Summary, run: Option<&str>, now: &str) -> String {
        ensure_complete(summary, run, moment("2020-05-14T14:02:13Z"), moment(now))
            .expect_err("advice")
    }

    fn rejected(lines: &[usize]) -> Vec<casting::RejectedRow> {
        lines
            .iter()
            .map(|line| casting::RejectedRow {
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
            ensure_complete(
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
        let message = advice(&stopped(0), Some("x"), "2020-05-14T20:00:00Z");
        let expected = "interrupted\n7 of 9 rows have no response yet. To continue, run the same command as the same user with \
                        --again=x, so that it ends before Fri, 15 May 2020 14:02 UTC,";
        assert!(
            message.starts_with(expected) && !message.contains("already there"),
            "{message}"
        );
        assert!(
            message.ends_with(
                "1 row was rejected. Correct it in a file of its own, without the other rows, and \
                                import that file with --again=x."
            ),
            "{message}"
        );
        let message = advice(&stopped(1), None, "2020-05-14T20:00:00Z");
        assert!(
            message.contains("already there, the 24 hours count from the run that added them"),
            "{message}"
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
            let message = advice(&summary, None, now);
            assert!(
                message.contains("would add rows twice") && !message.contains("To continue"),
                "{message}"
            );
        }
    }
}
