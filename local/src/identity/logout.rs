//! `GET /oidc/logout`: signing out (OpenID Connect RP-Initiated Logout).

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Service, cookie, page};
use crate::access::Sender;

/// The parameters (section 2 of the specification).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    id_token_hint: String,
    client_id: String,
    post_logout_redirect_uri: String,
    state: Option<String>,
}

/// Ends the session and redirects to the client's registered address; without one, shows a page.
///
/// A website must not sign its visitor out. So the session ends at once only if the request has the
/// session's ID token, which no website knows; otherwise the user is asked.
pub(super) async fn logout(
    State(service): State<Arc<Service>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let response = respond(&service, &method, &headers, &uri);
    ([(CACHE_CONTROL, "no-store")], response).into_response()
}

fn respond(service: &Service, method: &Method, headers: &HeaderMap, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let Ok(Query(parameters)) = Query::<Parameters>::try_from_uri(uri) else {
        return problem("the address has a parameter twice, or cannot be read");
    };
    let hint = service.tokens.read_id_token(&parameters.id_token_hint);
    let of_hint = hint.as_ref().and_then(|claims| claims["aud"].as_str());
    let client_id = match (parameters.client_id.as_str(), of_hint) {
        ("", of_hint) => of_hint.unwrap_or_default(),
        (given, Some(of_hint)) if given != of_hint => {
            return problem("id_token_hint is not a token of this client_id");
        }
        (given, _) => given,
    };
    let is_form = method == Method::POST;
    if is_form && Sender::of(headers) != Sender::OwnPage {
        // A form of another site comes without the cookie; the visit that follows has it.
        return Redirect::to(&format!("/oidc/logout?{query}")).into_response();
    }
    let of_hint = hint.as_ref().and_then(|claims| claims["sid"].as_str());
    if let Some(session) = service.session(headers)
        && of_hint != Some(&session.id)
        && !is_form
    {
        return Html(page::sign_out(query, session.role)).into_response();
    }
    let cookie = cookie::read(headers);
    let mut sign_ins = service.sign_ins();
    if let Some(value) = cookie {
        sign_ins.end_session(Instant::now(), value);
    }
    if let Some(session) = of_hint {
        sign_ins.revoke(session);
    }
    drop(sign_ins);
    let target = &parameters.post_logout_redirect_uri;
    let response = match service.clients.find(headers, client_id, target) {
        Some((_, mut url)) => {
            if let Some(state) = &parameters.state {
                url.query_pairs_mut().append_pair("state", state);
            }
            Redirect::to(url.as_str()).into_response()
        }
        None => Html(page::signed_out()).into_response(),
    };
    // A request without the cookie must not remove it: a form of another site has none.
    match cookie {
        Some(_) => ([(SET_COOKIE, cookie::clear())], response).into_response(),
        None => response,
    }
}

fn problem(problem: &str) -> Response {
    (StatusCode::BAD_REQUEST, Html(page::problem(problem))).into_response()
}
