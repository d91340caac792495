//! `casting doctor`.

use std::process::ExitCode;
use std::time::Duration;

use casting::doctor::{Settings, examine, issuer_url, origin};
use casting::{escaped, escaped_lines};
use clap::Args;

use super::access::{Access, LocalStack};

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The issuer that the deployment trusts [default: the token's]
    #[arg(long, env = "AUTH0_DOMAIN", value_name = "DOMAIN")]
    issuer: Option<String>,
    /// The API identifier that the deployment expects [default: casting-agency]
    #[arg(long, env = "API_AUDIENCE", value_name = "IDENTIFIER")]
    audience: Option<String>,
    /// The origin of a web page that calls the API, for example https://app.example.com
    #[arg(long, value_parser = origin)]
    origin: Option<String>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
    /// The longest time that a response may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    #[command(flatten)]
    access: Access,
}

/// Examines a deployment and prints the report. The exit code is 0 without findings, 1 with
/// findings and 2 if the arguments are wrong.
pub(crate) async fn doctor(args: DoctorArgs, local_stack: LocalStack) -> ExitCode {
    let (_, api, is_here) = match args.access.target(local_stack) {
        Ok(target) => target,
        Err(problem) => return usage(&problem),
    };
    let issuer = args.issuer.filter(|issuer| !issuer.is_empty());
    let issuer = match issuer.as_deref().map(issuer_url).transpose() {
        Ok(issuer) => issuer,
        Err(problem) => return usage(&format!("--issuer: {problem}")),
    };
    let settings = Settings {
        token: token(&args.access, is_here, local_stack).await,
        api,
        is_here,
        issuer,
        audience: args.audience.filter(|audience| !audience.is_empty()),
        origin: args.origin,
        timeout: Duration::from_secs(args.timeout),
    };
    let report = match examine(&settings).await {
        Ok(report) => report,
        Err(problem) => return usage(&problem),
    };
    let text = match args.json {
        true => format!("{:#}", report.json()),
        false => report.text(),
    };
    let has_findings = report.findings().next().is_some();
    match crate::print(&text) {
        Ok(()) if !has_findings => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(problem) => usage(&problem),
    }
}

/// The token, or why there is none.
async fn token(access: &Access, is_here: bool, local_stack: LocalStack) -> Result<String, String> {
    match access.given_token() {
        Some(token) => Ok(token),
        None if is_here => {
            let token = local_stack.producer_token().await;
            token.map_err(|problem| format!("No token: {}.", escaped(&problem)))
        }
        None => Err("Give a token in CASTING_AGENCY_TOKEN or with --token.".into()),
    }
}

fn usage(problem: &str) -> ExitCode {
    crate::complain(&format!("error: {}", escaped_lines(problem)));
    ExitCode::from(2)
}
