//! What the tests of backups and restores share: agencies, and backup files.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use local::Stack;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

/// Sends a request as a producer, and returns the body of the response.
pub(crate) async fn send(stack: &Stack, method: &str, path: &str, body: &Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .request(method.parse().unwrap(), format!("{}/{path}", stack.api))
        .bearer_auth(token(stack, PRODUCER))
        .header("content-type", "application/json")
        .body(body.to_string());
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{method} {path}");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// As [`send`], from a server's reply, which cannot wait.
pub(crate) fn send_now(stack: &Stack, method: &str, path: &str, body: &Value) {
    let sending = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(send(stack, method, path, body));
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| scope.spawn(sending).join().unwrap());
    });
}

/// The actors and the movies with their casts; without ids, and with names instead of actors' ids.
/// So two agencies are equal if they differ in their ids only.
pub(crate) async fn contents(stack: &Stack) -> Vec<String> {
    let mut contents = Vec::new();
    for resource in ["actors", "movies"] {
        let mut next = Some(match resource {
            "actors" => "actors".to_owned(),
            _ => "movies?include=cast".to_owned(),
        });
        while let Some(path) = next {
            let page = get(stack, &path).await;
            next = page["next"].as_str().map(|next| next[1..].to_owned());
            for mut row in page[resource].as_array().unwrap().clone() {
                row.as_object_mut().unwrap().remove("id");
                let mut credits: Vec<_> = row["cast"].as_array().cloned().unwrap_or_default();
                for credit in &mut credits {
                    credit.as_object_mut().unwrap().remove("actor_id");
                }
                credits.sort_by_key(Value::to_string);
                row["cast"] = credits.into();
                contents.push(row.to_string());
            }
        }
    }
    contents.sort();
    contents
}

/// An actor's line.
pub(crate) fn actor(id: u64) -> Value {
    json!({"actor": {"id": id, "name": format!("Actor {id}"), "age": id % 100, "gender": "f"}})
}

/// The line of a movie with these actors.
pub(crate) fn movie(id: u64, actors: impl IntoIterator<Item = u64>) -> Value {
    let credit = |actor: u64| json!({"actor_id": actor, "character": format!("Role {actor}")});
    let cast: Vec<_> = actors.into_iter().map(credit).collect();
    json!({"movie": {"id": id, "title": format!("Movie {id}"), "cast": cast,
        "release_date": "Thu, 14 May 2020 14:02:13 GMT"}})
}

/// So many actors, and movies that each have some of them. Every tenth row has the values of
/// another one.
pub(crate) fn rows_of(actors: u64, movies: u64) -> Vec<Value> {
    let mut rows: Vec<_> = (1..=actors).map(|number| actor(number * 2)).collect();
    rows.extend((1..=movies).map(|number| {
        let cast = (1..=actors).filter(|actor| (actor + number) % 7 == 0);
        movie(number * 3, cast.map(|actor| actor * 2).take(40))
    }));
    for index in (9..rows.len()).step_by(10) {
        for (kind, name) in [("actor", "name"), ("movie", "title")] {
            if rows[index][kind].is_object() {
                rows[index][kind][name] = rows[index - 1][kind][name].clone();
            }
        }
    }
    rows
}

/// Writes a backup with these rows.
pub(crate) fn write_backup(folder: &TempDir, name: &str, rows: &[Value]) -> String {
    let body: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let count = |kind: &str| rows.iter().filter(|row| row[kind].is_object()).count();
    let credits = |row: &Value| row["movie"]["cast"].as_array().map_or(0, Vec::len);
    let header = json!({
        "format": "casting-agency-backup", "version": 1, "api": "http://127.0.0.1:3000",
        "begun": "2026-01-01T00:00:00.000Z", "ended": "2026-01-01T00:00:01.000Z", "as_of": null,
        "changes": 0, "actors": count("actor"), "movies": count("movie"),
        "credits": rows.iter().map(credits).sum::<usize>(), "digest": sha256(&body),
    });
    fs::write(folder.path().join(name), format!("{header}\n{body}")).unwrap();
    name.to_owned()
}

/// A digest as a header has it.
pub(crate) fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// The header and the rows of a backup.
pub(crate) fn read_backup(folder: &TempDir, name: &str) -> (Value, String) {
    let file = fs::read_to_string(folder.path().join(name)).unwrap();
    let (header, body) = file.split_once('\n').unwrap();
    (serde_json::from_str(header).unwrap(), body.to_owned())
}

/// The journal of a restore in this folder.
pub(crate) fn journal(folder: &TempDir) -> std::path::PathBuf {
    let journals = files(folder);
    let mut journals = journals.iter().filter(|file| file.ends_with(".restored"));
    let journal = journals.next().unwrap();
    assert_eq!(journals.next(), None);
    folder.path().join(journal)
}

/// How often the tests kill a process: `CASTING_KILLS`, or a few times.
pub(crate) fn kills() -> usize {
    let kills = std::env::var("CASTING_KILLS").ok();
    kills.map_or(4, |kills| kills.parse().unwrap())
}

/// Runs a command until the server has sent so many responses, and kills it then. Returns whether
/// it was killed; it may have ended before.
pub(crate) async fn kill_after(mut command: Command, server: &Server, responses: usize) -> bool {
    let served = server.served();
    let mut running = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = running.stdout.take().unwrap();
    let end = tokio::task::spawn_blocking(move || printed.read_to_end(&mut Vec::new()));
    tokio::select! {
        () = server.has_served(served + responses) => {}
        _ = end => {}
    }
    running.kill().unwrap();
    !running.wait().unwrap().success()
}
