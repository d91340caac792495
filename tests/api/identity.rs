use local::{Options, Role};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::{Api, client, options, send};

fn url(api: &Api, path: &str) -> String {
    format!("{}{path}", api.stack.identity.as_ref().unwrap())
}

async fn grant(api: &Api, body: &Value) -> (u16, Value) {
    token(api, "application/json", body.to_string()).await
}

async fn token(api: &Api, content_type: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
    read(
        client()
            .post(url(api, "/oauth/token"))
            .header("content-type", content_type)
            .body(body),
    )
    .await
}

async fn read(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    (
        response.status().as_u16(),
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

fn password(user_name: &str) -> Value {
    json!({"grant_type": "password", "username": user_name, "password": "anything", "audience": "casting-agency", "client_id": "any"})
}

#[tokio::test]
async fn every_user_gets_a_token_that_the_api_accepts() {
    let api = Api::start().await;
    for role in Role::ALL {
        let (status, body) = grant(&api, &password(role.user_name())).await;
        assert_eq!(
            (status, &body["token_type"], &body["expires_in"]),
            (200, &json!("Bearer"), &json!(86_400))
        );
        let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let response = send(
            api.request("GET", "/actors")
                .header("authorization", bearer),
        )
        .await;
        assert_eq!(
            response.status,
            if role == Role::Nobody { 403 } else { 200 }
        );
    }
}

fn client_credentials(client_id: &str) -> Value {
    json!({"grant_type": "client_credentials", "client_id": client_id, "client_secret": "x", "audience": "casting-agency"})
}

#[tokio::test]
async fn a_client_credentials_grant_issues_a_token_for_the_client_ids_role() {
    let api = Api::start().await;
    for role in Role::ALL {
        let (status, body) = grant(&api, &client_credentials(role.user_name())).await;
        assert_eq!(
            (status, &body["token_type"], &body["expires_in"]),
            (200, &json!("Bearer"), &json!(86_400))
        );
        let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
        for (method, path, permission) in [
            ("GET", "/actors", "get:actors"),
            ("DELETE", "/movies/9", "delete:movies"),
        ] {
            let held = role
                .permissions()
                .iter()
                .any(|held| held.as_str() == permission);
            let response = send(api.request(method, path).header("authorization", &bearer)).await;
            assert_eq!(response.status == 403, !held, "{method} {path} as {role:?}");
        }
    }
}

#[tokio::test]
async fn a_grant_request_may_be_form_encoded() {
    let api = Api::start().await;
    for form in [
        "grant_type=password&username=director&password=x&audience=casting-agency&client_id=x",
        "grant_type=client_credentials&client_id=director&client_secret=x&audience=casting%2Dagency",
    ] {
        for content_type in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        ] {
            assert_eq!(token(&api, content_type, form).await.0, 200, "{form}");
        }
    }
}

#[tokio::test]
async fn an_invalid_grant_returns_the_oauth_error() {
    let api = Api::start().await;
    let changed = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let user = |name: &str, value: Value| changed(password("director"), name, value);
    let program = |name: &str, value: Value| changed(client_credentials("director"), name, value);
    let table = [
        (
            user("username", json!("admin")),
            403,
            "invalid_grant",
            "username must be assistant, director,",
        ),
        (
            user("username", json!("")),
            400,
            "invalid_request",
            "username is missing",
        ),
        (
            user("username", Value::Null),
            400,
            "invalid_request",
            "cannot be read",
        ),
        (
            user("username", json!(1)),
            400,
            "invalid_request",
            "cannot be read",
        ),
        (
            user("audience", json!("other")),
            403,
            "access_denied",
            "audience must be casting-agency",
        ),
        (
            user("audience", json!("")),
            400,
            "invalid_request",
            "audience is missing",
        ),
        (
            program("client_id", json!("admin")),
            401,
            "invalid_client",
            "client_id must be assistant, director,",
        ),
        (
            program("client_id", json!("")),
            400,
            "invalid_request",
            "client_id is missing",
        ),
        (
            program("audience", json!("other")),
            403,
            "access_denied",
            "audience must be casting-agency",
        ),
        (
            program("grant_type", json!("implicit")),
            400,
            "unsupported_grant_type",
            "refresh_token or password or client_credentials",
        ),
        (
            program("grant_type", json!("PASSWORD")),
            400,
            "unsupported_grant_type",
            "password or client_credentials",
        ),
        (
            program("grant_type", json!("")),
            400,
            "invalid_request",
            "grant_type is missing",
        ),
        (json!({}), 400, "invalid_request", "grant_type is missing"),
        (json!([]), 400, "invalid_request", "not a JSON object"),
        (
            json!("grant_type"),
            400,
            "invalid_request",
            "not a JSON object",
        ),
    ];
    for (body, status, error, description) in table {
        let (actual, response) = grant(&api, &body).await;
        assert_eq!(
            (actual, response["error"].as_str()),
            (status, Some(error)),
            "{body}"
        );
        check_description(&response, description);
    }
}

/// An error has two members, and its description only characters that the standard allows
/// (RFC 6749, section 5.2).
#[track_caller]
fn check_description(response: &Value, expected: &str) {
    let description = response["error_description"].as_str().unwrap();
    assert!(description.contains(expected), "{response}");
    assert!(
        description
            .chars()
            .all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')),
        "{response}"
    );
    assert_eq!(response.as_object().unwrap().len(), 2, "{response}");
}

#[tokio::test]
async fn a_malformed_grant_request_returns_an_oauth_error() {
    let api = Api::start().await;
    let form = "application/x-www-form-urlencoded";
    let good = "grant_type=password&username=director&audience=casting-agency";
    let huge = format!("{good}&password={}", "x".repeat(70_000));
    let repeated = r#"{"grant_type": "password", "username": "nobody", "username": "producer", "audience": "casting-agency"}"#;
    let table = [
        ("application/json", "", 400, "not a JSON object"),
        ("application/json", "{", 400, "cannot be read"),
        (
            "application/json",
            r#"{"grant_type": "\"\\"#,
            400,
            "cannot be read",
        ),
        ("application/json", repeated, 400, "duplicate field"),
        (
            form,
            &format!("{good}&username=producer"),
            400,
            "duplicate field",
        ),
        (form, "", 400, "grant_type is missing"),
        (
            form,
            "grant_type=&username=director",
            400,
            "grant_type is missing",
        ),
        ("text/plain", good, 400, "Content-Type must be"),
        (
            "multipart/form-data; boundary=x",
            good,
            400,
            "Content-Type must be",
        ),
        (form, &huge, 413, "larger than 64 KiB"),
        (
            "application/json",
            &format!("{{\"x\": \"{huge}\"}}"),
            413,
            "larger than 64 KiB",
        ),
    ];
    for (content_type, body, status, description) in table {
        let (actual, response) = token(&api, content_type, body.to_owned()).await;
        assert_eq!(
            (actual, &response["error"]),
            (status, &json!("invalid_request")),
            "{response}"
        );
        check_description(&response, description);
    }
    let (status, _) = read(client().post(url(&api, "/oauth/token")).body(good)).await;
    assert_eq!(status, 400, "without a Content-Type");
}

#[tokio::test]
async fn a_cross_site_request_gets_no_token() {
    let api = Api::start().await;
    let own = url(&api, "");
    let table = [
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", own.as_str(), 200),
        ("origin", "https://evil.example", 403),
        ("origin", "http://127.0.0.1:1", 403),
        ("origin", "null", 403),
    ];
    for body in [password("producer"), client_credentials("producer")] {
        for (name, value, status) in table {
            let request = client()
                .post(url(&api, "/oauth/token"))
                .header("content-type", "application/json");
            let (actual, response) = read(request.header(name, value).body(body.to_string())).await;
            assert_eq!(
                (actual, response.get("access_token").is_some()),
                (status, status == 200),
                "{name}: {value}"
            );
        }
    }
    let preflight = client().request(reqwest::Method::OPTIONS, url(&api, "/oauth/token"));
    let preflight = preflight
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin"),
        "{response:?}"
    );
}

#[tokio::test]
async fn the_issuer_publishes_its_configuration_and_public_key() {
    let api = Api::start().await;
    let get = async |path: &str| -> Value {
        let response = client().get(url(&api, path)).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    };
    let configuration = get("/.well-known/openid-configuration").await;
    assert_eq!(configuration["issuer"], url(&api, "/"));
    assert_eq!(
        configuration["jwks_uri"],
        url(&api, "/.well-known/jwks.json")
    );
    assert_eq!(configuration["token_endpoint"], url(&api, "/oauth/token"));
    assert_eq!(
        configuration["grant_types_supported"],
        json!([
            "implicit",
            "authorization_code",
            "refresh_token",
            "password",
            "client_credentials"
        ])
    );
    let key = &get("/.well-known/jwks.json").await["keys"][0];
    assert_eq!(
        (&key["kty"], &key["use"], &key["alg"]),
        (&json!("RSA"), &json!("sig"), &json!("RS256"))
    );
    assert!(key.get("d").is_none());
}

#[tokio::test]
async fn signing_in_redirects_to_the_client_with_a_token() {
    let api = application().await;
    let query = "audience=casting-agency&response_type=token&client_id=x&redirect_uri=https://app.example/done&state=a%26b";
    let page = client()
        .get(url(&api, &format!("/authorize?{query}")))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for role in Role::ALL {
        assert!(
            page.contains(role.title()) && page.contains(&format!("role={}", role.user_name())),
            "{page}"
        );
    }
    assert!(page.contains("<form method=\"post\">"), "{page}");
    let form = client()
        .post(url(&api, &format!("/authorize?{query}&role=director")))
        .header("origin", url(&api, ""));
    let picked = form.send().await.unwrap();
    assert_eq!(picked.status(), 303);
    let location = picked.headers()["location"].to_str().unwrap();
    let fragment = location.strip_prefix("https://app.example/done#").unwrap();
    assert!(
        fragment.contains("token_type=Bearer&expires_in=86400&state=a%26b"),
        "{fragment}"
    );
    let token = fragment
        .split('&')
        .find_map(|pair| pair.strip_prefix("access_token="))
        .unwrap();
    send(
        api.request("GET", "/movies")
            .header("authorization", format!("Bearer {token}")),
    )
    .await
    .expect(200);
}

#[tokio::test]
async fn an_invalid_sign_in_returns_400_and_runs_no_script() {
    let api = application().await;
    let good = [
        ("audience", "casting-agency"),
        ("response_type", "token"),
        ("client_id", "x"),
        ("redirect_uri", "https://app.example/done"),
    ];
    let long = "x".repeat(513);
    for (name, value) in [
        ("client_id", ""),
        ("client_id", &long),
        ("client_id", "x&client_id=y"),
        ("redirect_uri", ""),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "http://x/%0d%0ax"),
        ("redirect_uri", "/done"),
        ("redirect_uri", "https://evil.example/done"),
        ("role", "admin"),
    ] {
        let pairs: Vec<_> = good
            .iter()
            .filter(|(known, _)| *known != name)
            .chain(&[(name, value)])
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = client()
            .get(url(&api, &format!("/authorize?{}", pairs.join("&"))))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 400, "{name}={value}");
    }
    let query = "audience=casting-agency&response_type=token&client_id=x&redirect_uri=https://app.example/done&state=\"><script>alert(1)</script>";
    let page = client()
        .get(url(&api, &format!("/authorize?{query}")))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("<form method=\"post\">"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

/// A stack with an application under development.
async fn application() -> Api {
    Api::with(Options {
        redirect_uris: vec!["https://app.example/done".parse().unwrap()],
        ..options()
    })
    .await
}

#[tokio::test]
async fn an_external_issuer_starts_no_local_identity_service() {
    let issuer =
        crate::support::issuer::TestIssuer::start(crate::support::issuer::Behaviour::Fails(500))
            .await;
    let api = Api::trusting(issuer.url.clone()).await;
    assert!(api.stack.identity.is_none() && api.stack.tokens.is_none());
}

#[tokio::test]
async fn a_role_is_accepted_only_from_a_same_origin_request() {
    let api = application().await;
    let query = "audience=casting-agency&response_type=token&client_id=x&redirect_uri=https://app.example/done&role=producer";
    let own = url(&api, "");
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    let table = [
        (&get, vec![("sec-fetch-site", "same-origin")], true),
        (&get, vec![("sec-fetch-site", "cross-site")], false),
        (&get, vec![("sec-fetch-site", "same-site")], false),
        (&get, vec![("sec-fetch-site", "none")], false),
        (&get, vec![], false),
        (&get, vec![("origin", own.as_str())], false),
        (&get, vec![("referer", own.as_str())], false),
        (&post, vec![("sec-fetch-site", "same-origin")], true),
        (
            &post,
            vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
            true,
        ),
        // A browser sends only `Origin` to an HTTP address that it does not trust.
        (&post, vec![("origin", own.as_str())], true),
        (
            &post,
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            false,
        ),
        (&post, vec![("origin", "https://evil.example")], false),
        (&post, vec![("origin", "null")], false),
        (&post, vec![], false),
    ];
    for (method, headers, confirmed) in table {
        let request = client().request(method.clone(), url(&api, &format!("/authorize?{query}")));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = request.send().await.unwrap();
        assert_eq!(
            response.headers().contains_key("location"),
            confirmed,
            "{method} {headers:?}"
        );
        assert_eq!(
            response.status(),
            if confirmed { 303 } else { 200 },
            "{method} {headers:?}"
        );
        let page = response.text().await.unwrap();
        assert_eq!(page.contains("No token was issued"), !confirmed, "{page}");
    }
}

#[tokio::test]
async fn the_callback_is_the_only_identity_page_accepted_as_redirect_uri() {
    let api = Api::start().await;
    let sign_in = async |redirect_uri: &str| {
        let query = [
            ("audience", "casting-agency"),
            ("response_type", "token"),
            ("client_id", "x"),
        ];
        let pairs = query
            .into_iter()
            .chain([("redirect_uri", redirect_uri)])
            .map(|(name, value)| {
                let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
                format!("{name}={value}")
            });
        let path = format!("/authorize?{}", pairs.collect::<Vec<_>>().join("&"));
        client()
            .get(url(&api, &path))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(sign_in(&url(&api, "/callback")).await, 200);
    assert_eq!(sign_in("http://127.0.0.1:1/callback").await, 400);
    for path in [
        "/authorize?role=producer",
        "/x/../authorize",
        "/%61uthorize",
        "/",
        "/docs",
    ] {
        assert_eq!(sign_in(&url(&api, path)).await, 400, "{path}");
    }
}

#[tokio::test]
async fn no_page_of_the_identity_service_may_be_framed() {
    let api = Api::start().await;
    let sign_in = format!(
        "/authorize?audience=casting-agency&response_type=token&client_id=x&redirect_uri={}",
        url(&api, "/callback")
    );
    for path in [
        "/",
        &sign_in,
        "/oidc/logout",
        "/authorize",
        "/callback",
        "/docs",
        "/docs/page.js",
        "/openapi.yaml",
        "/nowhere",
    ] {
        let response = client().get(url(&api, path)).send().await.unwrap();
        assert_eq!(response.headers()["x-frame-options"], "DENY", "{path}");
        let policies: Vec<_> = response
            .headers()
            .get_all("content-security-policy")
            .iter()
            .collect();
        assert_eq!(policies.len(), 1, "{path}");
        assert!(
            policies[0]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
}
