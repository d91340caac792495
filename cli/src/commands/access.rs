//! Which API an import or export talks to, and with which token.

use std::env;
use std::net::Ipv4Addr;
use std::time::Duration;

use casting::{Api, Backoff, api_url, escaped, is_loopback};
use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};

/// The API identifier of the local stack, unless `API_AUDIENCE` sets another.
const LOCAL_AUDIENCE: &str = "casting-agency";
/// The timeout of a request to the local identity service.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the local stack is. The defaults are those of `cargo run -p local`.
#[derive(Args, Clone, Copy)]
pub(crate) struct LocalStack {
    /// The port of the local stack's identity service
    #[arg(long, global = true, help_heading = "Local stack", default_value_t = 3001, value_parser = clap::value_parser!(u16).range(1..))]
    identity_port: u16,
    /// The address that the local stack listens on
    #[arg(long, global = true, help_heading = "Local stack", default_value_t = Ipv4Addr::LOCALHOST)]
    listen: Ipv4Addr,
}

/// Which API, and with which token.
#[derive(Args)]
pub(super) struct Access {
    /// The API's URL [default: the local stack's, http://127.0.0.1:3000]
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The access token [default: for an API on this machine, a producer's of the local identity
    /// service]
    #[arg(long, env = "CASTING_AGENCY_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Access {
    /// A client of the API. Without a token, it gets one of the local identity service, which it
    /// sends to no other machine.
    pub(super) async fn api(self, local_stack: LocalStack) -> Result<Api, String> {
        let (url, parsed, is_here) = self.target(local_stack)?;
        if !is_here && parsed.scheme() == "http" {
            eprintln!(
                "{} is not https: everybody on the network path can read the token",
                escaped(&url)
            );
        }
        let token = match self.given_token() {
            Some(token) => token,
            None if is_here => local_stack
                .producer_token()
                .await
                .map_err(|problem| format!("{}; or give a --token", escaped(&problem)))?,
            None => {
                return Err(format!(
                    "{} needs a token: give it in CASTING_AGENCY_TOKEN or with --token",
                    escaped(&url)
                ));
            }
        };
        Api::new(&url, &token, Backoff::default())
    }

    /// The API's URL as it was given and parsed, and whether it is on this machine.
    pub(super) fn target(&self, local_stack: LocalStack) -> Result<(String, Url, bool), String> {
        let url = match &self.api {
            Some(url) => url.clone(),
            None => format!("http://{}:3000", local_stack.listen),
        };
        let parsed = api_url(&url).map_err(|problem| escaped(&problem).into_owned())?;
        let is_here =
            is_loopback(&url) || parsed.host_str() == Some(&local_stack.listen.to_string());
        Ok((url, parsed, is_here))
    }

    /// The token that was given.
    pub(super) fn given_token(&self) -> Option<String> {
        self.token.clone().filter(|token| !token.trim().is_empty())
    }
}

impl LocalStack {
    /// A producer's token from the identity service.
    pub(super) async fn producer_token(self) -> Result<String, String> {
        let url = format!("http://{}:{}/", self.listen, self.identity_port);
        let audience = env::var("API_AUDIENCE").ok().filter(|set| !set.is_empty());
        let grant = json!({
            "grant_type": "password",
            "username": "producer",
            "password": "local",
            "audience": audience.as_deref().unwrap_or(LOCAL_AUDIENCE),
            "client_id": "casting",
        });
        let response = match post(&format!("{url}oauth/token"), &grant).await {
            Err(error) if error.is_connect() => {
                return Err(format!(
                    "no identity service responds at {url}; start the stack with `cargo run -p local`"
                ));
            }
            other => other.map_err(|error| error.to_string())?,
        };
        let token = response["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| {
            let reason = response["error_description"].as_str();
            format!(
                "{url} gave no token: {}",
                reason.unwrap_or("it is not an identity service")
            )
        })
    }
}

/// Sends JSON, and returns the JSON of the response; null if the response is not JSON.
async fn post(url: &str, body: &Value) -> Result<Value, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(TOKEN_TIMEOUT)
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
