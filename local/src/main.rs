//! `cargo run -p local`: the whole API on one machine.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};
use local::demo::{self, Count, Filled};
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
    /// Fill the running local stack with a small agency that this project has made up
    Demo {
        /// The API's port
        #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
    },
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
        Some(Command::Demo { port }) => demo(port, cli.identity)
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
            complain("\nimport and export are commands of casting: cargo run -p casting -- --help");
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
            Some(ContextValue::String(name)) if name == "import" || name == "export"
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

/// A token from the running stack. If none runs, it is signed with the kept key, which the next
/// start uses.
async fn token(role: Role, identity: Identity) -> Result<String, String> {
    let Options {
        audience, issuer, ..
    } = options()?;
    let url = issuer
        .as_ref()
        .map_or_else(|| identity.url(), |issuer| issuer.as_str().to_owned());
    match request_token(&url, role, &audience).await {
        Ok(token) => Ok(token),
        Err(TokenError::Other(problem)) => Err(problem),
        Err(TokenError::Unreachable) if issuer.is_some() => {
            Err(format!("no issuer responds at {url}"))
        }
        Err(TokenError::Unreachable) => {
            let key = local::kept_signing_key(&folder()).map_err(|error| error.to_string())?;
            let key = key.ok_or_else(|| {
                format!("no identity service responds at {url}, and there is no signing key yet; start the stack once with `cargo run -p local`")
            })?;
            Tokens::new(Arc::new(key), &url, &audience).issue(role)
        }
    }
}

/// Why an identity service gave no token.
enum TokenError {
    /// It cannot be reached.
    Unreachable,
    /// Anything else.
    Other(String),
}

/// Requests a token from an identity service.
async fn request_token(url: &str, role: Role, audience: &str) -> Result<String, TokenError> {
    let body = json!({
        "grant_type": "password", "username": role.user_name(), "password": "local", "audience": audience, "client_id": "local",
    });
    let response = post(&format!("{url}oauth/token"), &body).await;
    let response = response.map_err(|error| match error.is_connect() {
        true => TokenError::Unreachable,
        false => TokenError::Other(error.to_string()),
    })?;
    let token = response["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| {
        let reason = response["error_description"].as_str();
        let reason = reason.unwrap_or("it is no identity service");
        TokenError::Other(format!("{url} gave no token: {reason}"))
    })
}

/// Sends JSON, and returns the JSON of the response; null if the response is not JSON.
async fn post(url: &str, body: &Value) -> Result<Value, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()?;
    let response = client
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await?;
    Ok(serde_json::from_slice(&response.bytes().await?).unwrap_or_default())
}

/// Fills the local stack, and returns what exists now and what to look at.
async fn demo(port: u16, identity: Identity) -> Result<String, String> {
    let api = format!("http://{}:{port}", identity.listen);
    // Without a stack there may be no token either, and then the error would be about the token.
    if tokio::net::TcpStream::connect((identity.listen, port))
        .await
        .is_err()
    {
        return Err(format!(
            "no local stack runs at {api}; start it in another terminal with `cargo run -p local`"
        ));
    }
    let token = token(Role::Producer, identity).await?;
    let filled = demo::fill(&api, &token).await;
    let filled = filled.map_err(|error| format!("{error}; the rows added so far stay"))?;
    Ok(tour(&filled, &api, identity))
}

/// What exists now, and what to look at.
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
    fn one_line_says_what_is_open_to_other_machines_and_to_which() {
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
    async fn the_start_prints_what_is_open_only_if_something_is() {
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
