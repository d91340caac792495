//! `GET /authorize`: the implicit grant (RFC 6749, section 4.2), and the authorization code grant
//! (section 4.1) with PKCE (RFC 7636) and OpenID Connect. `audience` is Auth0's.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::Utc;
use reqwest::Url;
use serde::Deserialize;

use super::clients::Client;
use super::code::Challenge;
use super::scope::Scope;
use super::signed_in::{Session, SignedIn};
use super::{Role, Service, cookie, page};
use crate::access::{self, Sender};

/// The most bytes of a client id and of a nonce, which the service keeps.
const MAX_KEPT_BYTES: usize = 512;

/// The parameters. A repeated one is an error; one without a value counts as absent (RFC 6749,
/// section 3.1).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    audience: String,
    response_type: String,
    response_mode: String,
    client_id: String,
    redirect_uri: String,
    state: Option<String>,
    scope: String,
    nonce: String,
    prompt: String,
    max_age: String,
    code_challenge: String,
    code_challenge_method: String,
    request: String,
    request_uri: String,
    /// The role picked on the sign-in page; absent until then.
    role: Option<String>,
}

/// A request that can be granted once there is a user.
struct Authorization {
    client: Client,
    flow: Flow,
}

/// What the client asks for.
enum Flow {
    /// An access token.
    Token,
    /// A code to exchange for tokens.
    Code {
        challenge: Challenge,
        prompt: Prompt,
        max_age: Option<i64>,
    },
}

/// Whether the sign-in page is shown (OpenID Connect Core, section 3.1.2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// Only if there is no session.
    IfNeeded,
    /// Never.
    Never,
    /// Even if there is a session.
    Always,
}

/// An error that the client is told of: `error` and `error_description` (RFC 6749, section
/// 4.1.2.1).
struct ClientError(&'static str, String);

fn invalid_request(description: impl Into<String>) -> ClientError {
    ClientError("invalid_request", description.into())
}

/// The way back to the client.
struct Return<'a> {
    url: Url,
    /// Whether the response is in the URL's fragment, which the browser sends to no server.
    in_fragment: bool,
    state: Option<&'a str>,
    issuer: &'a str,
}

impl Return<'_> {
    /// Redirects with these parameters, the client's state, and the issuer (RFC 9207).
    fn with(&self, parameters: &[(&str, &str)]) -> Response {
        let mut url = self.url.clone();
        let state = self.state.map(|state| ("state", state));
        let more = state.into_iter().chain([("iss", self.issuer)]);
        let pairs = parameters.iter().copied().chain(more);
        if self.in_fragment {
            let mut fragment = form_urlencoded::Serializer::new(String::new());
            url.set_fragment(Some(&fragment.extend_pairs(pairs).finish()));
        } else {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Redirect::to(url.as_str()).into_response()
    }

    fn error(&self, ClientError(error, description): &ClientError) -> Response {
        self.with(&[("error", error), ("error_description", description)])
    }
}

/// Shows the sign-in page; once a role is picked there, redirects to the client with a token or a
/// code. Only addresses that a client has registered are redirected to.
///
/// A page of another origin must not pick a role for its visitor. So a role counts only if the
/// browser says that the request comes from this page: for a link by `Sec-Fetch-Site`, for a form
/// by `Origin` as well. Browsers send `Sec-Fetch-Site` only to loopback and over HTTPS.
///
/// With a session, the console gets a code without the page, whoever sent the visitor here. That
/// gives nothing to another website: the code goes to the console's own address.
pub(super) async fn authorize(
    State(service): State<Arc<Service>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let mut response = respond(&service, &method, &headers, &uri);
    // The address of a redirect may hold a token or a code. The policy is not `no-referrer`: with
    // that, the page's own form would send no `Origin`.
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn respond(service: &Service, method: &Method, headers: &HeaderMap, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let Ok(Query(parameters)) = Query::<Parameters>::try_from_uri(uri) else {
        return problem("the address has a parameter twice, or cannot be read");
    };
    let client_id = &parameters.client_id;
    if client_id.is_empty() || client_id.len() > MAX_KEPT_BYTES {
        return problem("client_id is missing or too long");
    }
    let found = service
        .clients
        .find(headers, client_id, &parameters.redirect_uri);
    let Some((client, url)) = found else {
        return problem(
            "redirect_uri is not an address that this client_id has registered; --redirect-uri \
             registers that of an application",
        );
    };
    let back = Return {
        url,
        in_fragment: parameters.response_type == "token",
        state: parameters.state.as_deref(),
        issuer: service.tokens.issuer(),
    };
    let authorization = match check(&parameters, client, service) {
        Ok(authorization) => authorization,
        Err(error) => return back.error(&error),
    };
    let granted = match sign_in(service, method, headers, &parameters, &authorization) {
        SignIn::By(role) => grant_new(service, headers, &parameters, authorization, role, &back),
        SignIn::In(session) => grant(
            service,
            &parameters,
            authorization,
            session.role,
            Some(&session),
            &back,
        ),
        SignIn::Page { unconfirmed } => {
            let page = page::sign_in(query, &parameters.redirect_uri, unconfirmed);
            Ok(Html(page).into_response())
        }
        SignIn::NoSuchRole => Ok(problem("there is no such role")),
        SignIn::Required => {
            let description = "Nobody is signed in.".to_owned();
            Err(ClientError("login_required", description))
        }
    };
    granted.unwrap_or_else(|error| back.error(&error))
}

/// The page for a request that must not be redirected.
fn problem(problem: &str) -> Response {
    (StatusCode::BAD_REQUEST, Html(page::problem(problem))).into_response()
}

/// Checks everything but the user.
fn check(
    parameters: &Parameters,
    client: Client,
    service: &Service,
) -> Result<Authorization, ClientError> {
    let error = |error, description: &str| Err(ClientError(error, description.to_owned()));
    if !parameters.request.is_empty() {
        return error("request_not_supported", "request is not supported.");
    }
    if !parameters.request_uri.is_empty() {
        return error("request_uri_not_supported", "request_uri is not supported.");
    }
    let mode = match parameters.response_type.as_str() {
        "token" => "fragment",
        "code" => "query",
        "" => return Err(invalid_request("response_type is missing.")),
        _ => {
            let description = "response_type must be code or token.";
            return error("unsupported_response_type", description);
        }
    };
    if !["", mode].contains(&parameters.response_mode.as_str()) {
        return Err(invalid_request(format!("response_mode must be {mode}.")));
    }
    match parameters.audience.as_str() {
        "" => return Err(invalid_request("audience is missing.")),
        audience if audience == service.tokens.audience() => {}
        _ => return error("access_denied", "audience must be this API's identifier."),
    }
    let flow = match parameters.response_type.as_str() {
        "code" => code_flow(parameters)?,
        _ => Flow::Token,
    };
    Ok(Authorization { client, flow })
}

fn code_flow(parameters: &Parameters) -> Result<Flow, ClientError> {
    if parameters.code_challenge.is_empty() {
        return Err(invalid_request("code_challenge is missing."));
    }
    if parameters.code_challenge_method != "S256" {
        return Err(invalid_request("code_challenge_method must be S256."));
    }
    let challenge = parameters.code_challenge.parse();
    let challenge = challenge
        .map_err(|()| invalid_request("code_challenge must be a SHA-256 hash in base64url."))?;
    if parameters.nonce.len() > MAX_KEPT_BYTES {
        return Err(invalid_request(format!(
            "nonce must have at most {MAX_KEPT_BYTES} bytes."
        )));
    }
    let max_age = match parameters.max_age.as_str() {
        "" => None,
        seconds => {
            let seconds = seconds.parse::<u32>();
            let seconds = seconds.map_err(|_| invalid_request("max_age must be seconds."))?;
            Some(i64::from(seconds))
        }
    };
    let prompt = prompt(&parameters.prompt)?;
    Ok(Flow::Code {
        challenge,
        prompt,
        max_age,
    })
}

fn prompt(text: &str) -> Result<Prompt, ClientError> {
    let values: Vec<_> = text.split_ascii_whitespace().collect();
    let pages = ["login", "consent", "select_account"];
    match values.as_slice() {
        [] => Ok(Prompt::IfNeeded),
        ["none"] => Ok(Prompt::Never),
        values if values.iter().all(|value| pages.contains(value)) => Ok(Prompt::Always),
        _ => Err(invalid_request(
            "prompt must be none alone, or login, consent or select_account.",
        )),
    }
}

/// How the user signs in.
enum SignIn {
    /// By picking this role now.
    By(Role),
    /// In an earlier session.
    In(Session),
    /// On the page, which says so if a role was given but not picked there.
    Page { unconfirmed: bool },
    /// With a role that does not exist.
    NoSuchRole,
    /// On the page, which the client does not want.
    Required,
}

fn sign_in(
    service: &Service,
    method: &Method,
    headers: &HeaderMap,
    parameters: &Parameters,
    authorization: &Authorization,
) -> SignIn {
    let (prompt, max_age) = match authorization.flow {
        Flow::Token => (Prompt::Always, None),
        Flow::Code {
            prompt, max_age, ..
        } => (prompt, max_age),
    };
    let confirmed = match *method {
        Method::POST => Sender::of(headers) == Sender::OwnPage,
        _ => access::is_same_origin(headers),
    };
    let role = parameters.role.as_deref().map(str::parse::<Role>);
    match role.filter(|_| prompt != Prompt::Never) {
        Some(Err(())) => return SignIn::NoSuchRole,
        Some(Ok(role)) if confirmed => return SignIn::By(role),
        Some(Ok(_)) => return SignIn::Page { unconfirmed: true },
        None => {}
    }
    let session = service
        .session(headers)
        .filter(|_| authorization.client == Client::Console)
        .filter(|session| max_age.is_none_or(|seconds| now() - session.at < seconds));
    match (prompt, session) {
        (Prompt::IfNeeded | Prompt::Never, Some(session)) => SignIn::In(session),
        (Prompt::Never, None) => SignIn::Required,
        (Prompt::IfNeeded, None) | (Prompt::Always, _) => SignIn::Page { unconfirmed: false },
    }
}

/// Grants the request to a user who has just picked a role. The console gets a new session, with a
/// new cookie, in place of an earlier one.
fn grant_new(
    service: &Service,
    headers: &HeaderMap,
    parameters: &Parameters,
    authorization: Authorization,
    role: Role,
    back: &Return<'_>,
) -> Result<Response, ClientError> {
    let has_session =
        authorization.client == Client::Console && matches!(authorization.flow, Flow::Code { .. });
    if !has_session {
        return grant(service, parameters, authorization, role, None, back);
    }
    let earlier = cookie::read(headers);
    let started = service
        .sign_ins()
        .start_session(Instant::now(), earlier, role, now());
    let (value, session) = started.map_err(server_error)?;
    let response = grant(
        service,
        parameters,
        authorization,
        role,
        Some(&session),
        back,
    )?;
    Ok(([(SET_COOKIE, cookie::set(&value))], response).into_response())
}

/// Redirects with a token or a code for the user.
fn grant(
    service: &Service,
    parameters: &Parameters,
    authorization: Authorization,
    role: Role,
    session: Option<&Session>,
    back: &Return<'_>,
) -> Result<Response, ClientError> {
    let Flow::Code { challenge, .. } = authorization.flow else {
        let token = service.tokens.issue(role).map_err(server_error)?;
        let seconds = service.tokens.seconds().to_string();
        return Ok(back.with(&[
            ("access_token", &token),
            ("token_type", "Bearer"),
            ("expires_in", &seconds),
        ]));
    };
    let signed_in = SignedIn {
        client_id: parameters.client_id.clone(),
        role,
        scope: Scope::granted(&parameters.scope),
        nonce: Some(parameters.nonce.clone()).filter(|nonce| !nonce.is_empty()),
        at: session.map_or_else(now, |session| session.at),
        session: session.map(|session| session.id.clone()),
    };
    let redirect_uri = parameters.redirect_uri.clone();
    let code = service
        .sign_ins()
        .issue_code(Instant::now(), signed_in, redirect_uri, challenge)
        .map_err(server_error)?;
    Ok(back.with(&[("code", &code)]))
}

fn server_error(cause: String) -> ClientError {
    ClientError("server_error", cause)
}

/// The time as a Unix time.
fn now() -> i64 {
    Utc::now().timestamp()
}
