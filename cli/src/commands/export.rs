//! `casting export`.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use casting::{Api, EscapedWriter, ExportError, Exported, Format, Resource, Stop, ToFile, escaped};
use clap::Args;
use indicatif::ProgressBar;

use super::access::{Access, LocalStack};
use super::interruption::interruption;
use super::progress::Said;
use super::{format_of, shown};

/// The byte order mark by which Excel knows UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

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

/// Exports a list.
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
    let said = Said::default();
    let api = access
        .api(local_stack)
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
            written = casting::export(self.api, self.resource, self.format, to, seen) => written,
            () = interrupted => Err(Stop::Interrupted.into()),
        };
        bar.finish_and_clear();
        written
    }
}
