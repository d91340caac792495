//! `local token`.

use std::sync::Arc;
use std::time::Duration;

use local::{Options, Role, Tokens};
use serde_json::{Value, json};

use super::{Identity, folder, options};

/// A token from the running stack. If none runs, it is signed with the kept key, which the next
/// start uses.
pub(crate) async fn token(role: Role, identity: Identity) -> Result<String, String> {
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
                format!("no identity service responds at {url}, and there is not a signing key yet; start the stack once with `cargo run -p local`")
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
        let reason = reason.unwrap_or("it is not an identity service");
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
