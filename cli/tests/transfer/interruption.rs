//! Imports and exports that are interrupted or killed, and what is safe afterwards.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use local::Stack;
use serde_json::json;

use crate::support::*;

fn signal(child: &Child, signal: &str) {
    assert!(
        Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_and_run_again_adds_no_row_twice() {
    let (folder, stack) = (folder(), stack().await);
    let file = actors(&folder, 120);
    // The last responses before the kill are lost, although their rows are there.
    let lossy = |number, _: &Request<Body>| {
        if number < 60 {
            Reply::Pass
        } else {
            Reply::Lose
        }
    };
    let server = Server::start(&stack.api, lossy).await;
    let mut killed = command(&folder, &stack, &server.url, &["import", &file])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    server.has_served(68).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(list(&stack, "actors").await.len(), 68);

    assert_eq!(
        summary(&run(&folder, &stack, &["import", &file])),
        counts(52, 68, 0)
    );
    let actors = list(&stack, "actors").await;
    let mut names = names(&actors);
    names.sort_unstable();
    names.dedup();
    assert_eq!((actors.len(), names.len()), (120, 120));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_ends_at_once_and_says_how_to_continue() {
    let (folder, stack) = (folder(), stack().await);
    let file = actors(&folder, 30);
    let server = Server::start(&stack.api, |number, _| {
        if number < 10 {
            Reply::Pass
        } else {
            busy(503, "59")
        }
    })
    .await;
    let again = format!("--again={}", casting::random_run().unwrap());
    let arguments = ["import", &file, &again, "--concurrency", "4"];
    let mut command = command(&folder, &stack, &server.url, &arguments);
    let importing = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.has_served(14).await;
    let started = Instant::now();
    signal(&importing, "-INT");
    let output = importing.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (output.status.code(), summary(&output)),
        (Some(1), counts(10, 0, 0))
    );
    let message = text(&output.stderr);
    assert!(
        message.contains("20 of 30 rows have no response yet"),
        "{message}"
    );
    assert!(
        message.contains(&format!(
            "run the same command as the same user with {again}, so that it ends before "
        )),
        "{message}"
    );
    assert_eq!(
        summary(&run(&folder, &stack, &arguments)),
        counts(20, 10, 0)
    );
}

/// A server that sends one page and then nothing any more.
async fn stuck(stack: &Stack) -> Server {
    let reply = |number, _: &Request<Body>| match number {
        0 => page(json!({"actors": [{"id": 1, "name": "Ida"}], "next": "/actors?after=1"})),
        _ => Reply::Lose,
    };
    Server::start(&stack.api, reply).await
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_export_leaves_no_file_and_a_killed_one_blocks_no_other() {
    let (folder, stack) = (folder(), stack().await);
    let begin = async |signals: &str| {
        let server = stuck(&stack).await;
        let mut command = command(
            &folder,
            &stack,
            &server.url,
            &["export", "actors", "--output", "actors.csv"],
        );
        let exporting = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        server.has_served(2).await;
        assert_eq!(files(&folder).len(), 1);
        signal(&exporting, signals);
        exporting.wait_with_output().unwrap()
    };
    for signals in ["-INT", "-TERM", "-HUP"] {
        let output = begin(signals).await;
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(1), "error: interrupted".into())
        );
        assert_eq!(files(&folder), [""; 0]);
    }
    begin("-KILL").await;
    assert_eq!(files(&folder).len(), 1);
    assert!(
        run(
            &folder,
            &stack,
            &["export", "actors", "--output", "actors.csv"]
        )
        .status
        .success()
    );
    assert!(files(&folder).contains(&"actors.csv".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_advises_what_could_add_a_row_twice() {
    let (folder, stack) = (folder(), stack().await);
    fs::write(
        folder.path().join("actors.csv"),
        "name,age,gender\nIda,34,f\nMax,151,m\n",
    )
    .unwrap();
    let message = |arguments: &[&str]| {
        text(
            &run(
                &folder,
                &stack,
                &[&["import", "actors.csv"], arguments].concat(),
            )
            .stderr,
        )
    };
    // However late it is followed, it sends none of the other rows.
    let check = |message: &str, flag: &str| {
        let advice = format!(
            "Correct it in a file of its own, without the other rows, and import that file{flag}."
        );
        assert!(
            message.contains(&advice) && !message.contains("run the same"),
            "{message}"
        );
    };
    check(&message(&[]), "");
    check(&message(&[]), "");
    // To run this as it was typed would be another run, which adds every row again.
    let again = message(&["--again"]);
    let id = again
        .lines()
        .find_map(|line| line.split_once("--again="))
        .unwrap()
        .1
        .to_owned();
    check(&again, &format!(" with --again={id}"));
    assert_eq!(list(&stack, "actors").await.len(), 2);
    check(
        &message(&[&format!("--again={id}")]),
        &format!(" with --again={id}"),
    );
    assert_eq!(list(&stack, "actors").await.len(), 2);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_terminal_is_closed_says_how_to_continue() {
    let (folder, stack) = (folder(), stack().await);
    let file = actors(&folder, 30);
    let server = Server::start(&stack.api, |number, _| {
        if number < 10 {
            Reply::Pass
        } else {
            busy(503, "59")
        }
    })
    .await;
    let mut command = command(
        &folder,
        &stack,
        &server.url,
        &["import", &file, "--concurrency", "4"],
    );
    let importing = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.has_served(14).await;
    signal(&importing, "-HUP");
    let output = importing.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), summary(&output)),
        (Some(1), counts(10, 0, 0))
    );
    assert!(
        text(&output.stderr).contains("To continue, run the same"),
        "{output:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_started_with_nohup_outlives_its_terminal() {
    let (folder, stack) = (folder(), stack().await);
    let reply = |number, _: &Request<Body>| match number {
        0 => busy(503, "1"),
        _ => Reply::Pass,
    };
    let server = Server::start(&stack.api, reply).await;
    let mut nohup = Command::new("nohup");
    nohup
        .arg(casting(&folder).get_program())
        .args(["export", "actors", "--api", &server.url]);
    nohup
        .current_dir(folder.path())
        .env("CASTING_AGENCY_TOKEN", token(&stack, PRODUCER))
        .stdin(Stdio::null());
    let exporting = nohup
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.has_served(1).await;
    signal(&exporting, "-HUP");
    let output = exporting.wait_with_output().unwrap();
    assert_eq!(
        (output.status.success(), text(&output.stdout).as_str()),
        (true, "id,name,age,gender"),
        "{output:?}"
    );
}
