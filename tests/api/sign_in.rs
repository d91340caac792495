//! Signing in with a code and PKCE, sessions, refresh tokens and signing out, as the console does.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use local::{Options, Role};
use reqwest::{Method, Response, Url};
use serde_json::{Value, json};

use crate::support::{Api, client, options, send};

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const APPLICATION: &str = "https://app.example/done?from=a";
const SCOPE: &str = "openid profile offline_access";

/// A stack with an application under development.
async fn start() -> Api {
    Api::with(Options {
        redirect_uris: vec![APPLICATION.parse().unwrap()],
        ..options()
    })
    .await
}

fn identity(api: &Api) -> &str {
    api.stack.identity.as_ref().unwrap()
}

/// The console's address, as it is registered.
fn console(api: &Api) -> String {
    format!("{}/", api.stack.console.as_ref().unwrap())
}

/// The parameters of the console's request for a code, with these in place of its own. An empty
/// value leaves the parameter out.
fn request(api: &Api, changed: &[(&str, &str)]) -> Url {
    let redirect_uri = console(api);
    let own = [
        ("client_id", "console"),
        ("redirect_uri", &redirect_uri),
        ("response_type", "code"),
        ("audience", "casting-agency"),
        ("scope", SCOPE),
        ("state", "s&t"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = |name: &str| !changed.iter().any(|(other, _)| *other == name);
    let own = own.iter().filter(|(name, _)| kept(name));
    let pairs = own.chain(changed).filter(|(_, value)| !value.is_empty());
    Url::parse_with_params(&format!("{}/authorize", identity(api)), pairs).unwrap()
}

async fn open(url: Url, cookie: Option<&str>) -> Response {
    let request = client().get(url);
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    request.send().await.unwrap()
}

/// Picks a role on the sign-in page.
async fn pick(api: &Api, role: Role, changed: &[(&str, &str)], cookie: Option<&str>) -> Response {
    let mut url = request(api, changed);
    url.query_pairs_mut().append_pair("role", role.user_name());
    let request = client().post(url).header("origin", identity(api));
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["cache-control"], "no-store");
    response
}

fn location(response: &Response) -> Url {
    response.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// A parameter of the address that a response redirects to.
fn returned(response: &Response, name: &str) -> Option<String> {
    let url = location(response);
    let mut pairs = url.query_pairs().filter(|(known, _)| known == name);
    let value = pairs.next().map(|(_, value)| value.into_owned());
    assert!(pairs.next().is_none(), "{url}");
    value
}

fn cookie(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A code for the console, after picking the role of the director.
async fn code(api: &Api) -> String {
    let picked = pick(api, Role::Director, &[], None).await;
    returned(&picked, "code").unwrap()
}

/// Sends a form to the token endpoint, as a program does.
async fn token(api: &Api, pairs: &[(&str, &str)]) -> (u16, Value) {
    token_from(api, None, pairs).await
}

async fn token_from(api: &Api, origin: Option<&str>, pairs: &[(&str, &str)]) -> (u16, Value) {
    let body = Url::parse_with_params("http://x/", pairs).unwrap();
    let request = client()
        .post(format!("{}/oauth/token", identity(api)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.query().unwrap_or_default().to_owned());
    let request = match origin {
        Some(origin) => request
            .header("origin", origin)
            .header("sec-fetch-site", "same-site"),
        None => request,
    };
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["content-type"], "application/json");
    let status = response.status().as_u16();
    let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body)
}

/// Exchanges a code, with these parameters in place of the console's own.
async fn exchange(api: &Api, code: &str, changed: &[(&str, &str)]) -> (u16, Value) {
    let redirect_uri = console(api);
    let own = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "console"),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let kept = |name: &str| !changed.iter().any(|(other, _)| *other == name);
    let own = own.iter().filter(|(name, _)| kept(name));
    let pairs: Vec<_> = own.chain(changed).copied().collect();
    token(api, &pairs).await
}

async fn refresh(api: &Api, refresh_token: &str, client_id: &str) -> (u16, Value) {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", client_id),
    ];
    token(api, &pairs).await
}

/// The tokens after signing in as the director, and the session's cookie.
async fn signed_in(api: &Api) -> (Value, String) {
    let picked = pick(api, Role::Director, &[], None).await;
    let (status, tokens) = exchange(api, &returned(&picked, "code").unwrap(), &[]).await;
    assert_eq!(status, 200, "{tokens}");
    (tokens, cookie(&picked))
}

#[track_caller]
fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[track_caller]
fn check_invalid_grant((status, body): &(u16, Value)) {
    assert_eq!((*status, &body["error"]), (403, &json!("invalid_grant")));
    assert!(body.get("access_token").is_none(), "{body}");
}

#[tokio::test]
async fn a_code_is_exchanged_for_tokens_of_the_role_that_was_picked() {
    let api = start().await;
    for role in Role::ALL {
        let picked = pick(&api, role, &[], None).await;
        assert!(location(&picked).as_str().starts_with(&console(&api)));
        assert_eq!(returned(&picked, "state").as_deref(), Some("s&t"));
        assert_eq!(
            returned(&picked, "iss").as_deref(),
            Some(&*api.stack.issuer)
        );
        let code = returned(&picked, "code").unwrap();
        let (status, tokens) = exchange(&api, &code, &[]).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(
            (
                &tokens["token_type"],
                &tokens["expires_in"],
                &tokens["scope"]
            ),
            (&json!("Bearer"), &json!(86_400), &json!(SCOPE))
        );
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        let listed = api
            .request("GET", "/actors")
            .header("authorization", bearer);
        let allowed = !role.permissions().is_empty();
        assert_eq!(send(listed).await.status == 200, allowed, "{role:?}");
        let access = claims(text(&tokens, "access_token"));
        assert_eq!(access["azp"], "console");
        let id = claims(text(&tokens, "id_token"));
        for (claim, value) in [
            ("iss", api.stack.issuer.as_str()),
            ("aud", "console"),
            ("nonce", "n"),
            ("name", role.title()),
        ] {
            assert_eq!(id[claim], value, "{id}");
        }
        assert_eq!(id["sub"], access["sub"]);
        assert!(id["auth_time"].as_i64() <= id["iat"].as_i64(), "{id}");
        assert!(id.get("permissions").is_none(), "{id}");
        let with_id_token = api.request("GET", "/actors").header(
            "authorization",
            format!("Bearer {}", text(&tokens, "id_token")),
        );
        assert_eq!(send(with_id_token).await.status, 401);
    }
}

#[tokio::test]
async fn only_the_requested_scopes_are_granted() {
    let api = start().await;
    for (scope, members) in [
        ("", vec![]),
        ("openid", vec!["id_token"]),
        ("offline_access get:actors", vec!["refresh_token"]),
    ] {
        let picked = pick(
            &api,
            Role::Director,
            &[("scope", scope), ("nonce", "")],
            None,
        )
        .await;
        let code = returned(&picked, "code").unwrap();
        let (_, tokens) = exchange(&api, &code, &[]).await;
        for member in ["id_token", "refresh_token"] {
            let expected = members.contains(&member);
            assert_eq!(tokens.get(member).is_some(), expected, "{scope}");
        }
        if let Some(id_token) = tokens["id_token"].as_str() {
            let id = claims(id_token);
            assert!(
                id.get("nonce").is_none() && id.get("name").is_none(),
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn an_address_that_is_not_registered_gets_a_page_and_no_redirect() {
    let api = start().await;
    let (own, callback) = (console(&api), format!("{}/callback", identity(&api)));
    let with_query = format!("{own}?a=b");
    let session = signed_in(&api).await.1;
    for (client_id, redirect_uri) in [
        ("console", "https://evil.example/"),
        ("console", APPLICATION),
        ("console", &callback),
        ("console", &with_query),
        ("console", own.trim_end_matches('/')),
        ("other", &own),
        ("other", "https://app.example/done"),
        ("other", "https://evil.example/"),
        ("other", ""),
        ("", APPLICATION),
    ] {
        for more in [
            ("response_type", "code"),
            ("response_type", "token"),
            ("prompt", "none"),
        ] {
            let changed = [
                ("client_id", client_id),
                ("redirect_uri", redirect_uri),
                more,
            ];
            let response = open(request(&api, &changed), Some(&session)).await;
            assert_eq!(
                response.status(),
                400,
                "{client_id} {redirect_uri} {more:?}"
            );
            assert!(!response.headers().contains_key("location"), "{more:?}");
        }
    }
}

#[tokio::test]
async fn every_other_error_returns_to_the_client_with_its_state() {
    let api = start().await;
    let long = "n".repeat(513);
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "code token", "unsupported_response_type"),
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_mode", "form_post", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("audience", "", "invalid_request"),
        ("audience", "other", "access_denied"),
        ("code_challenge", "", "invalid_request"),
        (
            "code_challenge",
            VERIFIER.get(1..).unwrap(),
            "invalid_request",
        ),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("nonce", &long, "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "never", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("request", "x", "request_not_supported"),
        ("request_uri", "https://x/", "request_uri_not_supported"),
    ] {
        let response = open(request(&api, &[(name, value)]), None).await;
        assert_eq!(response.status(), 303, "{name}={value}");
        assert!(location(&response).as_str().starts_with(&console(&api)));
        for (parameter, expected) in [
            ("error", Some(error)),
            ("state", Some("s&t")),
            ("iss", Some(api.stack.issuer.as_str())),
            ("code", None),
        ] {
            let actual = returned(&response, parameter);
            assert_eq!(actual.as_deref(), expected, "{name}={value}: {parameter}");
        }
    }
    let changed = [("response_type", "token"), ("audience", "other")];
    let response = open(request(&api, &changed), None).await;
    let fragment = location(&response).fragment().unwrap().to_owned();
    assert!(fragment.starts_with("error=access_denied&"), "{fragment}");
}

#[tokio::test]
async fn a_code_can_be_exchanged_once_even_by_concurrent_requests() {
    let api = start().await;
    let code = code(&api).await;
    let requests = (0..20).map(|_| exchange(&api, &code, &[]));
    let responses = futures_util::future::join_all(requests).await;
    let granted = responses.iter().filter(|(status, _)| *status == 200);
    assert_eq!(granted.count(), 1);
    responses
        .iter()
        .filter(|(status, _)| *status != 200)
        .for_each(check_invalid_grant);
}

#[tokio::test]
async fn a_code_belongs_to_its_client_redirect_uri_and_verifier_and_a_wrong_one_uses_it_up() {
    let api = start().await;
    let short = VERIFIER.get(1..).unwrap();
    for (name, value) in [
        ("client_id", "other"),
        ("redirect_uri", APPLICATION),
        ("redirect_uri", "http://localhost/"),
        ("code_verifier", short),
        ("code_verifier", CHALLENGE),
    ] {
        let code = code(&api).await;
        check_invalid_grant(&exchange(&api, &code, &[(name, value)]).await);
        check_invalid_grant(&exchange(&api, &code, &[]).await);
    }
    let code = code(&api).await;
    for name in ["code", "client_id", "redirect_uri", "code_verifier"] {
        let (status, body) = exchange(&api, &code, &[(name, "")]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
        let description = text(&body, "error_description");
        assert_eq!(description, format!("{name} is missing."));
    }
    check_invalid_grant(&exchange(&api, "unknown", &[]).await);
    assert_eq!(exchange(&api, &code, &[]).await.0, 200);
}

#[tokio::test]
async fn a_second_use_of_a_code_revokes_the_refresh_tokens_of_the_first() {
    let api = start().await;
    let code = code(&api).await;
    let (_, first) = exchange(&api, &code, &[]).await;
    let (_, second) = refresh(&api, text(&first, "refresh_token"), "console").await;
    let (others, _) = signed_in(&api).await;
    check_invalid_grant(&exchange(&api, &code, &[]).await);
    check_invalid_grant(&refresh(&api, text(&second, "refresh_token"), "console").await);
    let other = refresh(&api, text(&others, "refresh_token"), "console").await;
    assert_eq!(other.0, 200);
}

#[tokio::test]
async fn a_refresh_token_is_replaced_by_each_use_and_a_second_use_revokes_its_successors() {
    let api = start().await;
    let (tokens, _) = signed_in(&api).await;
    let first = text(&tokens, "refresh_token");
    let (status, next) = refresh(&api, first, "console").await;
    assert_eq!(status, 200, "{next}");
    let second = text(&next, "refresh_token");
    assert_ne!(first, second);
    let (before, after) = (
        claims(text(&tokens, "id_token")),
        claims(text(&next, "id_token")),
    );
    for claim in ["iss", "sub", "aud", "auth_time", "sid", "name"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(after.get("nonce").is_none(), "{after}");
    let bearer = format!("Bearer {}", text(&next, "access_token"));
    let listed = api
        .request("GET", "/actors")
        .header("authorization", bearer);
    send(listed).await.expect(200);
    check_invalid_grant(&refresh(&api, first, "console").await);
    check_invalid_grant(&refresh(&api, second, "console").await);
    for unknown in ["x", "x.y", ".", second.split('.').next().unwrap()] {
        check_invalid_grant(&refresh(&api, unknown, "console").await);
    }
}

#[tokio::test]
async fn a_refresh_token_belongs_to_its_client() {
    let api = start().await;
    let (tokens, _) = signed_in(&api).await;
    let token = text(&tokens, "refresh_token");
    let (status, body) = refresh(&api, token, "").await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    check_invalid_grant(&refresh(&api, token, "other").await);
    check_invalid_grant(&refresh(&api, token, "console").await);
}

#[tokio::test]
async fn one_of_many_concurrent_uses_of_a_refresh_token_succeeds() {
    let api = start().await;
    let (tokens, _) = signed_in(&api).await;
    let token = text(&tokens, "refresh_token");
    let requests = (0..20).map(|_| refresh(&api, token, "console"));
    let responses = futures_util::future::join_all(requests).await;
    let granted: Vec<_> = responses
        .iter()
        .filter(|(status, _)| *status == 200)
        .collect();
    assert_eq!(granted.len(), 1);
    let next = text(&granted[0].1, "refresh_token");
    check_invalid_grant(&refresh(&api, next, "console").await);
}

#[tokio::test]
async fn a_refresh_grants_no_scope_that_the_user_did_not_sign_in_for() {
    let api = start().await;
    let picked = pick(
        &api,
        Role::Director,
        &[("scope", "openid offline_access")],
        None,
    )
    .await;
    let (_, tokens) = exchange(&api, &returned(&picked, "code").unwrap(), &[]).await;
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("client_id", "console"),
        ("scope", "openid profile"),
    ];
    let (_, next) = token(&api, &pairs).await;
    assert_eq!(next["scope"], "openid");
    assert!(claims(text(&next, "id_token")).get("name").is_none());
}

#[tokio::test]
async fn the_console_has_a_session_that_signs_in_without_the_page() {
    let api = start().await;
    let picked = pick(&api, Role::Director, &[], None).await;
    let attributes = picked.headers()["set-cookie"].to_str().unwrap();
    assert!(
        attributes.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{attributes}"
    );
    let session = cookie(&picked);
    assert!(session.len() > 43 && !session.contains("director"));
    for prompt in ["", "none"] {
        let response = open(request(&api, &[("prompt", prompt)]), Some(&session)).await;
        let code = returned(&response, "code").unwrap();
        assert!(!response.headers().contains_key("set-cookie"));
        let (_, tokens) = exchange(&api, &code, &[]).await;
        let id = claims(text(&tokens, "id_token"));
        assert_eq!(id["name"], "Casting Director");
        assert!(
            !session.contains(text(&id, "sid")),
            "the cookie stays secret"
        );
    }
    for prompt in ["login", "consent", "select_account"] {
        let response = open(request(&api, &[("prompt", prompt)]), Some(&session)).await;
        assert_eq!(response.status(), 200, "{prompt}");
    }
    let old = open(request(&api, &[("max_age", "0")]), Some(&session)).await;
    assert_eq!(old.status(), 200);
    let young = open(request(&api, &[("max_age", "60")]), Some(&session)).await;
    assert!(returned(&young, "code").is_some());
    let unknown = format!("{}x", session);
    for cookie in [None, Some(unknown.as_str())] {
        let response = open(request(&api, &[("prompt", "none")]), cookie).await;
        assert_eq!(
            returned(&response, "error").as_deref(),
            Some("login_required")
        );
        let response = open(request(&api, &[]), cookie).await;
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn no_other_client_has_a_session_or_uses_the_consoles() {
    let api = start().await;
    let (_, session) = signed_in(&api).await;
    let other = [("client_id", "other"), ("redirect_uri", APPLICATION)];
    assert_eq!(
        open(request(&api, &other), Some(&session)).await.status(),
        200
    );
    let silent = [&other[..], &[("prompt", "none")]].concat();
    let response = open(request(&api, &silent), Some(&session)).await;
    assert_eq!(
        returned(&response, "error").as_deref(),
        Some("login_required")
    );
    assert_eq!(returned(&response, "from").as_deref(), Some("a"));
    let implicit = [("response_type", "token")];
    let response = open(request(&api, &implicit), Some(&session)).await;
    assert_eq!(response.status(), 200);
    let picked = pick(&api, Role::Producer, &other, None).await;
    assert!(!picked.headers().contains_key("set-cookie"));
    let code = returned(&picked, "code").unwrap();
    let (status, tokens) = exchange(&api, &code, &other).await;
    assert_eq!(status, 200);
    assert_eq!(claims(text(&tokens, "id_token"))["aud"], "other");
}

#[tokio::test]
async fn signing_in_again_replaces_the_session() {
    let api = start().await;
    let (first, earlier) = signed_in(&api).await;
    let sid = |tokens: &Value| claims(text(tokens, "id_token"))["sid"].clone();
    let mut cookies = vec![earlier];
    for (role, same_id) in [(Role::Director, true), (Role::Producer, false)] {
        let picked = pick(&api, role, &[], cookies.last().map(String::as_str)).await;
        let (_, tokens) = exchange(&api, &returned(&picked, "code").unwrap(), &[]).await;
        assert_eq!(sid(&tokens) == sid(&first), same_id, "{role:?}");
        cookies.push(cookie(&picked));
    }
    for (cookie, is_valid) in cookies.iter().zip([false, false, true]) {
        let response = open(request(&api, &[("prompt", "none")]), Some(cookie)).await;
        assert_eq!(returned(&response, "code").is_some(), is_valid, "{cookie}");
    }
    let kept = refresh(&api, text(&first, "refresh_token"), "console").await;
    assert_eq!(kept.0, 200, "another window stays signed in");
}

/// A request to sign out, with these parameters.
fn sign_out(api: &Api, pairs: &[(&str, &str)]) -> Url {
    Url::parse_with_params(&format!("{}/oidc/logout", identity(api)), pairs).unwrap()
}

/// The address of this service that a response redirects to.
fn location_of_own(api: &Api, response: &Response) -> Url {
    let path = response.headers()["location"].to_str().unwrap();
    identity(api).parse::<Url>().unwrap().join(path).unwrap()
}

async fn has_session(api: &Api, session: &str) -> bool {
    let response = open(request(api, &[("prompt", "none")]), Some(session)).await;
    returned(&response, "code").is_some()
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_refresh_tokens_and_returns_to_the_console() {
    let api = start().await;
    let (tokens, session) = signed_in(&api).await;
    let target = console(&api);
    let url = sign_out(
        &api,
        &[
            ("client_id", "console"),
            ("id_token_hint", text(&tokens, "id_token")),
            ("post_logout_redirect_uri", &target),
            ("state", "s&t"),
        ],
    );
    for _ in ["once", "again"] {
        let response = open(url.clone(), Some(&session)).await;
        assert_eq!(response.status(), 303);
        assert!(location(&response).as_str().starts_with(&target));
        assert_eq!(returned(&response, "state").as_deref(), Some("s&t"));
        let cleared = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cleared.contains("session=;") && cleared.contains("Max-Age=0"));
        assert!(!has_session(&api, &session).await);
    }
    check_invalid_grant(&refresh(&api, text(&tokens, "refresh_token"), "console").await);
}

#[tokio::test]
async fn without_the_sessions_id_token_the_user_is_asked_before_the_session_ends() {
    let api = start().await;
    let (tokens, session) = signed_in(&api).await;
    let (others, _) = signed_in(&api).await;
    let target = console(&api);
    let id_token = text(&tokens, "id_token");
    let (signed, _) = id_token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(342));
    for hint in [
        "",
        "x",
        &forged,
        text(&tokens, "access_token"),
        text(&others, "id_token"),
    ] {
        let url = sign_out(
            &api,
            &[
                ("client_id", "console"),
                ("id_token_hint", hint),
                ("post_logout_redirect_uri", &target),
            ],
        );
        let response = open(url.clone(), Some(&session)).await;
        assert_eq!(response.status(), 200, "{hint}");
        let page = response.text().await.unwrap();
        assert!(page.contains("You are signed in as Casting Director."));
        assert!(page.contains("<form method=\"post\""), "{page}");
        for origin in [target.trim_end_matches('/'), "https://evil.example", "null"] {
            let request = client().post(url.clone()).header("cookie", &session);
            let response = request.header("origin", origin).send().await.unwrap();
            assert_eq!(location_of_own(&api, &response), url, "{origin}");
            assert!(!response.headers().contains_key("set-cookie"), "{origin}");
        }
        assert!(has_session(&api, &session).await, "{hint}");
    }
    let url = sign_out(
        &api,
        &[
            ("post_logout_redirect_uri", &target),
            ("client_id", "console"),
        ],
    );
    let request = client().post(url).header("cookie", &session);
    let response = request
        .header("origin", identity(&api))
        .send()
        .await
        .unwrap();
    assert_eq!(location(&response).as_str(), target);
    assert!(!has_session(&api, &session).await);
}

#[tokio::test]
async fn signing_out_redirects_only_to_a_registered_address() {
    let api = start().await;
    let target = console(&api);
    for (client_id, address) in [
        ("console", "https://evil.example/"),
        ("console", APPLICATION),
        ("other", &target),
        ("", &target),
        ("console", ""),
    ] {
        let pairs = [
            ("client_id", client_id),
            ("post_logout_redirect_uri", address),
        ];
        let response = open(sign_out(&api, &pairs), None).await;
        assert_eq!(response.status(), 200, "{client_id} {address}");
        let kept = !response.headers().contains_key("set-cookie");
        assert!(kept, "a form of another site comes without the cookie");
        assert!(response.text().await.unwrap().contains("Signed out"));
    }
    let pairs = [
        ("client_id", "other"),
        ("post_logout_redirect_uri", APPLICATION),
    ];
    let response = open(sign_out(&api, &pairs), None).await;
    assert_eq!(location(&response).as_str(), APPLICATION);
    let (tokens, session) = signed_in(&api).await;
    let hint = ("id_token_hint", text(&tokens, "id_token"));
    let response = open(
        sign_out(&api, &[("client_id", "other"), hint]),
        Some(&session),
    )
    .await;
    assert_eq!(response.status(), 400);
    assert!(has_session(&api, &session).await);
    let pairs = [hint, ("post_logout_redirect_uri", target.as_str())];
    let response = open(sign_out(&api, &pairs), Some(&session)).await;
    assert_eq!(
        location(&response).as_str(),
        target,
        "the token names the client"
    );
}

#[tokio::test]
async fn the_pages_of_registered_clients_may_read_what_they_need_and_no_others() {
    let api = start().await;
    let own = console(&api);
    let own = own.trim_end_matches('/');
    let localhost = own.replace("127.0.0.1", "localhost");
    for (origin, allowed) in [
        (own, true),
        (localhost.as_str(), true),
        ("https://app.example", true),
        ("https://evil.example", false),
        ("http://127.0.0.1:1", false),
        ("null", false),
    ] {
        for (method, path) in [
            (Method::GET, "/.well-known/openid-configuration"),
            (Method::GET, "/.well-known/jwks.json"),
            (Method::POST, "/oauth/token"),
            (Method::OPTIONS, "/oauth/token"),
            (Method::OPTIONS, "/.well-known/openid-configuration"),
            (Method::GET, "/authorize"),
            (Method::GET, "/oidc/logout"),
            (Method::GET, "/"),
        ] {
            let url = format!("{}{path}", identity(&api));
            let sent = client()
                .request(method.clone(), url)
                .header("origin", origin);
            let response = sent.send().await.unwrap();
            let headers = response.headers();
            let is_open = path.starts_with("/.well-known/") || path == "/oauth/token";
            let read = headers.get("access-control-allow-origin");
            let expected = (allowed && is_open).then_some(origin);
            assert_eq!(
                read.map(|value| value.to_str().unwrap()),
                expected,
                "{method} {path}"
            );
            assert!(!headers.contains_key("access-control-allow-credentials"));
            assert_eq!(headers.get("vary").is_some(), is_open, "{method} {path}");
            if method == Method::OPTIONS {
                assert_eq!(
                    response.status(),
                    if allowed { 204 } else { 403 },
                    "{origin}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_page_of_a_client_gets_tokens_for_a_code_and_no_others() {
    let api = start().await;
    let redirect_uri = console(&api);
    let origin = redirect_uri.trim_end_matches('/');
    let code = code(&api).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", "console"),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let (status, body) = token_from(&api, Some("https://evil.example"), &exchange).await;
    assert_eq!((status, &body["error"]), (403, &json!("access_denied")));
    let (status, tokens) = token_from(&api, Some(origin), &exchange).await;
    assert_eq!(status, 200, "{tokens}");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("client_id", "console"),
    ];
    let (status, body) = token_from(&api, Some("https://evil.example"), &refresh).await;
    assert_eq!((status, &body["error"]), (403, &json!("access_denied")));
    assert_eq!(token_from(&api, Some(origin), &refresh).await.0, 200);
    for grant in ["password", "client_credentials"] {
        let pairs = [
            ("grant_type", grant),
            ("username", "producer"),
            ("client_id", "producer"),
            ("audience", "casting-agency"),
        ];
        let (status, body) = token_from(&api, Some(origin), &pairs).await;
        assert_eq!((status, &body["error"]), (403, &json!("access_denied")));
        assert_eq!(token(&api, &pairs).await.0, 200, "a program");
    }
}

#[tokio::test]
async fn tokens_of_every_flow_last_as_long_as_the_stack_is_told() {
    let api = Api::with(Options {
        token_seconds: 90,
        ..options()
    })
    .await;
    let (tokens, _) = signed_in(&api).await;
    let (_, next) = refresh(&api, text(&tokens, "refresh_token"), "console").await;
    let mut all = vec![tokens, next];
    for grant in ["password", "client_credentials"] {
        let pairs = [
            ("grant_type", grant),
            ("username", "director"),
            ("client_id", "director"),
            ("audience", "casting-agency"),
        ];
        all.push(token(&api, &pairs).await.1);
    }
    for tokens in all {
        assert_eq!(tokens["expires_in"], 90);
        for name in ["access_token", "id_token"] {
            if let Some(token) = tokens[name].as_str() {
                let claims = claims(token);
                let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
                assert_eq!(lifetime, 90, "{name}");
            }
        }
    }
    let picked = pick(&api, Role::Director, &[("response_type", "token")], None).await;
    let fragment = location(&picked).fragment().unwrap().to_owned();
    assert!(fragment.contains("&expires_in=90&"), "{fragment}");
}

#[tokio::test]
async fn the_discovery_document_names_what_a_client_needs() {
    let api = start().await;
    let url = format!("{}/.well-known/openid-configuration", identity(&api));
    let response = client().get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let document: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let issuer = api.stack.issuer.as_str();
    for (name, value) in [
        ("issuer", json!(issuer)),
        (
            "authorization_endpoint",
            json!(format!("{issuer}authorize")),
        ),
        ("token_endpoint", json!(format!("{issuer}oauth/token"))),
        (
            "end_session_endpoint",
            json!(format!("{issuer}oidc/logout")),
        ),
        ("response_types_supported", json!(["code", "token"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        (
            "scopes_supported",
            json!(["openid", "profile", "offline_access"]),
        ),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
        ("request_uri_parameter_supported", json!(false)),
    ] {
        assert_eq!(document[name], value, "{name}");
    }
}
