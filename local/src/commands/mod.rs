//! The subcommands, and what they share.

mod demo;
mod event;
mod run;
mod token;

use std::env;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::Args;
use local::Options;
use shared::config::{Issuer, IssuerConfig};

pub(crate) use demo::demo;
pub(crate) use event::event;
pub(crate) use run::{Run, run};
pub(crate) use token::token;

/// Where the identity service is.
#[derive(Args, Clone, Copy)]
pub(crate) struct Identity {
    /// The identity service's port
    #[arg(long, global = true, default_value_t = 3001, value_parser = clap::value_parser!(u16).range(1..))]
    identity_port: u16,
    /// The address of all services, for example 172.17.0.1, which containers can reach
    #[arg(long, global = true, default_value_t = Ipv4Addr::LOCALHOST)]
    listen: Ipv4Addr,
}

impl Identity {
    /// The flags that set the same, except those with their default.
    fn flags(self) -> String {
        let port = (self.identity_port != 3001)
            .then(|| format!(" --identity-port {}", self.identity_port));
        let listen =
            (self.listen != Ipv4Addr::LOCALHOST).then(|| format!(" --listen {}", self.listen));
        [port, listen].into_iter().flatten().collect()
    }

    /// The issuer's URL, with a trailing slash.
    fn url(self) -> String {
        format!("http://{}:{}/", self.listen, self.identity_port)
    }
}

/// What to start, with the settings of the issuer from the environment.
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
        console_client: set("CONSOLE_CLIENT_ID"),
        ..Options::in_memory()
    })
}

/// The stack's folder: `.local/` beside the workspace's `Cargo.toml` under cargo, otherwise in the
/// current folder.
fn folder() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest
        .and_then(|crate_folder| Some(crate_folder.parent()?.to_owned()))
        .unwrap_or_default()
        .join(".local")
}
