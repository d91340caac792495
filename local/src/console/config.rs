//! The console's `config.json`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;

/// What the console must know of its deployment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    /// The API's URL, without a trailing slash.
    pub(crate) api: String,
    /// The issuer's URL, with a trailing slash.
    pub(crate) issuer: String,
    /// The console's client id at the issuer.
    pub(crate) client_id: String,
    /// The API identifier (`aud`) that tokens must have.
    pub(crate) audience: String,
    /// The command that fills the API with sample data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demo_command: Option<String>,
}

impl Config {
    pub(super) fn to_json(&self) -> String {
        // Nothing in it can fail to be written as JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The command that fills the stack whose API and identity service listen here, with the flags that
/// it needs.
pub(crate) fn demo_command(api: SocketAddr, identity: SocketAddr) -> String {
    let mut command = "cargo run -p local -- demo".to_owned();
    if api.port() != 3000 {
        command += &format!(" --port {}", api.port());
    }
    if identity.port() != 3001 {
        command += &format!(" --identity-port {}", identity.port());
    }
    if api.ip() != IpAddr::from(Ipv4Addr::LOCALHOST) {
        command += &format!(" --listen {}", api.ip());
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_command_has_the_flags_of_the_ports_and_the_address() {
        let command = |address: [u8; 4], api, identity| {
            demo_command((address, api).into(), (address, identity).into())
        };
        assert_eq!(
            command([127, 0, 0, 1], 3000, 3001),
            "cargo run -p local -- demo"
        );
        assert_eq!(
            command([172, 17, 0, 1], 4000, 4001),
            "cargo run -p local -- demo --port 4000 --identity-port 4001 --listen 172.17.0.1"
        );
    }
}
