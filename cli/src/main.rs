//! `casting`: the command line.

mod commands;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use casting::{escaped, escaped_lines};
use clap::{Parser, Subcommand};

use commands::{
    BackupArgs, DoctorArgs, ExportArgs, ImportArgs, LocalStack, ReindexArgs, RestoreArgs,
};

/// Imports, exports, backs up and restores rows of the Casting Agency API, for any deployment
#[derive(Parser)]
#[command(name = "casting", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    local_stack: LocalStack,
}

#[derive(Subcommand)]
enum Command {
    /// Add the rows of a file
    Import(ImportArgs),
    /// Write every row of a list to a file
    Export(ExportArgs),
    /// Write a whole agency to one file
    Backup(BackupArgs),
    /// Add the rows of a backup to an agency, or compare them
    Restore(RestoreArgs),
    /// Make the index keys of all rows again, after an upgrade that changes them
    Reindex(ReindexArgs),
    /// Say why requests do not work, without writing anything
    Doctor(DoctorArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(error),
    };
    let done = match cli.command {
        Command::Import(args) => commands::import(args, cli.local_stack).await,
        Command::Export(args) => commands::export(args, cli.local_stack).await,
        Command::Backup(args) => commands::backup(args, cli.local_stack).await,
        Command::Restore(args) => commands::restore(args, cli.local_stack).await,
        Command::Reindex(args) => commands::reindex(args, cli.local_stack).await,
        Command::Doctor(args) => return commands::doctor(args, cli.local_stack).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&format!("error: {}", escaped_lines(&problem)));
            ExitCode::FAILURE
        }
    }
}

/// Prints clap's message: an error, the help or the version. An error repeats arguments, so they
/// are escaped and parsed again: no argument may act on the terminal or begin a line of its own.
fn usage(error: clap::Error) -> ExitCode {
    if error.use_stderr() {
        let arguments =
            env::args_os().map(|argument| escaped(&argument.to_string_lossy()).into_owned());
        let error = Cli::try_parse_from(arguments).err().unwrap_or(error);
        complain(escaped_lines(&error.render().to_string()).trim_end());
        return ExitCode::from(2);
    }
    drop(error.print());
    ExitCode::SUCCESS
}

/// Prints a line on standard error, unless nobody reads it any more.
fn complain(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prints a line on standard output, unless nobody reads it any more.
fn print(text: &str) -> Result<(), String> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}
