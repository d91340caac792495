//! Text of files, servers and arguments on its way to a terminal.

use std::fs;
use std::io::Read;
use std::process::{Output, Stdio};

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::*;

/// A text with control sequences, to which a terminal would react.
const CONTROL_SEQUENCES: &str = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{2028}\nc";
/// The same text as it is shown.
const ESCAPED: &str = "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\u{2028}\\u{a}c";

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_a_file_or_a_server_commands_the_terminal() {
    let (folder, stack) = (folder(), stack().await);
    let (sent, shown) = (CONTROL_SEQUENCES, ESCAPED);
    let name = format!("actors {}.csv", sent.replace('\u{2028}', ""));
    let shown_name = format!("actors {}.csv", shown.replace("\\u{2028}", ""));
    let check = |output: &Output, expected: &str| {
        let message = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(message.contains(expected), "{message:?}");
        assert!(
            !message
                .chars()
                .any(|c| c != '\n' && (c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c))),
            "{message:?}"
        );
    };
    fs::write(
        folder.path().join(&name),
        format!("name,age,gender,\"{sent}\"\nIda,34,f,x\n"),
    )
    .unwrap();
    let import = |api: &str| {
        command(&folder, &stack, api, &["import", &name])
            .output()
            .unwrap()
    };
    let ignored =
        format!("{shown_name}: the API has no field for these, which are ignored: {shown} (1 row)");
    check(&import(&stack.api), &ignored);
    let server = Server::start("", |_, _| {
        own(403, &[], json!({"message": CONTROL_SEQUENCES}))
    })
    .await;
    check(&import(&server.url), &format!("403: {shown}"));
    let reply = |_, _: &Request<Body>| {
        own(
            422,
            &[],
            json!({"details": [{"field": CONTROL_SEQUENCES, "message": "is odd"}]}),
        )
    };
    let server = Server::start("", reply).await;
    check(
        &import(&server.url),
        &format!("{shown_name}, line 3: {shown}: is odd"),
    );
    fs::write(folder.path().join(&name), format!("name,age,{sent}\n")).unwrap();
    check(
        &import(&stack.api),
        &format!("{shown_name}: line 1: there is no column \"gender\""),
    );
    check(
        &run(&folder, &stack, &["import", &format!("{sent}/actors.csv")]),
        &format!("{shown}/actors.csv: "),
    );
    let rows = |_, _: &Request<Body>| page(json!({"actors": [{"id": 1, (CONTROL_SEQUENCES): 1}]}));
    let server = Server::start("", rows).await;
    check(
        &command(&folder, &stack, &server.url, &["export", "actors"])
            .output()
            .unwrap(),
        &format!("for it: {shown};"),
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn exported_rows_are_escaped_on_a_terminal_and_exact_elsewhere() {
    let (folder, stack) = (folder(), stack().await);
    let server = Server::start("", |_, _| {
        page(json!({"actors": [{"id": 1, "name": CONTROL_SEQUENCES}]}))
    })
    .await;
    let (sent, shown) = (CONTROL_SEQUENCES, ESCAPED);
    let exported = command(&folder, &stack, &server.url, &["export", "actors"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(exported.stdout).unwrap(),
        format!("id,name,age,gender\n1,\"{sent}\",,\n")
    );

    let terminal = nix::pty::openpty(None, None).unwrap();
    let mut command = command(&folder, &stack, &server.url, &["export", "actors"]);
    let mut exporting = command
        .stdout(Stdio::from(terminal.slave))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The command holds the terminal too, and would keep it open.
    drop(command);
    let mut printed = Vec::new();
    // Linux ends it with an error.
    drop(fs::File::from(terminal.master).read_to_end(&mut printed));
    assert!(exporting.wait().unwrap().success());
    let printed = String::from_utf8(printed).unwrap().replace("\r\n", "\n");
    assert_eq!(printed, format!("id,name,age,gender\n1,\"{shown}\",,\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_argument_commands_the_terminal() {
    let (folder, stack) = (folder(), stack().await);
    let (sent, shown) = (CONTROL_SEQUENCES, ESCAPED);
    for arguments in [
        vec![format!("--x{sent}.csv")],
        vec![
            "import".into(),
            "actors.csv".into(),
            "--resource".into(),
            sent.into(),
        ],
        vec![
            "import".into(),
            "actors.csv".into(),
            format!("--again={sent}"),
        ],
        vec![format!("sub{sent}")],
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = run(&folder, &stack, &arguments);
        let message = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && message.contains(shown),
            "{message:?}"
        );
        assert!(
            !message
                .chars()
                .any(|c| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c))),
            "{message:?}"
        );
    }
    let help = casting(&folder).arg("--help").output().unwrap();
    assert!(
        help.status.success() && text(&help.stdout).contains("Usage:"),
        "{help:?}"
    );
}
