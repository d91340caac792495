//! A set-up that works, the arguments, and the form of the report.

use std::collections::BTreeMap;

use local::{Options, Role, Stack};
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn a_stack_that_works_has_no_findings_for_any_role() {
    let stack = stack().await;
    let roles = [
        (Role::Assistant, "Casting Assistant", 4),
        (Role::Director, "Casting Director", 8),
        (Role::Producer, "Executive Producer", 10),
    ];
    for (role, title, allowed) in roles {
        let token = token(&stack, role);
        let arguments = [
            "--issuer",
            &stack.issuer,
            "--audience",
            "casting-agency",
            "--origin",
            "https://app.example",
        ];
        let diagnosis = doctor(&stack.api, &token, &arguments).await;
        assert_eq!(diagnosis.names(), [""; 0]);
        for check in diagnosis.report["checks"].as_array().unwrap() {
            assert_eq!(check["status"], "ok", "{check}");
        }
        assert_eq!(diagnosis.report["token"]["role"], title);
        let endpoints = diagnosis.report["endpoints"].as_array().unwrap();
        let count = endpoints
            .iter()
            .filter(|one| one["verdict"] == "allowed")
            .count();
        assert_eq!((endpoints.len(), count), (10, allowed), "{title}");
        assert!(diagnosis.text.contains(title) && diagnosis.text.ends_with("No findings.\n"));
    }
}

#[tokio::test]
async fn without_a_token_a_local_api_is_examined_as_a_producer() {
    let stack = stack().await;
    let port = stack.identity.as_ref().unwrap().rsplit(':').next().unwrap();
    let diagnosis = doctor(&stack.api, "", &["--identity-port", port]).await;
    assert_eq!(diagnosis.names(), [""; 0]);
    assert_eq!(diagnosis.report["token"]["role"], "Executive Producer");
    // Without the identity service, there is nothing to find about a token.
    let diagnosis = doctor(&stack.api, "", &[]).await;
    assert_eq!(diagnosis.names(), [""; 0]);
    for check in ["issuer", "token", "permissions", "endpoints"] {
        assert_eq!(diagnosis.status(check), "skipped");
    }
}

#[tokio::test]
async fn the_report_for_programs_has_its_documented_members() {
    let stack = stack().await;
    let expired = changed_token(&stack, json!({}), json!({"exp": from_now(-3600)}));
    let report = doctor(&stack.api, &expired, &[]).await.report;
    let members = |value: &Value| {
        let members = value.as_object().unwrap();
        members.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        members(&report),
        "api casting checks endpoints ok schema token"
    );
    assert_eq!(
        (&report["schema"], &report["casting"]),
        (&json!(1), &json!("0.1.0"))
    );
    assert_eq!(
        members(&report["token"]),
        "audience expires issuer permissions role"
    );
    assert_eq!(
        members(&report["endpoints"][0]),
        "endpoint permission status verdict"
    );
    let checks = report["checks"].as_array().unwrap();
    let names: Vec<_> = checks
        .iter()
        .map(|check| check["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.join(" "),
        "api clock cors issuer keys token permissions endpoints version"
    );
    for check in checks {
        assert_eq!(members(check), "check findings seen status");
    }
    assert_eq!(members(&checks[5]["findings"][0]), "name remedy seen");
    assert!(checks[5]["seen"].is_null());
}

#[tokio::test]
async fn wrong_arguments_are_not_findings() {
    let check = async |arguments: &[&str], expected: &str| {
        let mut command = casting();
        command.arg("doctor").args(arguments);
        let output = output(command).await;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{printed}");
        assert!(
            output.stdout.is_empty() && printed.contains(expected),
            "{printed}"
        );
    };
    check(&["--api", "api.example"], "https://api.example").await;
    check(&["--api", ""], "URL is empty").await;
    check(&["--issuer", "tenant.example/x"], "an issuer is a domain").await;
    check(
        &["--origin", "https://app.example/"],
        "an origin has no path",
    )
    .await;
    check(&["--timeout", "0"], "1..=300").await;
    check(&["--jsn"], "unexpected argument").await;
}

#[tokio::test]
async fn nothing_is_written_whatever_the_token_grants() {
    let stack = stack().await;
    let token = token(&stack, Role::Producer);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |path: &str, body: Value| {
        let request = client
            .post(format!("{}{path}", stack.api))
            .bearer_auth(&token);
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200);
    };
    post(
        "/actors",
        json!({"name": "Ida Example", "age": 34, "gender": "female"}),
    )
    .await;
    post(
        "/movies",
        json!({"title": "An Example", "cast": [{"actor_id": 1}]}),
    )
    .await;
    let before = rows(&stack).await;
    let server = Server::before(&stack, |_, response| response).await;
    check(&server.url, &token, &[], &[]).await;
    assert_eq!(rows(&stack).await, before);
    // The doctor ran twice, as a report for programs and as one for readers.
    let sent = server.received();
    let (first, second) = sent.split_at(sent.len() / 2);
    let lines: Vec<_> = first.iter().map(|one| one.line.as_str()).collect();
    let expected = [
        "GET /actors/0",
        "GET /actors?limit=1",
        "POST /actors",
        "GET /actors/1",
        "PATCH /actors/0",
        "DELETE /actors/0",
        "GET /movies?limit=1",
        "POST /movies",
        "GET /movies/1",
        "PATCH /movies/0",
        "DELETE /movies/0",
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        second
            .iter()
            .map(|one| one.line.as_str())
            .collect::<Vec<_>>(),
        expected
    );
    assert!(sent.iter().all(|one| one.body == 0), "{sent:?}");
}

/// Every row of every table.
async fn rows(stack: &Stack) -> BTreeMap<String, Vec<String>> {
    let tables = stack.client().list_tables().send().await.unwrap();
    let mut rows = BTreeMap::new();
    for table in tables.table_names() {
        let scan = stack
            .client()
            .scan()
            .table_name(table)
            .send()
            .await
            .unwrap();
        let mut items: Vec<_> = scan.items().iter().map(sorted).collect();
        items.sort();
        rows.insert(table.clone(), items);
    }
    assert!(rows.values().flatten().count() >= 3, "{rows:?}");
    rows
}

fn sorted(
    item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>,
) -> String {
    format!("{:?}", item.iter().collect::<BTreeMap<_, _>>())
}

#[tokio::test]
async fn the_token_goes_to_the_api_alone_and_only_once_it_has_identified_itself() {
    let stack = stack().await;
    let foreign = Server::with(200, &[], "{}").await;
    let issuer = issuer_that_records(&stack).await;
    let token = changed_token(
        &stack,
        json!({}),
        json!({"iss": format!("{}/", issuer.url)}),
    );
    let redirect = Server::with(307, &[("location", &foreign.url)], "").await;
    check(&foreign.url, &token, &[], &["api-foreign"]).await;
    check(&redirect.url, &token, &[], &["api-redirect"]).await;
    for server in [&foreign, &redirect, &issuer] {
        assert!(!server.received().is_empty());
        for request in server.received() {
            assert!(!format!("{request:?}").contains(&token), "{request:?}");
            assert!(!request.headers.contains_key("authorization"));
        }
    }
    // The API itself gets it, in the one header.
    let front = Server::before(&stack, |_, response| response).await;
    check(
        &front.url,
        &crate::support::token(&stack, Role::Producer),
        &[],
        &[],
    )
    .await;
    let with = front
        .received()
        .iter()
        .filter(|one| one.headers.contains_key("authorization"))
        .count();
    assert_eq!(with, 20);
}

/// An issuer with the stack's key, which records what it receives.
async fn issuer_that_records(stack: &Stack) -> Server {
    let keys = key_set(stack.tokens.as_ref().unwrap().key()).to_string();
    Server::start(move |parts, _| {
        let host = parts.headers["host"].to_str().unwrap().to_owned();
        let body = match parts.uri.path() {
            "/.well-known/jwks.json" => keys.clone(),
            _ => discovery(&format!("http://{host}")).to_string(),
        };
        async { axum::http::Response::new(body.into()) }
    })
    .await
}

#[tokio::test]
async fn no_text_of_a_server_or_a_token_commands_the_terminal() {
    let stack = stack().await;
    let evil = "\u{1b}\u{9b}[2J\u{202e}\r\nok api";
    let server = Server::with(404, &[], &json!({"message": evil}).to_string()).await;
    let claims = json!({"iss": evil, "aud": evil, "permissions": [evil]});
    for (api, token) in [
        (&server.url, token(&stack, Role::Producer)),
        (
            &stack.api,
            changed_token(&stack, json!({"kid": evil}), claims.clone()),
        ),
        (
            &stack.api,
            changed_token(&stack, json!({"alg": evil}), claims),
        ),
    ] {
        let diagnosis = doctor(api, &token, &[]).await;
        let is_plain = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        for printed in [&diagnosis.text, &diagnosis.json] {
            assert!(printed.chars().all(is_plain), "{printed:?}");
        }
        assert!(!diagnosis.text.contains("\nok api"), "{}", diagnosis.text);
    }
}

#[tokio::test]
async fn an_issuer_that_is_set_in_the_environment_counts() {
    let stack = stack().await;
    let (_socket, closed) = closed_port();
    let mut command = casting();
    command
        .args(["doctor", "--json", "--api", &stack.api])
        .env("CASTING_AGENCY_TOKEN", token(&stack, Role::Producer))
        .env("AUTH0_DOMAIN", &closed)
        .env("API_AUDIENCE", "another");
    let printed = String::from_utf8(output(command).await.stdout).unwrap();
    for name in ["issuer-refused", "settings-issuer", "settings-audience"] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
    let other = Options {
        audience: "another".into(),
        ..options()
    };
    let other = Stack::start(other).await.unwrap();
    // An audience that nobody gave is no wrong setting.
    check(&other.api, &token(&other, Role::Producer), &[], &[]).await;
}
