//! `casting export`.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use casting::{
    Api, EscapedWriter, ExportError, ExportFile, Exported, Format, Resource, Stop, escaped,
};
use clap::Args;
use indicatif::ProgressBar;

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::LastMessage;
use super::{format_of, shown};

/// The byte order mark by which Excel knows UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// What to export
    resource: Resource,
    /// The format [default: what the output's name ends with, or csv]
    #[arg(long)]
    format: Option<Format>,
    /// The file to write; an existing one is replaced once the export is complete [default:
    /// standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Begin a CSV file with a byte order mark, by which Excel knows UTF-8
    #[arg(long)]
    bom: bool,
    #[command(flatten)]
    access: Access,
}

/// Exports a list, and prints the number of rows.
pub(crate) async fn export(args: ExportArgs, local_stack: LocalStack) -> Result<(), String> {
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
    let last = LastMessage::default();
    let api = access
        .api(local_stack)
        .await?
        .on_wait(move |why| last.print(why));
    // Listen before the file exists, so that no signal leaves it behind.
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
            // The reader has read enough.
            Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(problem) => Err(format!(
                "{}; the list is incomplete",
                escaped(&problem.to_string())
            )),
            Ok(exported) => {
                report_losses(&exported);
                Ok(())
            }
        };
    };
    let at = |problem: io::Error| format!("{}: {}", shown(&path), escaped(&problem.to_string()));
    let mut file = ExportFile::create(&path).map_err(at)?;
    let exported = match list.write(&mut file, interrupted).await {
        Err(ExportError::Write(error)) => Err(at(error)),
        other => other.map_err(|problem| escaped(&problem.to_string()).into_owned()),
    }?;
    file.finish().map_err(at)?;
    report_losses(&exported);
    crate::print(&format!(
        "{} {} in {}",
        exported.rows,
        resource.name(),
        shown(&path)
    ))
}

/// Prints what a CSV file ignores, and how many dates are invalid.
fn report_losses(exported: &Exported) {
    match exported.invalid_dates {
        0 => {}
        1 => eprintln!(
            "1 row has a release_date that is not a date to this API; it is written as it was sent"
        ),
        many => eprintln!(
            "{many} rows have a release_date that is not a date to this API; it is written as it was sent"
        ),
    }
    let names: Vec<_> = exported.ignored.iter().map(|name| escaped(name)).collect();
    if !names.is_empty() {
        eprintln!(
            "ignored, since CSV has no column for it: {}; --format jsonl exports it",
            names.join(", ")
        );
    }
}

/// A list to export.
struct List<'a> {
    api: &'a Api,
    resource: Resource,
    format: Format,
    bom: bool,
}

impl List<'_> {
    /// Writes the list, unless it is interrupted.
    async fn write(
        &self,
        to: &mut impl Write,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Exported, ExportError> {
        // A spinner would mix with rows on the same terminal.
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
            written = casting::export(self.api, self.resource, self.format, to, seen) => written,
            () = interrupted => Err(Stop::Interrupted.into()),
        };
        bar.finish_and_clear();
        written
    }
}
