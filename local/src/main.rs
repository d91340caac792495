//! `cargo run -p local`: the whole API on one machine.

mod commands;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use local::Role;

use commands::{Identity, Run};

/// The Casting Agency API on this machine: gateway, identity service, DynamoDB and console, with
/// nothing else installed.
#[derive(Parser)]
#[command(name = "local", about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Subcommand)]
enum Command {
    /// Print an access token for a role
    Token {
        /// assistant, director, producer or nobody
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Print a sample event with a fresh token in it, for `sam local invoke -e -` or
    /// `cargo lambda invoke`
    Event {
        /// The sample event, for example events/get_actors/listed.json
        file: PathBuf,
        /// Who sends it; without this the event has no token
        #[arg(long = "as", value_parser = role)]
        role: Option<Role>,
    },
    /// Fill the running local stack with a small agency that this project has made up
    Demo {
        /// The API's port
        #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
    },
}

fn role(user_name: &str) -> Result<Role, String> {
    user_name
        .parse()
        .map_err(|()| "a role is assistant, director, producer or nobody".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(error),
    };
    let done = match cli.command {
        None => commands::run(&cli.run, cli.identity).await,
        Some(Command::Token { role }) => commands::token(role, cli.identity)
            .await
            .and_then(|token| print(&token)),
        Some(Command::Event { file, role }) => commands::event(&file, role, cli.identity)
            .await
            .and_then(|event| print(&event)),
        Some(Command::Demo { port }) => commands::demo(port, cli.identity)
            .await
            .and_then(|filled| print(&filled)),
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
        let arguments = env::args_os().map(|argument| escaped(&argument.to_string_lossy()));
        let error = Cli::try_parse_from(arguments).err().unwrap_or(error);
        complain(escaped_lines(&error.render().to_string()).trim_end());
        if is_moved_command(&error) {
            complain(
                "\nimport, export and reindex are commands of casting: cargo run -p casting -- --help",
            );
        }
        return ExitCode::from(2);
    }
    drop(error.print());
    ExitCode::SUCCESS
}

/// Whether the error is about a subcommand that is one of `casting`.
fn is_moved_command(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::InvalidSubcommand
        && matches!(
            error.get(ContextKind::InvalidSubcommand),
            Some(ContextValue::String(name)) if ["import", "export", "reindex"].contains(&name.as_str())
        )
}

/// Escapes every character that a terminal could act on or that shows nothing: control characters,
/// and those that change the direction of text.
fn escaped(text: &str) -> String {
    let escape = |character: char| match character {
        '"' | '\'' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

/// Escapes a text of several lines as [`escaped`] does, but for the line feeds.
fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
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
