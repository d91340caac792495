//! `casting backup`: one file that has the whole agency, whatever happens meanwhile.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use axum::http::Request;
use local::{Role, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::agency::*;
use crate::support::*;

/// A stack with these rows.
async fn stack_with(rows: &[Value]) -> Stack {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "rows.jsonl", rows);
    let output = run(&folder, &stack, &["restore", &file, "--concurrency", "1"]);
    assert!(output.status.success(), "{output:?}");
    stack
}

/// Checks that the file is whole, and returns its header.
fn header(folder: &TempDir, file: &str) -> Value {
    let (header, body) = read_backup(folder, file);
    assert_eq!(header["digest"], sha256(&body));
    let lines = |kind: &str| body.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!(header["actors"], lines(r#"{"actor":"#));
    assert_eq!(header["movies"], lines(r#"{"movie":"#));
    assert_eq!(header["credits"], body.matches("actor_id").count());
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_every_row_and_is_for_its_owner_alone() {
    let folder = folder();
    let stack = stack_with(&rows_of(30, 8)).await;
    let backup = |file: &str| run(&folder, &stack, &["backup", file]);
    // An existing file that others may read is replaced.
    fs::write(folder.path().join("agency.jsonl"), "old").unwrap();
    let output = backup("agency.jsonl");
    let (header, (_, body)) = (
        header(&folder, "agency.jsonl"),
        read_backup(&folder, "agency.jsonl"),
    );
    let expected = format!(
        "30 actors, 8 movies and {} credits in agency.jsonl",
        header["credits"]
    );
    assert_eq!(text(&output.stdout), expected, "{output:?}");
    assert_eq!(
        (&header["actors"], &header["movies"]),
        (&json!(30), &json!(8))
    );
    assert_eq!(
        (&header["api"], &header["changes"]),
        (&json!(stack.api), &json!(0))
    );
    let moment = |name: &str| header[name].as_str().unwrap();
    assert!(moment("begun") < moment("as_of") && moment("as_of") < moment("ended"));
    let movie: Value = serde_json::from_str(body.lines().last().unwrap()).unwrap();
    let sent = get(&stack, "movies/8?include=cast").await["movies"][0].clone();
    assert_eq!(movie["movie"]["title"], sent["title"]);
    assert_eq!(movie["movie"]["release_date"], sent["release_date"]);
    assert_eq!(files(&folder), ["agency.jsonl"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let there = fs::metadata(folder.path().join("agency.jsonl")).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, 0o600);
    }

    let printed = backup("-");
    assert!(printed.status.success(), "{printed:?}");
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(printed.split_once('\n').unwrap().1, body);
    assert_eq!(files(&folder), ["agency.jsonl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_agency_has_a_backup_too() {
    let (folder, stack) = (folder(), stack().await);
    let output = run(&folder, &stack, &["backup", "agency.jsonl"]);
    assert_eq!(
        text(&output.stdout),
        "0 actors, 0 movies and 0 credits in agency.jsonl"
    );
    header(&folder, "agency.jsonl");
    let output = run(&folder, &stack, &["restore", "agency.jsonl"]);
    assert_eq!(
        summary(&output),
        "0 added, 0 already there, 0 rejected",
        "{output:?}"
    );
}

/// The numbers of requests: two for the permissions, and then two for each reading.
const FIRST_MOVIES: usize = 3;
const SECOND_ACTORS: usize = 4;
const THIRD_ACTORS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_that_changes_is_read_until_it_does_not() {
    let folder = folder();
    let stack = Arc::new(stack_with(&rows_of(20, 3)).await);
    let changed = Arc::clone(&stack);
    let server = Server::start(&stack.api, move |number, _| {
        if number == SECOND_ACTORS {
            send_now(&changed, "PATCH", "actors/5", &json!({"age": 77}));
        }
        Reply::Pass
    })
    .await;
    let output = command(&folder, &stack, &server.url, &["backup", "agency.jsonl"])
        .output()
        .unwrap();
    assert_eq!(text(&output.stderr), "", "{output:?}");
    let header = header(&folder, "agency.jsonl");
    assert_eq!(
        (&header["changes"], header["as_of"].is_null()),
        (&json!(0), false)
    );
    let (_, body) = read_backup(&folder, "agency.jsonl");
    assert!(body.contains(r#"{"actor":{"age":77,"gender":"f","id":5,"#));
    assert_eq!(server.served(), 2 + 3 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_says_what_changed_between_the_last_readings() {
    let check = async |changes: &'static [(usize, &str, &str)], readings: &str, expected: &str| {
        let folder = folder();
        let stack = Arc::new(stack_with(&rows_of(20, 3)).await);
        let changed = Arc::clone(&stack);
        let body = json!({"name": "Eva", "title": "New", "age": 20, "gender": "f"});
        let server = Server::start(&stack.api, move |number, _| {
            for (_, method, path) in changes.iter().filter(|change| change.0 == number) {
                send_now(&changed, method, path, &body);
            }
            Reply::Pass
        })
        .await;
        let arguments = ["backup", "agency.jsonl", "--readings", readings];
        let output = command(&folder, &stack, &server.url, &arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stderr).contains(expected), "{output:?}");
        let header = header(&folder, "agency.jsonl");
        assert_eq!(header["as_of"], Value::Null);
        // It can be restored as it is.
        let restored = stack_with(&[]).await;
        let output = run(&folder, &restored, &["restore", "agency.jsonl"]);
        assert!(output.status.success(), "{output:?}");
    };
    let all = &[
        (SECOND_ACTORS, "POST", "actors"),
        (SECOND_ACTORS, "DELETE", "actors/5"),
        (SECOND_ACTORS, "PATCH", "actors/6"),
        (SECOND_ACTORS, "PATCH", "movies/1"),
    ];
    let expected =
        "(rows added: 1, changed: 3, deleted: 1; actor 5, actor 6, actor 21, movie 1, movie 2)";
    check(all, "2", expected).await;
    let always = &[
        (SECOND_ACTORS, "PATCH", "actors/6"),
        (THIRD_ACTORS, "DELETE", "actors/6"),
    ];
    check(
        always,
        "3",
        "(rows added: 0, changed: 1, deleted: 1; actor 6, movie 1)",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credit_is_of_an_actor_that_the_backup_does_not_have() {
    let folder = folder();
    let stack = Arc::new(stack_with(&rows_of(3, 1)).await);
    let changed = Arc::clone(&stack);
    // The actor is added when the actors have been read, and cast before the movies are.
    let server = Server::start(&stack.api, move |number, _| {
        if number == SECOND_ACTORS + 1 {
            let actor = json!({"name": "Eva", "age": 20, "gender": "f"});
            send_now(&changed, "POST", "actors", &actor);
            send_now(
                &changed,
                "PATCH",
                "movies/1",
                &json!({"cast": [{"actor_id": 4}, {"actor_id": 1}]}),
            );
        }
        Reply::Pass
    })
    .await;
    let arguments = ["backup", "agency.jsonl", "--readings", "2"];
    let output = command(&folder, &stack, &server.url, &arguments)
        .output()
        .unwrap();
    let expected = "added or deleted meanwhile, which are left out: 1";
    assert!(text(&output.stderr).contains(expected), "{output:?}");
    assert_eq!(header(&folder, "agency.jsonl")["credits"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_continues_behind_the_last_whole_row() {
    let folder = folder();
    let stack = stack_with(&rows_of(20, 250)).await;
    // The second page of movies is lost.
    let server = Server::start(&stack.api, |number, _| match number {
        4 => Reply::Lose,
        _ => Reply::Pass,
    })
    .await;
    let backup = || command(&folder, &stack, &server.url, &["backup", "agency.jsonl"]);
    let mut killed = backup().stderr(Stdio::null()).spawn().unwrap();
    server.has_served(FIRST_MOVIES + 2).await;
    let second = backup().output().unwrap();
    assert!(
        text(&second.stderr).contains("another backup is writing it"),
        "{second:?}"
    );
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(files(&folder), ["agency.jsonl.part"]);
    let part = folder.path().join("agency.jsonl.part/1.movies.part");
    let mut file = fs::OpenOptions::new().append(true).open(&part).unwrap();
    file.write_all(b"{\"movie\":{\"id\":101,\"tit").unwrap();
    let before = server.served();
    let output = backup().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    header(&folder, "agency.jsonl");
    let (_, body) = read_backup(&folder, "agency.jsonl");
    assert_eq!(body.lines().count(), 270);
    // Two for the permissions, two pages of movies, and a second reading of four pages.
    assert_eq!(server.served() - before, 2 + 2 + 4);
    assert_eq!(files(&folder), ["agency.jsonl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_too_busy_for_a_page_is_asked_for_smaller_ones() {
    let folder = folder();
    let stack = stack_with(&rows_of(20, 60)).await;
    // Only pages with one digit succeed.
    let is_large = |request: &Request<_>| {
        let query = request.uri().query().unwrap_or_default();
        query.contains("include=cast") && !query.contains("limit=6&") && !query.contains("limit=1&")
    };
    let server = Server::start(&stack.api, move |_, request| match is_large(request) {
        true => busy(503, "0"),
        false => Reply::Pass,
    })
    .await;
    let api = quick(&server.url, &token(&stack, PRODUCER));
    let part = folder.path().join("part");
    let backup = casting::Backup::read(&api, &part, 3, |_| ()).await.unwrap();
    backup.save(&folder.path().join("agency.jsonl")).unwrap();
    assert_eq!(header(&folder, "agency.jsonl")["movies"], 60);
    assert_eq!(files(&folder), ["agency.jsonl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_killed_at_random_is_the_same_in_the_end() {
    let folder = folder();
    let stack = stack_with(&rows_of(40, 350)).await;
    let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
    let backup = |file: &str| command(&folder, &stack, &server.url, &["backup", file]);
    assert!(backup("whole.jsonl").output().unwrap().status.success());
    let (_, whole) = read_backup(&folder, "whole.jsonl");
    let mut killed = 0;
    while killed < kills() {
        // A backup that ends before is complete, and the next one begins again.
        let responses = fastrand::usize(1..=6);
        killed += usize::from(kill_after(backup("agency.jsonl"), &server, responses).await);
    }
    let output = backup("agency.jsonl").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    header(&folder, "agency.jsonl");
    assert_eq!(read_backup(&folder, "agency.jsonl").1, whole);
    assert_eq!(files(&folder), ["agency.jsonl", "whole.jsonl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_another_day_or_api_are_not_continued() {
    let folder = folder();
    let stack = stack_with(&rows_of(5, 1)).await;
    let part = folder.path().join("agency.jsonl.part");
    let check = |api: &str, begun: &str| {
        fs::create_dir(&part).unwrap();
        let part_run = json!({"api": api, "begun": begun, "readings": [begun, begun]});
        fs::write(part.join("run.json"), part_run.to_string()).unwrap();
        for section in ["1.actors", "1.movies", "2.actors", "2.notes"] {
            fs::write(part.join(section), "").unwrap();
        }
        let arguments = ["backup", "agency.jsonl", "--readings", "2"];
        let output = run(&folder, &stack, &arguments);
        assert_eq!(
            text(&output.stdout),
            "5 actors, 1 movies and 0 credits in agency.jsonl"
        );
        // Only what a backup has written there is removed.
        let left = fs::read_dir(&part).unwrap();
        let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["2.notes"]);
        fs::remove_dir_all(&part).unwrap();
    };
    check("http://127.0.0.1:1", "2999-01-01T00:00:00Z");
    check(&stack.api, "2020-01-01T00:00:00Z");
    check(&stack.api, "soon");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_made_leaves_nothing() {
    let (folder, stack) = (folder(), stack().await);
    let check = |api: &str, role: Role, file: &str, expected: &str| {
        let output = command(&folder, &stack, api, &["backup", file])
            .env("CASTING_AGENCY_TOKEN", token(&stack, role))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains(expected), "{output:?}");
    };
    check(
        &stack.api,
        Role::Nobody,
        "a.jsonl",
        "Permission not found: get:actors",
    );
    check(
        "http://127.0.0.1:1",
        PRODUCER,
        "a.jsonl",
        "cannot be reached",
    );
    let foreign = Server::start("", |_, _: &Request<_>| own(200, &[], "<html>")).await;
    check(
        &foreign.url,
        PRODUCER,
        "a.jsonl",
        "is not one of this API's",
    );
    check(
        &stack.api,
        PRODUCER,
        "no/a.jsonl",
        "no/a.jsonl: No such file",
    );
    check(&stack.api, PRODUCER, ".", "this is a link or a folder");
    assert_eq!(files(&folder), [""; 0]);
}
