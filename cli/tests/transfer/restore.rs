//! `casting restore`: every row once, whatever happens meanwhile.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Request;
use local::{Role, Stack};
use serde_json::json;
use tempfile::TempDir;

use crate::agency::*;
use crate::support::*;

fn restore(folder: &TempDir, stack: &Stack, arguments: &[&str]) -> Output {
    run(folder, stack, &[&["restore"], arguments].concat())
}

fn restored(added: usize, there: usize, rejected: usize) -> String {
    format!("{added} added, {there} already there, {rejected} rejected")
}

/// Checks what the command printed last.
fn check(output: &Output, expected: &str) {
    assert_eq!(summary(output), expected, "{output:?}");
}

fn verified(rows: usize, of: usize) -> String {
    format!("{rows} of {of} rows are in the agency as they are in the file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_agency_is_as_it_was_and_a_second_run_adds_nothing() {
    let (folder, first) = (folder(), stack().await);
    let rows = write_backup(&folder, "rows.jsonl", &rows_of(100, 20));
    check(&restore(&folder, &first, &[&rows]), &restored(120, 0, 0));
    let backup = run(&folder, &first, &["backup", "agency.jsonl"]);
    assert!(backup.status.success(), "{backup:?}");

    // An agency that has rows already, some with the ids that the file has.
    let second = stack().await;
    for number in 1..=7 {
        let other = json!({"name": format!("Other {number}"), "age": 1, "gender": "m"});
        send(&second, "POST", "actors", &other).await;
    }
    send(
        &second,
        "POST",
        "movies",
        &json!({"title": "Other", "cast": [{"actor_id": 3}]}),
    )
    .await;
    let before = contents(&second).await;
    check(
        &restore(&folder, &second, &["agency.jsonl"]),
        &restored(120, 0, 0),
    );
    let mut expected = [before, contents(&first).await].concat();
    expected.sort();
    assert_eq!(contents(&second).await, expected);
    check(
        &restore(&folder, &second, &["agency.jsonl", "--verify"]),
        &verified(120, 120),
    );
    check(
        &restore(&folder, &second, &["agency.jsonl"]),
        &restored(0, 120, 0),
    );
    assert_eq!(contents(&second).await, expected);

    // Once more only if it is asked for.
    check(
        &restore(&folder, &second, &["agency.jsonl", "--again"]),
        &restored(120, 0, 0),
    );
    check(
        &restore(&folder, &second, &["agency.jsonl", "--verify"]),
        &verified(120, 120),
    );
    assert_eq!(contents(&second).await.len(), 8 + 240);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_cast_comes_back_whole_also_after_a_kill_between_its_parts() {
    let (folder, stack) = (folder(), stack().await);
    let mut rows: Vec<_> = (1..=80).map(actor).collect();
    rows.push(movie(1, 1..=80));
    let file = write_backup(&folder, "agency.jsonl", &rows);
    // The first change of the cast is executed, and its response is lost. The change before it only
    // checks the permission.
    let patches = AtomicUsize::new(0);
    let (lost, mut is_lost) = tokio::sync::watch::channel(None);
    let server = Server::start(&stack.api, move |number, request: &Request<Body>| {
        let is_lost = request.method() == "PATCH" && patches.fetch_add(1, Ordering::SeqCst) == 1;
        if is_lost {
            lost.send_replace(Some(number));
            return Reply::Lose;
        }
        Reply::Pass
    })
    .await;
    let restore_with = |arguments: &[&str]| {
        let arguments = [&["restore", &file], arguments].concat();
        command(&folder, &stack, &server.url, &arguments)
    };
    let restore = || restore_with(&[]);
    let mut killed = restore().stderr(Stdio::null()).spawn().unwrap();
    let number = is_lost.wait_for(Option::is_some).await.unwrap().unwrap();
    server.has_served(number + 1).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Somebody adds a credit of their own meanwhile.
    let other = json!({"name": "Other", "age": 1, "gender": "m"});
    send(&stack, "POST", "actors", &other).await;
    let there = get(&stack, "movies/1?include=cast").await["movies"][0]["cast"].clone();
    let mut cast: Vec<_> = there.as_array().unwrap().clone();
    assert_eq!(cast.len(), 66);
    for credit in &mut cast {
        credit.as_object_mut().unwrap().remove("name");
    }
    cast.push(json!({"actor_id": 81}));
    send(&stack, "PATCH", "movies/1", &json!({ "cast": cast })).await;
    check(&restore().output().unwrap(), &restored(1, 80, 0));
    let movie = get(&stack, "movies/1?include=cast").await["movies"][0].clone();
    assert_eq!(movie["cast"].as_array().unwrap().len(), 81);
    let output = restore_with(&["--verify"]).output().unwrap();
    assert!(
        text(&output.stdout).contains("; the file has no credit of actor 81"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_names_each_field_that_differs() {
    let (folder, stack) = (folder(), stack().await);
    let rows = [
        actor(1),
        actor(2),
        actor(3),
        movie(5, [1, 2]),
        movie(6, [3]),
    ];
    let file = write_backup(&folder, "agency.jsonl", &rows);
    let output = restore(&folder, &stack, &[&file, "--verify"]);
    assert!(
        text(&output.stderr).contains("there is no journal"),
        "{output:?}"
    );
    check(
        &restore(&folder, &stack, &[&file, "--concurrency", "1"]),
        &restored(5, 0, 0),
    );
    send(
        &stack,
        "PATCH",
        "actors/1",
        &json!({"name": "Eva", "age": 5}),
    )
    .await;
    send(&stack, "DELETE", "actors/3", &json!({})).await;
    let cast = json!({"cast": [{"actor_id": 1, "character": "Cat", "billing": 1}]});
    send(&stack, "PATCH", "movies/1", &cast).await;
    let output = restore(&folder, &stack, &[&file, "--verify"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = [
        "agency.jsonl, line 2: actor 1 is actor 1 in the agency; age is 5, and 1 in the file; name is \"Eva\", and \"Actor 1\" in the file",
        "agency.jsonl, line 4: actor 3 is actor 3 in the agency, and was deleted there",
        "agency.jsonl, line 5: movie 5 is movie 1 in the agency; credit of actor 1: character is \"Cat\", and \"Role 1\" in the file; \
         credit of actor 1: billing is 1, and nothing in the file; the credit of actor 2 is missing",
        "agency.jsonl, line 6: movie 6 is movie 2 in the agency; the credit of actor 3 is missing",
        &verified(1, 5),
    ];
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_a_whole_backup_is_rejected_before_any_request() {
    let (folder, stack) = (folder(), stack().await);
    let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
    let rows = rows_of(30, 5);
    let whole = write_backup(&folder, "agency.jsonl", &rows);
    let whole = fs::read_to_string(folder.path().join(whole)).unwrap();
    let last = whole.trim_end().rfind('\n').unwrap();
    let reject = |contents: &[u8], expected: &str| {
        fs::write(folder.path().join("agency.jsonl"), contents).unwrap();
        let output = command(&folder, &stack, &server.url, &["restore", "agency.jsonl"])
            .output()
            .unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    };
    reject(b"", "the file is empty");
    reject(&whole.as_bytes()[..last + 1], "it was truncated or changed");
    reject(
        &whole.as_bytes()[..last + 9],
        "has no end: the file is truncated",
    );
    reject(
        whole.trim_end().as_bytes(),
        "has no end: the file is truncated",
    );
    let edited = whole.replace("\"name\":\"Actor 2\"", "\"name\":\"Actor X\"");
    reject(edited.as_bytes(), "the rows do not have the digest");
    let doubled = format!("{whole}{}", &whole[last + 1..]);
    reject(doubled.as_bytes(), "line 37 is out of order");
    let foreign = whole.replacen("\"age\":2", "\"years\":2", 1);
    reject(foreign.as_bytes(), "line 2 is not a row of a backup");
    let newer = whole.replacen("\"version\":1", "\"version\":2", 1);
    reject(newer.as_bytes(), "this backup has version 2 of the format");
    reject(b"name,age,gender\nIda,34,f\n", "this is not a backup");
    reject(b"{\"actor\":{}}\n", "this is not a backup");
    reject(&[b'x'; 3 << 20], "line 1 is longer than 1048576 bytes");
    let endless = [whole.as_bytes(), &[b'x'; 3 << 20]].concat();
    reject(&endless, "line 37 is longer than 1048576 bytes");
    reject(b"\x1f\x8b\x08\n", "line 1 is not UTF-8");
    write_backup(&folder, "unknown.jsonl", &[actor(1), movie(1, [2])]);
    let unknown = fs::read(folder.path().join("unknown.jsonl")).unwrap();
    reject(
        &unknown,
        "line 3 has a credit of actor 2, who is not in the file",
    );
    let missing = restore(&folder, &stack, &["missing.jsonl"]);
    assert!(
        text(&missing.stderr).contains("missing.jsonl: No such file"),
        "{missing:?}"
    );
    assert_eq!(server.served(), 0);
    assert_eq!(files(&folder), ["agency.jsonl", "unknown.jsonl"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_permission_is_known_before_the_first_row() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "agency.jsonl", &rows_of(3, 1));
    let check = |role: Role, expected: &str| {
        let output = command(&folder, &stack, &stack.api, &["restore", &file])
            .env("CASTING_AGENCY_TOKEN", token(&stack, role))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("Permission not found: {expected}");
        assert!(text(&output.stderr).contains(&expected), "{output:?}");
    };
    check(Role::Nobody, "get:actors");
    check(Role::Assistant, "post:actors");
    check(Role::Director, "post:movies");
    assert_eq!(files(&folder), [file.as_str()]);
    assert_eq!(contents(&stack).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_journal_a_restore_asks_and_finds_the_rows_by_their_values() {
    let (folder, stack) = (folder(), stack().await);
    let rows = rows_of(40, 12);
    let file = write_backup(&folder, "agency.jsonl", &rows);
    check(&restore(&folder, &stack, &[&file]), &restored(52, 0, 0));
    let expected = contents(&stack).await;
    fs::remove_file(journal(&folder)).unwrap();
    let output = restore(&folder, &stack, &[&file]);
    let message = text(&output.stderr);
    assert!(
        message.contains("40 actors and 12 movies of the file are in the agency already"),
        "{message}"
    );
    assert_eq!(contents(&stack).await, expected);
    check(
        &restore(&folder, &stack, &[&file, "--match"]),
        &restored(0, 52, 0),
    );
    check(
        &restore(&folder, &stack, &[&file, "--verify"]),
        &verified(52, 52),
    );

    // A power failure can leave a journal without its first line.
    for journal_of_nothing in ["", "{\"format\":\"casting-agency-re"] {
        fs::write(journal(&folder), journal_of_nothing).unwrap();
        let output = restore(&folder, &stack, &[&file]);
        assert!(
            text(&output.stderr).contains("are in the agency already"),
            "{output:?}"
        );
    }
    fs::remove_file(journal(&folder)).unwrap();

    // Some rows are missing, and a cast is not complete.
    let mut more: Vec<_> = rows_of(60, 12);
    more.push(movie(1000, (1..=50).map(|actor| actor * 2)));
    let more = write_backup(&folder, "more.jsonl", &more);
    let output = restore(&folder, &stack, &[&more, "--match"]);
    assert!(output.status.success(), "{output:?}");
    check(
        &restore(&folder, &stack, &[&more, "--verify"]),
        &verified(73, 73),
    );
    assert_eq!(list(&stack, "actors").await.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_no_key_finds_any_more_are_found_by_their_values() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "agency.jsonl", &rows_of(40, 12));
    check(&restore(&folder, &stack, &[&file]), &restored(52, 0, 0));
    let expected = contents(&stack).await;
    // The last entries of the journal are lost, and the keys of their rows have expired.
    let path = journal(&folder);
    let lines = fs::read_to_string(&path).unwrap();
    let cut = |edit: &dyn Fn(String) -> String| {
        let kept: Vec<_> = lines.lines().take(20).collect();
        let run = kept[0].split_once("\"run\":\"").unwrap().1[..14].to_owned();
        let other = casting::random_run().unwrap();
        fs::write(&path, edit(kept.join("\n").replace(&run, &other) + "\n")).unwrap();
        let output = restore(&folder, &stack, &[&file]);
        check(&output, &restored(0, 52, 0));
    };
    let at = format!("\"at\":\"{}", chrono::Utc::now().format("%Y-"));
    cut(&|journal| journal.replace(&at, "\"at\":\"1999-"));
    cut(&|journal| journal.replacen("\"user\":\"", "\"user\":\"other", 1));
    assert_eq!(contents(&stack).await, expected);
    check(
        &restore(&folder, &stack, &[&file, "--verify"]),
        &verified(52, 52),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_rows_that_are_gone_is_not_continued() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(
        &folder,
        "agency.jsonl",
        &[actor(1), actor(2), movie(1, [2])],
    );
    check(&restore(&folder, &stack, &[&file]), &restored(3, 0, 0));
    // One row that is left is enough.
    send(&stack, "DELETE", "actors/1", &json!({})).await;
    send(&stack, "DELETE", "actors/2", &json!({})).await;
    check(&restore(&folder, &stack, &[&file]), &restored(0, 3, 0));
    send(&stack, "PATCH", "movies/1", &json!({"title": "Other"})).await;
    for arguments in [&[file.as_str()][..], &[&file, "--verify"]] {
        let output = restore(&folder, &stack, arguments);
        let expected = "If the agency was emptied or replaced, delete that file";
        assert!(text(&output.stderr).contains(expected), "{output:?}");
    }
    fs::remove_file(journal(&folder)).unwrap();
    check(&restore(&folder, &stack, &[&file]), &restored(3, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_journal_is_neither_used_nor_replaced() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "agency.jsonl", &[actor(1)]);
    check(&restore(&folder, &stack, &[&file]), &restored(1, 0, 0));
    // Another backup gets the name of the first.
    write_backup(&folder, "agency.jsonl", &[actor(2)]);
    for other in [
        fs::read_to_string(journal(&folder)).unwrap(),
        "notes\n".into(),
    ] {
        fs::write(journal(&folder), &other).unwrap();
        let output = restore(&folder, &stack, &[&file]);
        let expected = "is not the journal of a restore of this file into this API";
        assert!(text(&output.stderr).contains(expected), "{output:?}");
        assert_eq!(fs::read_to_string(journal(&folder)).unwrap(), other);
    }
    assert_eq!(list(&stack, "actors").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_named_and_the_others_are_added() {
    let (folder, stack) = (folder(), stack().await);
    let mut old = actor(2);
    old["actor"]["age"] = json!(151);
    let mut unknown = movie(2, []);
    unknown["movie"]["rating"] = json!(5);
    let rows = [actor(1), old, movie(1, [1, 2]), unknown, movie(3, [1])];
    let file = write_backup(&folder, "agency.jsonl", &rows);
    for added in [2, 0] {
        let output = restore(&folder, &stack, &[&file]);
        assert_eq!(output.status.code(), Some(1));
        let expected = [
            "agency.jsonl, line 3: age: must be a whole number from 0 to 150",
            "agency.jsonl, line 4: its actor 2 of the file was not added",
            "agency.jsonl, line 5: rating: is an unknown field",
            &restored(added, 2 - added, 3),
        ];
        assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
    }
    let output = restore(&folder, &stack, &[&file, "--verify"]);
    assert!(
        text(&output.stdout).contains("line 3: actor 2 was not restored"),
        "{output:?}"
    );
    check(&output, &verified(2, 5));
    let unfinished = restore(&folder, &stack, &[&file, "--again"]);
    assert!(
        text(&unfinished.stderr).contains("is not finished"),
        "{unfinished:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_restore_of_a_file_runs_and_an_interrupted_one_says_how_to_continue() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "agency.jsonl", &rows_of(30, 0));
    let server = Server::start(&stack.api, |number, _| match number {
        20 => Reply::Lose,
        _ => Reply::Pass,
    })
    .await;
    let restore_with = |arguments: &[&str]| {
        let arguments = [&["restore", &file], arguments].concat();
        command(&folder, &stack, &server.url, &arguments)
    };
    let restore = || restore_with(&["--concurrency", "1"]);
    let running = restore()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.has_served(21).await;
    let second = restore().output().unwrap();
    assert!(
        text(&second.stderr).contains("another restore of this file is running"),
        "{second:?}"
    );
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let output = running.wait_with_output().unwrap();
    assert!(
        text(&output.stderr).contains("To continue, run the same command"),
        "{output:?}"
    );
    // A power failure can leave a part of a line.
    let mut half = fs::OpenOptions::new()
        .append(true)
        .open(journal(&folder))
        .unwrap();
    half.write_all(b"{\"actor\":58,\"i").unwrap();
    let output = restore().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    check(
        &restore_with(&["--verify"]).output().unwrap(),
        &verified(30, 30),
    );
    assert_eq!(list(&stack, "actors").await.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_stops_it_and_another_one_continues() {
    let (folder, stack) = (folder(), stack().await);
    let file = write_backup(&folder, "agency.jsonl", &rows_of(30, 5));
    let server = Server::start(&stack.api, |number, _| match number {
        20..30 => own(401, &[], r#"{"message":"expired"}"#),
        30..35 => busy(503, "0"),
        _ => Reply::Pass,
    })
    .await;
    let restore = || {
        command(
            &folder,
            &stack,
            &server.url,
            &["restore", &file, "--concurrency", "1"],
        )
    };
    let stopped = restore().output().unwrap();
    let message = text(&stopped.stderr);
    assert!(
        message.contains("it may have expired") && message.contains("of 35 rows are restored"),
        "{message}"
    );
    while server.served() < 30 {
        assert!(!restore().output().unwrap().status.success());
    }
    assert!(restore().output().unwrap().status.success());
    assert_eq!(list(&stack, "actors").await.len(), 30);
    assert_eq!(list(&stack, "movies").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_random_loses_no_row_and_adds_none_twice() {
    let (folder, stack) = (folder(), stack().await);
    let count = 60 + 16 * kills() as u64;
    let file = write_backup(&folder, "agency.jsonl", &rows_of(count, count / 4));
    let rows = count as usize + count as usize / 4;
    let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
    let restore = |arguments: &[&str]| {
        command(
            &folder,
            &stack,
            &server.url,
            &[&["restore", &file], arguments].concat(),
        )
    };
    for _ in 0..kills() {
        // The checks before the first row are some ten requests.
        let is_killed = kill_after(restore(&[]), &server, fastrand::usize(1..=24)).await;
        assert!(is_killed, "the agency is too small for so many kills");
    }
    let output = restore(&[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    check(
        &restore(&["--verify"]).output().unwrap(),
        &verified(rows, rows),
    );
    assert_eq!(contents(&stack).await.len(), rows);
    let unrestored = tempfile::tempdir().unwrap();
    let other = crate::support::stack().await;
    write_backup(&unrestored, "agency.jsonl", &rows_of(count, count / 4));
    check(
        &self::restore(&unrestored, &other, &["agency.jsonl"]),
        &restored(rows, 0, 0),
    );
    assert_eq!(contents(&stack).await, contents(&other).await);
}
