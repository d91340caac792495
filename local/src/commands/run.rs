//! `local` without a subcommand: runs the stack until it is stopped.

use std::env;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;
use local::{Options, Ports, RedirectUri, Role, Stack};

use super::{Identity, folder, options};
use crate::print;

/// The flags of the stack.
#[derive(Args)]
pub(crate) struct Run {
    /// The API's port
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// DynamoDB's port
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u16).range(1..))]
    dynamodb_port: u16,
    /// The console's port
    #[arg(long, default_value_t = 3002, value_parser = clap::value_parser!(u16).range(1..))]
    console_port: u16,
    /// Keep nothing: data and signing key are gone when the stack stops
    #[arg(long)]
    in_memory: bool,
    /// A name that requests may have in Host, besides localhost and the address, for example
    /// host.docker.internal
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    allow_host: Vec<String>,
    /// An address that signing in may return to, besides the console's: that of an application
    /// under development, exactly as the application sends it
    #[arg(long, value_name = "URL")]
    redirect_uri: Vec<RedirectUri>,
    /// How long tokens are valid, in seconds: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = local::TOKEN_SECONDS, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    token_seconds: i64,
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
        Err(
            "this is not a host name, such as host.docker.internal; leave out scheme and port"
                .into(),
        )
    }
}

/// Runs the stack until a signal stops it.
pub(crate) async fn run(run: &Run, identity: Identity) -> Result<(), String> {
    let home = if run.in_memory { None } else { Some(folder()) };
    let ports = Ports {
        api: run.port,
        identity: identity.identity_port,
        dynamodb: run.dynamodb_port,
        console: run.console_port,
    };
    let (address, hosts) = (identity.listen.into(), run.allow_host.clone());
    let options = Options {
        address,
        hosts,
        ports,
        home,
        token_seconds: run.token_seconds,
        redirect_uris: run.redirect_uri.clone(),
        ..options()?
    };
    let audience = options.audience.clone();
    let stack = Stack::start(options)
        .await
        .map_err(|error| error.to_string())?;
    let log = stack.log().map_err(|error| error.to_string())?;
    let headers = stack.write_headers().map_err(|error| error.to_string())?;
    // Before the addresses are printed: whoever has read them may stop the stack.
    let interrupted = interruption().map_err(|error| error.to_string())?;
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
    interrupted.await;
    stack.stop().await;
    print("Stopped.")
}

/// The addresses, and one request as each role: little enough for a screen of 80 × 24.
fn welcome(
    stack: &Stack,
    identity: Identity,
    audience: &str,
    log: Option<&Path>,
    headers: &[(Role, PathBuf)],
) -> String {
    let console = stack.console.iter();
    let mut lines: Vec<_> = console.map(|url| format!("Console    {url}")).collect();
    lines.push(format!("API        {}", stack.api));
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

/// Completes on SIGINT (Ctrl-C) and SIGTERM. After this call, neither ends the process by itself.
#[cfg(unix)]
fn interruption() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Completes on Ctrl-C. After this call, Ctrl-C does not end the process by itself.
#[cfg(windows)]
fn interruption() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move { drop(interrupted.recv().await) })
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
