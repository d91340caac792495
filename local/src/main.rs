//! `cargo run -p local`: the whole API on one machine.

mod bulk;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use local::transfer::{escaped, escaped_lines};
use local::{Options, Ports, Role, Stack, Tokens};
use serde_json::{Value, json};
use shared::config::{Issuer, IssuerConfig};

/// The Casting Agency API on this machine: gateway, identity service and DynamoDB, with nothing
/// else installed.
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

/// Where the identity service is, which printing a token has to know as well.
#[derive(Args, Clone, Copy)]
struct Identity {
    /// The identity service's port
    #[arg(long, global = true, default_value_t = 3001, value_parser = clap::value_parser!(u16).range(1..))]
    identity_port: u16,
    /// The address that everything listens on and goes by, for example 172.17.0.1 to be reached
    /// from containers
    #[arg(long, global = true, default_value_t = Ipv4Addr::LOCALHOST)]
    listen: Ipv4Addr,
}

impl Identity {
    /// The flags that say the same, where they are not the usual ones.
    fn flags(self) -> String {
        let port = (self.identity_port != 3001)
            .then(|| format!(" --identity-port {}", self.identity_port));
        let listen =
            (self.listen != Ipv4Addr::LOCALHOST).then(|| format!(" --listen {}", self.listen));
        [port, listen].into_iter().flatten().collect()
    }

    /// The issuer's URL, with the slash at its end.
    fn url(self) -> String {
        format!("http://{}:{}/", self.listen, self.identity_port)
    }
}

#[derive(Args)]
struct Run {
    /// The API's port
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// DynamoDB's port
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    dynamodb_port: u16,
    /// Keep nothing: data and signing key are gone when the stack stops
    #[arg(long)]
    in_memory: bool,
    /// A name that requests may have in Host, besides localhost and the address, for example
    /// host.docker.internal
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    allow_host: Vec<String>,
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
    /// Add the rows of a file to an API, the local one or any other
    Import(bulk::ImportArgs),
    /// Write every row of an API to a file
    Export(bulk::ExportArgs),
    /// Fill the running local stack with a small agency that this project has made up
    Demo(bulk::DemoArgs),
}

/// A name that may stand in `Host`, without a port.
fn host_name(name: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_name = name.split('.').all(is_label);
    if is_name {
        Ok(name.to_owned())
    } else {
        Err("this is no host name, such as host.docker.internal; leave out scheme and port".into())
    }
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
        None => run(&cli.run, cli.identity).await,
        Some(Command::Token { role }) => token(role, cli.identity)
            .await
            .and_then(|token| print(&token)),
        Some(Command::Event { file, role }) => event(&file, role, cli.identity)
            .await
            .and_then(|event| print(&event)),
        Some(Command::Import(args)) => bulk::import(args, cli.identity).await,
        Some(Command::Export(args)) => bulk::export(args, cli.identity).await,
        Some(Command::Demo(args)) => bulk::demo(args, cli.identity).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&format!("error: {}", escaped_lines(&problem)));
            ExitCode::FAILURE
        }
    }
}

/// Prints what clap says of the arguments, help and version included. An error repeats arguments,
/// so it is made once more, of escaped ones: nothing in a name acts on the terminal or begins a
/// line of its own.
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

/// Prints a line on standard error. A terminal that was closed is no problem of ours.
fn complain(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prints a line. A reader that has gone away is no problem of ours.
fn print(text: &str) -> Result<(), String> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

async fn run(run: &Run, identity: Identity) -> Result<(), String> {
    let home = if run.in_memory { None } else { Some(folder()) };
    let ports = Ports {
        api: run.port,
        identity: identity.identity_port,
        dynamodb: run.dynamodb_port,
    };
    let (address, hosts) = (identity.listen.into(), run.allow_host.clone());
    let options = Options {
        address,
        hosts,
        ports,
        home,
        ..options()?
    };
    let audience = options.audience.clone();
    let stack = Stack::start(options)
        .await
        .map_err(|error| error.to_string())?;
    let log = stack.log().map_err(|error| error.to_string())?;
    let headers = stack.write_headers().map_err(|error| error.to_string())?;
    print(&welcome(
        &stack,
        identity,
        &audience,
        log.as_ref().map(|(path, _)| path.as_path()),
        &headers,
    ))?;
    if let Some((_, file)) = log {
        shared::log::start(file, tracing::Level::INFO);
    }
    interrupted().await.map_err(|error| error.to_string())?;
    stack.stop().await;
    print("Stopped.")
}

/// What to start, with whatever the environment says of the issuer.
fn options() -> Result<Options, String> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let audience = set("API_AUDIENCE").unwrap_or_else(|| local::AUDIENCE.to_owned());
    let issuer = set("AUTH0_DOMAIN")
        .map(|domain| domain.parse::<Issuer>())
        .transpose();
    let issuer = issuer.map_err(|rule| format!("AUTH0_DOMAIN {rule}"))?;
    let (cache, cooldown) = IssuerConfig::times_from_env().map_err(|error| error.to_string())?;
    Ok(Options {
        audience,
        cache,
        cooldown,
        issuer,
        ..Options::in_memory()
    })
}

/// `.local/` beside the workspace's `Cargo.toml` under cargo, or here where the program is run by
/// itself.
fn folder() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest
        .and_then(|crate_folder| Some(crate_folder.parent()?.to_owned()))
        .unwrap_or_default()
        .join(".local")
}

/// The addresses, and one request as each role: little enough for a screen of 80 × 24.
fn welcome(
    stack: &Stack,
    identity: Identity,
    audience: &str,
    log: Option<&Path>,
    headers: &[(Role, PathBuf)],
) -> String {
    let mut lines = vec![format!("API        {}", stack.api)];
    match &stack.identity {
        Some(url) => {
            lines.push(format!(
                "Docs       {url}/docs   (try each request as each role)"
            ));
            lines.push(format!("Sign in    {url}"));
        }
        None => lines.push(format!("Issuer     {}   for {audience}", stack.issuer)),
    }
    lines.push(format!("DynamoDB   {}", stack.dynamodb));
    lines.push(log.map_or_else(
        || "Log        none (--in-memory)".into(),
        |path| format!("Log        {}", relative(path)),
    ));
    lines.extend(exposure(identity.listen, stack.identity.is_some()));
    lines.push(String::new());
    for (role, file) in headers {
        let (path, body) = if *role == Role::Producer {
            ("/movies", r#" -d '{"title":"M"}'"#)
        } else {
            ("/actors", "")
        };
        lines.push(format!(
            "curl -H @{} {}{path}{body}",
            relative(file),
            stack.api
        ));
    }
    if stack.tokens.is_some() && headers.is_empty() {
        lines.push(format!(
            "A token: cargo run -q -p local -- token assistant{}",
            identity.flags()
        ));
    }
    if !headers.is_empty() || stack.tokens.is_some() {
        lines.push(String::new());
    }
    lines.push("Ctrl-C stops it.".into());
    lines.join("\n")
}

/// A path as it is written in the folder that the command was run in.
fn relative(path: &Path) -> String {
    let here = env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// What the stack opens to other machines, if it listens where they reach it.
fn exposure(address: Ipv4Addr, issues_tokens: bool) -> Option<String> {
    let reached_by = if address.is_unspecified() {
        "an address of this machine".into()
    } else {
        address.to_string()
    };
    let tokens = if issues_tokens {
        ", and the identity service gives them a token of any role"
    } else {
        ""
    };
    (!address.is_loopback()).then(|| {
        format!(
            "Open to    every machine and container that reaches {reached_by}: \
             they read and change every row of DynamoDB without a password{tokens}"
        )
    })
}

/// Returns on Ctrl-C, and on the signal that asks a process to end.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A token from the running stack; where none runs, one signed with the kept key, which the next
/// start will take.
async fn token(role: Role, identity: Identity) -> Result<String, String> {
    let Options {
        audience, issuer, ..
    } = options()?;
    let url = issuer
        .as_ref()
        .map_or_else(|| identity.url(), |issuer| issuer.as_str().to_owned());
    match ask(&url, role, &audience).await {
        Answered(Ok(token)) => Ok(token),
        Answered(Err(problem)) => Err(problem),
        NobodyThere if issuer.is_some() => Err(format!("nobody answers at {url}")),
        NobodyThere => {
            let key = local::kept_signing_key(&folder()).map_err(|error| error.to_string())?;
            let key = key.ok_or_else(|| {
                format!("nobody answers at {url}, and there is no signing key yet; start the stack once with `cargo run -p local`")
            })?;
            Tokens::new(Arc::new(key), &url, &audience).issue(role)
        }
    }
}

/// What came of asking for a token.
enum Asked {
    NobodyThere,
    Answered(Result<String, String>),
}

use Asked::{Answered, NobodyThere};

/// Asks an identity service for a token.
async fn ask(url: &str, role: Role, audience: &str) -> Asked {
    let body = json!({
        "grant_type": "password", "username": role.user_name(), "password": "local", "audience": audience, "client_id": "local",
    });
    match post(&format!("{url}oauth/token"), &body).await {
        Err(error) if error.is_connect() => NobodyThere,
        Err(error) => Answered(Err(error.to_string())),
        Ok(answer) => {
            let refusal = || {
                answer["error_description"]
                    .as_str()
                    .unwrap_or("it is no identity service")
            };
            Answered(
                answer["access_token"]
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("{url} gave no token: {}", refusal())),
            )
        }
    }
}

/// The JSON that a JSON POST is answered with; null for a response that is none.
async fn post(url: &str, body: &Value) -> Result<Value, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()?;
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await?;
    Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
}

/// A sample event with a token in it.
async fn event(file: &PathBuf, role: Option<Role>, identity: Identity) -> Result<String, String> {
    let at = |problem: &dyn std::fmt::Display| {
        format!("{}: {problem}", escaped(&file.to_string_lossy()))
    };
    let text = fs::read(file).map_err(|error| at(&error))?;
    let mut event: Value = serde_json::from_slice(&text).map_err(|error| at(&error))?;
    if let Some(role) = role {
        let headers = event.get_mut("headers").and_then(Value::as_object_mut);
        let headers = headers.ok_or_else(|| at(&"no API Gateway event, it has no headers"))?;
        headers.insert(
            "authorization".into(),
            json!(format!("Bearer {}", token(role, identity).await?)),
        );
    }
    serde_json::to_string_pretty(&event).map_err(|error| at(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_other_machines_reach_is_said_in_one_line_to_be_open_and_to_whom() {
        for loopback in [[127, 0, 0, 1], [127, 0, 0, 2]] {
            assert_eq!(exposure(loopback.into(), true), None);
        }
        for (address, name) in [
            ([172, 17, 0, 1], "172.17.0.1"),
            ([0, 0, 0, 0], "an address of this machine"),
        ] {
            let line = exposure(address.into(), true).expect("a line");
            assert!(
                line.contains(&format!("every machine and container that reaches {name}:")),
                "{line}"
            );
            assert!(
                line.contains("every row")
                    && line.contains("token of any role")
                    && !line.contains('\n'),
                "{line}"
            );
        }
        let line = exposure([172, 17, 0, 1].into(), false).expect("a line");
        assert!(!line.contains("token"), "{line}");
    }

    #[test]
    fn a_host_is_allowed_by_its_name_alone() {
        for name in ["host.docker.internal", "x", "my-host_1.local"] {
            assert_eq!(host_name(name).as_deref(), Ok(name));
        }
        for name in [
            "",
            "x:80",
            "http://x",
            "a b",
            "*",
            "*.example",
            "x/",
            "[::1]",
            "x.",
            ".x",
        ] {
            assert!(host_name(name).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn what_it_prints_at_its_start_says_what_is_open_where_it_is() {
        let stack = Stack::start(Options::in_memory()).await.expect("a stack");
        let welcome = |listen: Ipv4Addr| {
            welcome(
                &stack,
                Identity {
                    identity_port: 3001,
                    listen,
                },
                "",
                None,
                &[],
            )
        };
        let opened = |welcome: String| {
            welcome
                .lines()
                .filter(|line| line.starts_with("Open to "))
                .count()
        };
        assert_eq!(opened(welcome(Ipv4Addr::LOCALHOST)), 0);
        assert_eq!(opened(welcome([172, 17, 0, 1].into())), 1);
    }
}
