//! Rows in and out in bulk, against the whole stack and against servers that are busy, gone or none
//! of ours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::future::pending;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use futures_util::stream::{self, StreamExt};
use local::transfer::{
    self, Api, Backoff, ExportError, Format, Import, PageError, Resource, Row, Stop, Summary,
    ToFile,
};
use local::{Options, Role, Stack};
use serde_json::{Value, json};
use support::{Folder, local, text};
use tokio::sync::watch;

const PRODUCER: Role = Role::Producer;

async fn stack() -> Stack {
    Stack::start(Options::in_memory()).await.unwrap()
}

fn token(stack: &Stack, role: Role) -> String {
    stack.tokens.as_ref().unwrap().issue(role).unwrap()
}

/// The command with the stack's API and a producer's token, in the environment as the README has
/// it.
fn command(folder: &Folder, stack: &Stack, api: &str, arguments: &[&str]) -> Command {
    let mut command = local(&folder.0);
    command
        .args(arguments)
        .args(["--api", api])
        .env("CASTING_AGENCY_TOKEN", token(stack, PRODUCER));
    command
}

fn run(folder: &Folder, stack: &Stack, arguments: &[&str]) -> Output {
    command(folder, stack, &stack.api, arguments)
        .output()
        .unwrap()
}

/// The last line that it printed.
fn summary(output: &Output) -> String {
    text(&output.stdout)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned()
}

fn counts(created: usize, replayed: usize, refused: usize) -> String {
    format!("{created} created, {replayed} already there, {refused} rejected")
}

async fn get(stack: &Stack, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .get(format!("{}/{path}", stack.api))
        .bearer_auth(token(stack, PRODUCER));
    serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
}

async fn list(stack: &Stack, resource: &str) -> Vec<Value> {
    let body = get(stack, resource).await;
    assert!(body["next"].is_null());
    body[resource].as_array().unwrap().clone()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["name"].as_str().or(row["title"].as_str()).unwrap())
        .collect()
}

/// A CSV file of so many actors.
fn actors(folder: &Folder, count: usize) -> String {
    let rows: String = (1..=count)
        .map(|number| format!("Actor {number},{},f\n", number % 100))
        .collect();
    fs::write(
        folder.0.join("actors.csv"),
        format!("name,age,gender\n{rows}"),
    )
    .unwrap();
    "actors.csv".into()
}

/// How a server in front of the stack answers one request.
enum Reply {
    /// As the stack does.
    Pass,
    /// With this, and the stack is not asked.
    Own(Response<Body>),
    /// With the beginning of an answer, though the stack has done what it was asked.
    Cut,
    /// Not at all, though the stack has done what it was asked.
    Lose,
}

fn own(status: u16, headers: &[(&str, &str)], body: impl ToString) -> Reply {
    let builder = headers.iter().fold(
        Response::builder().status(status),
        |builder, (name, value)| builder.header(*name, *value),
    );
    Reply::Own(builder.body(Body::from(body.to_string())).unwrap())
}

fn busy(status: u16, retry_after: &str) -> Reply {
    own(
        status,
        &[("retry-after", retry_after)],
        r#"{"message":"Too Many Requests"}"#,
    )
}

/// A server of a test's own in front of the stack, or of nothing.
struct Server {
    url: String,
    /// How many requests it has answered, or lost.
    served: watch::Receiver<usize>,
    _task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// `reply` is given the request's number from 0, and the request.
    async fn start(
        behind: &str,
        reply: impl Fn(usize, &Request<Body>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, served) = watch::channel(0);
        let state = Arc::new((behind.to_owned(), reply, AtomicUsize::new(0), count));
        let router = Router::new().fallback(move |request: Request<Body>| {
            let state = Arc::clone(&state);
            async move {
                let (behind, reply, number, count) = &*state;
                let reply = reply(number.fetch_add(1, Ordering::SeqCst), &request);
                let passed = if let Reply::Own(_) = reply {
                    None
                } else {
                    Some(forward(behind, request).await)
                };
                count.send_modify(|count| *count += 1);
                match (reply, passed) {
                    (Reply::Own(answer), _) | (Reply::Pass, Some(answer)) => answer,
                    // More is announced than comes.
                    (Reply::Cut, _) => Response::builder()
                        .header("content-length", "100")
                        .body("{".into())
                        .unwrap(),
                    _ => pending().await,
                }
            }
        });
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            url,
            served,
            _task: task,
        }
    }

    async fn has_served(&self, count: usize) {
        self.served
            .clone()
            .wait_for(|served| *served >= count)
            .await
            .unwrap();
    }

    fn served(&self) -> usize {
        *self.served.borrow()
    }
}

async fn forward(behind: &str, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let request = client
        .request(parts.method, format!("{behind}{}", parts.uri))
        .headers(parts.headers)
        .body(body);
    let answer = request.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    response.headers_mut().unwrap().clone_from(answer.headers());
    response
        .body(Body::from(answer.bytes().await.unwrap()))
        .unwrap()
}

/// A client that waits next to nothing between its attempts.
fn quick(url: &str, token: &str) -> Api {
    let (first, longest) = (Duration::from_millis(1), Duration::from_secs(2));
    Api::new(
        url,
        token,
        Backoff {
            attempts: 4,
            first,
            longest,
            ..Backoff::default()
        },
    )
    .unwrap()
}

fn rows(count: usize) -> Import {
    let body =
        |number| json!({"name": format!("Actor {number}"), "age": 34, "gender": "f"}).to_string();
    let rows = (1..=count)
        .map(|number| Row {
            line: number,
            body: Ok(body(number)),
            places: Vec::new(),
        })
        .collect();
    Import {
        resource: Resource::Actors,
        rows,
        concurrency: 4,
        run: None,
    }
}

async fn import(api: &Api, rows: Import) -> Summary {
    transfer::import(api, rows, pending(), |_| ()).await
}

/// The actors as CSV, and how many they are.
async fn export(api: &Api) -> Result<(usize, String), ExportError> {
    let mut written = Vec::new();
    let exported =
        transfer::export(api, Resource::Actors, Format::Csv, &mut written, |_| ()).await?;
    Ok((exported.rows, String::from_utf8(written).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_comes_in_whatever_program_wrote_it() {
    let (folder, stack) = (Folder::new("spreadsheet"), stack().await);
    let identity = stack.identity.as_ref().unwrap().rsplit(':').next().unwrap();
    let check = |file: &str, contents: &str, expected: String| {
        fs::write(folder.0.join(file), contents).unwrap();
        // Without a token it takes one of the local identity service's.
        let output = local(&folder.0)
            .args([
                "import",
                file,
                "--concurrency",
                "1",
                "--api",
                &stack.api,
                "--identity-port",
                identity,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&output.stdout), expected);
    };
    let excel = "\u{feff}Gender;Age;Name;Notes\r\nfemale;34;\"Zoë; Ida\";late\r\n";
    check("actors.csv", excel, counts(1, 0, 0));
    check(
        "Actors 2026.CSV",
        "name,age,gender\n\"O'Neill, Max\",51,male\n",
        counts(1, 0, 0),
    );
    check(
        "actors.jsonl",
        "{\"id\":9,\"name\":\"Eva\",\"age\":\"20\",\"gender\":\"f\"}\n\n",
        counts(1, 0, 0),
    );
    check(
        "movies.jsonl",
        r#"{"title":"One","release_date":"2020-05-14","budget":5}"#,
        counts(1, 0, 0),
    );
    check(
        "movies.csv",
        "title,release date\nTwo,\nThree,\"May 14, 2020\"",
        counts(2, 0, 0),
    );
    check("movies.ndjson", "", counts(0, 0, 0));
    assert_eq!(
        names(&list(&stack, "actors").await),
        ["Zoë; Ida", "O'Neill, Max", "Eva"]
    );
    let movies = list(&stack, "movies").await;
    assert_eq!(names(&movies), ["One", "Two", "Three"]);
    assert_eq!(movies[2]["release_date"], "Thu, 14 May 2020 00:00:00 GMT");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_are_reported_with_their_lines_and_the_others_come_in() {
    let (folder, stack) = (Folder::new("refused"), stack().await);
    let file = "name,age,gender\n\"Ida\nExample\",34,f\nMax,151,\n\nEva,20,f\nUdo,40\n";
    fs::write(folder.0.join("actors.csv"), file).unwrap();
    let output = run(&folder, &stack, &["import", "actors.csv"]);
    assert!(!output.status.success());
    let expected = [
        "actors.csv, line 2: name: must be a text of 1 to 200 characters without control characters",
        "actors.csv, line 4: age: must be a whole number from 0 to 150; gender: is required",
        "actors.csv, line 7: has 2 cells, and the header has 3",
        &counts(1, 0, 3),
    ];
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    let advice =
        "Correct them in a file of their own, without the other rows, and import that file.";
    assert!(text(&output.stderr).contains(advice), "{output:?}");
    assert_eq!(names(&list(&stack, "actors").await), ["Eva"]);

    // Corrected, it adds what was refused and nothing else.
    let corrected = file
        .replace("\nExample", " Example")
        .replace("151,", "51,m")
        .replace("Udo,40", "Udo,40,m");
    fs::write(folder.0.join("actors.csv"), corrected).unwrap();
    assert_eq!(
        summary(&run(&folder, &stack, &["import", "actors.csv"])),
        counts(3, 1, 0)
    );
    let jsonl = format!(
        "{{\"title\":5}}\n[1]\n{{\"title\":\"One\"}}\n{{\"title\":\"{}\"}}\n",
        "x".repeat(70_000)
    );
    fs::write(folder.0.join("movies.jsonl"), jsonl).unwrap();
    let printed = text(&run(&folder, &stack, &["import", "movies.jsonl"]).stdout);
    let lines: Vec<_> = printed.lines().collect();
    assert!(
        lines[0].starts_with("movies.jsonl, line 1: title: must be"),
        "{printed}"
    );
    let expected = [
        "movies.jsonl, line 2: is no JSON object; JSON lines have one object on one line",
        "movies.jsonl, line 4: 413 payload too large",
        &counts(1, 0, 3),
    ];
    assert_eq!(lines[1..], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_and_run_again_adds_no_row_twice() {
    let (folder, stack) = (Folder::new("killed"), stack().await);
    let file = actors(&folder, 120);
    // The last answers before the kill are lost, although their rows are there.
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
    let (folder, stack) = (Folder::new("interrupted"), stack().await);
    let file = actors(&folder, 30);
    let server = Server::start(&stack.api, |number, _| {
        if number < 10 {
            Reply::Pass
        } else {
            busy(503, "59")
        }
    })
    .await;
    let again = format!("--again={}", transfer::random_run().unwrap());
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
    let said = text(&output.stderr);
    assert!(
        said.contains("20 of 30 rows have no response yet"),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "run the same as the same user with {again}, so that it ends before "
        )),
        "{said}"
    );
    assert_eq!(
        summary(&run(&folder, &stack, &arguments)),
        counts(20, 10, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_are_rows_of_their_own_and_the_same_file_adds_nothing_again() {
    let (folder, stack) = (Folder::new("again"), stack().await);
    fs::write(
        folder.0.join("actors.csv"),
        "name,age,gender\nIda,34,f\nIda,34,f\nMax,51,m\n",
    )
    .unwrap();
    fs::write(
        folder.0.join("more.jsonl"),
        r#"{"gender":"f","age":34,"name":"Ida"}"#,
    )
    .unwrap();
    let import = |arguments: &[&str]| run(&folder, &stack, &[&["import"], arguments].concat());
    assert_eq!(summary(&import(&["actors.csv"])), counts(3, 0, 0));
    assert_eq!(summary(&import(&["actors.csv"])), counts(0, 3, 0));
    assert_eq!(
        summary(&import(&["more.jsonl", "--resource", "actors"])),
        counts(0, 1, 0)
    );
    let again = import(&["actors.csv", "--again"]);
    assert_eq!(summary(&again), counts(3, 0, 0));
    let said = text(&again.stderr);
    let id = said
        .lines()
        .find_map(|line| line.split_once("--again="))
        .unwrap()
        .1;
    assert_eq!(
        summary(&import(&["actors.csv", &format!("--again={id}")])),
        counts(0, 3, 0)
    );
    assert_eq!(
        summary(&import(&[
            "actors.csv",
            &format!("--again={}", transfer::random_run().unwrap())
        ])),
        counts(3, 0, 0)
    );
    assert_eq!(
        names(&list(&stack, "actors").await)
            .iter()
            .filter(|name| **name == "Ida")
            .count(),
        6
    );
}

#[tokio::test]
async fn an_api_that_is_busy_is_asked_again() {
    let stack = stack().await;
    let reply = |number, _: &Request<Body>| match number {
        0 => busy(429, "1"),
        1 => busy(503, "0"),
        2 => busy(409, "soon"),
        5 => own(502, &[], "<html>"),
        _ => Reply::Pass,
    };
    let server = Server::start(&stack.api, reply).await;
    let (waits, api) = (
        Arc::new(AtomicUsize::new(0)),
        quick(&server.url, &token(&stack, PRODUCER)),
    );
    let counted = Arc::clone(&waits);
    let api = api.telling(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let started = Instant::now();
    let summary = import(
        &api,
        Import {
            concurrency: 1,
            ..rows(5)
        },
    )
    .await;
    assert_eq!(
        summary,
        Summary {
            rows: 5,
            created: 5,
            ..Summary::default()
        }
    );
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((waits.load(Ordering::SeqCst), server.served()), (4, 9));
    assert_eq!(list(&stack, "actors").await.len(), 5);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_the_row_is_there_once() {
    let stack = stack().await;
    let server = Server::start(&stack.api, |number, _| {
        if number == 1 { Reply::Cut } else { Reply::Pass }
    })
    .await;
    let summary = import(&quick(&server.url, &token(&stack, PRODUCER)), rows(3)).await;
    assert_eq!(
        summary,
        Summary {
            rows: 3,
            created: 2,
            replayed: 1,
            ..Summary::default()
        }
    );
    assert_eq!(list(&stack, "actors").await.len(), 3);
}

#[tokio::test]
async fn an_api_that_stays_busy_is_left_alone_after_a_few_attempts() {
    let server = Server::start("", |_, _| busy(503, "0")).await;
    let summary = import(
        &quick(&server.url, "token"),
        Import {
            concurrency: 1,
            ..rows(20)
        },
    )
    .await;
    let stop = Stop::Busy {
        url: server.url.clone(),
        status: 503,
        attempts: 4,
    };
    assert_eq!(
        summary,
        Summary {
            rows: 20,
            stop: Some(stop),
            ..Summary::default()
        }
    );
    assert_eq!(server.served(), 4);

    let server = Server::start("", |_, _| busy(429, "3600")).await;
    let summary = import(
        &quick(&server.url, "token"),
        Import {
            concurrency: 1,
            ..rows(20)
        },
    )
    .await;
    let (asked_for, longest) = (Duration::from_secs(3600), Duration::from_secs(2));
    let stop = Stop::LongWait {
        url: server.url.clone(),
        status: 429,
        asked_for,
        longest,
    };
    let said = "responds with 429 and asks to wait 3600 seconds, longer than the 2 seconds that this program waits";
    assert!(stop.to_string().contains(said), "{stop}");
    assert_eq!((summary.stop, server.served()), (Some(stop), 1));
}

#[tokio::test]
async fn a_token_that_is_not_enough_ends_the_import_at_once() {
    let stack = stack().await;
    let check = async |token: &str, expected: Stop| {
        let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
        let summary = import(&quick(&server.url, token), rows(100)).await;
        assert_eq!(
            summary,
            Summary {
                rows: 100,
                stop: Some(expected),
                ..Summary::default()
            }
        );
        assert!(server.served() <= 4, "{}", server.served());
    };
    check("not-a-token", Stop::Unauthorized).await;
    let forbidden = Stop::Forbidden("Permission not found: post:actors".into());
    check(&token(&stack, Role::Assistant), forbidden).await;
    assert_eq!(list(&stack, "actors").await.len(), 0);
}

#[tokio::test]
async fn what_is_not_the_api_is_told_from_it() {
    let check = async |reply: fn(usize, &Request<Body>) -> Reply, status: u16| {
        let server = Server::start("", reply).await;
        let summary = import(&quick(&server.url, "token"), rows(10)).await;
        assert_eq!(
            (summary.created, summary.stop),
            (
                0,
                Some(Stop::Foreign {
                    url: server.url.clone(),
                    status
                })
            )
        );
        assert!(matches!(
            export(&quick(&server.url, "token")).await,
            Err(ExportError::Stop(Stop::Foreign { .. }))
        ));
    };
    check(
        |_, _| own(200, &[], "<html>Sign in to this network</html>"),
        200,
    )
    .await;
    check(|_, _| own(302, &[("location", "/elsewhere")], ""), 302).await;
    check(|_, _| own(404, &[], r#"{"message":"Not Found"}"#), 404).await;
    check(
        |_, _| own(200, &[], r#"{"success":true,"movies":[{"id":1}]}"#),
        200,
    )
    .await;
    let nowhere = quick("http://127.0.0.1:1", "token");
    assert!(matches!(
        import(&nowhere, rows(10)).await.stop,
        Some(Stop::Unreachable { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_back_in_as_it_was() {
    let folder = Folder::new("round");
    let spreadsheet = [
        json!({"name": "=HYPERLINK(\"http://example.com\")", "age": 1, "gender": "-f"}),
        json!({"name": "'=1", "age": 2, "gender": "'"}),
        json!({"name": "a;=1+1,\"b\"", "age": 150, "gender": "@f"}),
        json!({"name": "'t Hooft", "age": 0, "gender": "+m"}),
        json!({"name": "Zoë 🎬", "age": 34, "gender": "x,y"}),
    ];
    fs::write(
        folder.0.join("actors.jsonl"),
        spreadsheet.map(|row| format!("{row}\n")).concat(),
    )
    .unwrap();
    fs::write(
        folder.0.join("movies.csv"),
        "title,release_date\n=1,\nTwo,2020-05-14\n",
    )
    .unwrap();
    let import = |stack: &Stack, file: &str| {
        let output = run(&folder, stack, &["import", file, "--concurrency", "1"]);
        assert!(output.status.success(), "{output:?}");
    };
    let before = stack().await;
    import(&before, "actors.jsonl");
    import(&before, "movies.csv");
    for format in ["csv", "jsonl"] {
        let after = stack().await;
        for resource in ["actors", "movies"] {
            let exported = run(&folder, &before, &["export", resource, "--format", format]).stdout;
            let file = format!("{resource} exported.{format}");
            fs::write(folder.0.join(&file), &exported).unwrap();
            import(&after, &file);
            assert_eq!(list(&after, resource).await, list(&before, resource).await);
            let again = format!("again.{format}");
            assert!(
                run(&folder, &after, &["export", resource, "--output", &again])
                    .status
                    .success()
            );
            assert_eq!(fs::read(folder.0.join(again)).unwrap(), exported);
        }
    }
    let guarded = fs::read_to_string(folder.0.join("actors exported.csv")).unwrap();
    let first = "1,\"'=HYPERLINK(\"\"http://example.com\"\")\",1,'-f";
    assert_eq!(
        guarded.lines().take(2).collect::<Vec<_>>(),
        ["id,name,age,gender", first]
    );
}

#[tokio::test]
async fn an_export_follows_the_list_to_its_end() {
    let reply = |_, request: &Request<Body>| match request.uri().to_string().as_str() {
        "/staging/actors?limit=1000" => {
            page(json!({"actors": [{"id": 1, "name": "Ida"}], "next": "/actors?after=1"}))
        }
        "/staging/actors?after=1" => page(json!({"actors": [], "next": "/actors?after=9"})),
        "/staging/actors?after=9" => {
            page(json!({"actors": [{"id": 10, "name": "Max", "age": 51}]}))
        }
        other => panic!("{other}"),
    };
    let server = Server::start("", reply).await;
    let written = export(&quick(&format!("{}/staging", server.url), "token"))
        .await
        .unwrap();
    assert_eq!(
        written,
        (2, "id,name,age,gender\n1,Ida,,\n10,Max,51,\n".into())
    );
}

#[tokio::test]
async fn a_next_that_leads_elsewhere_is_not_followed() {
    for next in [
        "/actors?limit=1000",
        "@example.com/actors?after=1",
        "/movies?after=1",
        "https://example.com/actors?a",
    ] {
        let reply = move |_, _: &Request<Body>| page(json!({"actors": [], "next": next}));
        let server = Server::start("", reply).await;
        let error = export(&quick(&server.url, "token"))
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!("the list's `next` is not one of this API's: {next}")
        );
        assert_eq!(server.served(), 1, "{next}");
    }
}

fn page(body: Value) -> Reply {
    own(200, &[], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_export_never_looks_whole() {
    let (folder, stack) = (Folder::new("half"), stack().await);
    let half = |number, _: &Request<Body>| match number {
        0 => page(json!({"actors": [{"id": 1, "name": "Ida"}], "next": "/actors?after=1"})),
        _ => own(401, &[], "{}"),
    };
    let export = |api: &str| {
        command(
            &folder,
            &stack,
            api,
            &["export", "actors", "--output", "actors.csv"],
        )
        .output()
        .unwrap()
    };
    fs::write(folder.0.join("actors.csv"), "before").unwrap();
    let output = export(&Server::start("", half).await.url);
    assert!(
        text(&output.stderr).contains("does not take this token (401)"),
        "{output:?}"
    );
    assert!(!output.status.success());
    let files = || -> Vec<_> {
        fs::read_dir(&folder.0)
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect()
    };
    assert_eq!(
        (files(), fs::read(folder.0.join("actors.csv")).unwrap()),
        (vec!["actors.csv".into()], b"before".into())
    );
    assert_eq!(text(&export(&stack.api).stdout), "0 actors in actors.csv");
    assert_eq!(
        fs::read(folder.0.join("actors.csv")).unwrap(),
        b"id,name,age,gender\n"
    );
    assert_eq!(files().len(), 1);
    assert!(ToFile::create(Path::new("/dev/null")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_read_enough_ends_an_export_quietly() {
    let (folder, stack) = (Folder::new("pipe"), stack().await);
    let many = |number: usize, _: &Request<Body>| {
        let ids = number * 1000 + 1..=number * 1000 + 1000;
        let rows: Vec<_> = ids
            .map(|id| json!({"id": id, "name": "Ida Example", "age": 34}))
            .collect();
        page(json!({"actors": rows, "next": format!("/actors?after={}", number * 1000 + 1000)}))
    };
    let server = Server::start("", many).await;
    let mut command = command(&folder, &stack, &server.url, &["export", "actors"]);
    let mut exporting = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(exporting.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let mut said = String::new();
    exporting
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(exporting.wait().unwrap().success());
    assert_eq!(
        (first.as_str(), said.as_str()),
        ("id,name,age,gender\n", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_explained_before_anything_is_sent() {
    let (folder, stack) = (Folder::new("before"), stack().await);
    let check = |name: &str, contents: &[u8], more: &[&str], expected: &str| {
        fs::write(folder.0.join(name), contents).unwrap();
        let output = run(&folder, &stack, &[&["import", name], more].concat());
        assert!(
            !output.status.success() && text(&output.stderr).contains(expected),
            "{name}: {output:?}"
        );
    };
    check(
        "actors.csv",
        b"name,gender\nIda,f\n",
        &[],
        "actors.csv: line 1: there is no column \"age\"",
    );
    check(
        "actors.csv",
        b"name,age,gender\nIda,1,f\nZo\xEB,1,f\n",
        &[],
        "actors.csv: line 3: this is not UTF-8",
    );
    check(
        "actors.csv",
        b"name,age,gender\nIda,1,f\nMax,1,\"f\n",
        &[],
        "line 3: a quotation mark",
    );
    check("actors.csv", b"", &[], "actors.csv: the file is empty");
    check(
        "people.csv",
        b"",
        &[],
        "people.csv: say with --resource whether these are actors or movies",
    );
    check(
        "actors.txt",
        b"",
        &[],
        "actors.txt: say with --format whether this is csv or jsonl",
    );
    check("actors.csv", b"", &["--concurrency", "0"], "1..=64");
    check("actors.csv", b"", &["--concurrency", "65"], "1..=64");
    let ready = b"name,age,gender\nIda,1,f\n";
    check(
        "actors.csv",
        ready,
        &["--token", "to\nken"],
        "the token has characters in it that no token has",
    );
    assert!(
        text(&run(&folder, &stack, &["import", "nowhere/actors.csv"]).stderr)
            .contains("nowhere/actors.csv: ")
    );
    let far = local(&folder.0)
        .args(["import", "actors.csv", "--api", "https://api.example"])
        .output()
        .unwrap();
    assert!(
        text(&far.stderr).contains("give it in CASTING_AGENCY_TOKEN or with --token"),
        "{far:?}"
    );
    assert_eq!(list(&stack, "actors").await.len(), 0);
}

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
async fn a_file_that_could_be_read_in_two_ways_is_rejected_with_its_line_before_anything_is_sent() {
    let (folder, stack) = (Folder::new("strict"), stack().await);
    let server = Server::start(&stack.api, |_, _| Reply::Pass).await;
    let check = |file: &str, contents: &[u8], expected: &[&str]| {
        fs::write(folder.0.join(file), contents).unwrap();
        let output = command(&folder, &stack, &server.url, &["import", file])
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            expected.iter().all(|expected| said.contains(expected)),
            "{said}"
        );
        assert!(
            said.ends_with(&format!("nothing of {file} was sent")),
            "{said}"
        );
    };
    let inches = b"name,age,gender,height\nEd Inch,32,m,\"5ft 7\"\"\nFay Inch,33,f,\"5ft 8\"\"\nGus Inch,34,m,6ft\n";
    check(
        "actors.csv",
        inches,
        &[
            "actors.csv: line 3: a quotation mark",
            "the cell opens on line 2",
        ],
    );
    check(
        "actors.csv",
        b"name,age,gender\n\"Junk\"after,1,f\n",
        &["actors.csv: line 2: a quotation mark"],
    );
    check(
        "actors.csv",
        b"n\0a\0m\0e\0,\0",
        &[
            "actors.csv: line 1: there is a NUL byte",
            "save the file as UTF-8",
        ],
    );
    let dates = b"title,release_date\nOne,01/02/2020\nTwo,43965\nThree,2020-05-14\n";
    check(
        "movies.csv",
        dates,
        &[
            "line 2: release_date: can be read as two",
            "write it as YYYY-MM-DD",
            "line 3: release_date is the bare number",
        ],
    );
    check(
        "movies.jsonl",
        br#"{"title":"One","release_date":"1/2/2020"}"#,
        &["movies.jsonl: line 1: release_date"],
    );
    assert_eq!(
        (
            server.served(),
            list(&stack, "actors").await.len(),
            list(&stack, "movies").await.len()
        ),
        (0, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_have_in_spreadsheets_comes_in_exactly_or_is_reported_with_its_line() {
    let (folder, stack) = (Folder::new("people"), stack().await);
    let file = "sep=;\r\nName;Age;Gender;;\r\n \"Ida; A.\" ;31.0;f;;;\r\n5ft 7\" Ed;32;m\r\n#N/A;33;f\r\nEva;1,234;f\r\n\
                Udo;34,5;m\r\n\"Zoë\u{c}B\";20;f\r\n\u{c}\r\nMax;51;m\r\n";
    fs::write(folder.0.join("actors.csv"), file).unwrap();
    let output = run(
        &folder,
        &stack,
        &["import", "actors.csv", "--concurrency", "1"],
    );
    let lines: Vec<_> = text(&output.stdout)
        .lines()
        .map(|line| line.split(" is ").next().unwrap().to_owned())
        .collect();
    let expected = [
        "actors.csv, line 5: name",
        "actors.csv, line 6: age: must be a whole number from 0 to 150",
        "actors.csv, line 7: age: must be a whole number from 0 to 150",
        "actors.csv, line 8: name: must be a text of 1 to 200 characters without control characters",
        &counts(3, 0, 4),
    ];
    assert_eq!(lines, expected);
    let actors = list(&stack, "actors").await;
    assert_eq!(names(&actors), ["Ida; A.", "5ft 7\" Ed", "Max"]);
    assert_eq!(actors[0]["age"], 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_the_api_has_no_field_for_are_reported_and_every_post_asks_for_strict_handling() {
    let (folder, stack) = (Folder::new("members"), stack().await);
    let strict = |_, request: &Request<Body>| match request.headers().get("prefer") {
        Some(preference) if preference == "handling=strict" => Reply::Pass,
        _ => own(422, &[], r#"{"message":"no preference"}"#),
    };
    let server = Server::start(&stack.api, strict).await;
    fs::write(folder.0.join("actors.csv"), "name,age,gender\nIda,34,f\n").unwrap();
    let import = |file: &str| {
        command(&folder, &stack, &server.url, &["import", file])
            .output()
            .unwrap()
    };
    assert_eq!(summary(&import("actors.csv")), counts(1, 0, 0));
    let file = [
        r#"{"id":7,"title":"One","budget":5,"cast":[{"actor_id":1,"name":"Ida"}]}"#,
        r#"{"title":"Two","budget":6}"#,
        r#"{"title":"Three","title":"Four"}"#,
    ];
    fs::write(folder.0.join("movies.jsonl"), file.join("\n")).unwrap();
    let output = import("movies.jsonl");
    let expected = "movies.jsonl: the API has no field for these, which are left out: \
                    budget (2 rows), cast[].name (1 row)";
    assert_eq!(
        text(&output.stderr).lines().next(),
        Some(expected),
        "{output:?}"
    );
    let printed = text(&output.stdout);
    assert_eq!(
        printed,
        format!(
            "movies.jsonl, line 3: has the member title twice\n{}",
            counts(2, 0, 1)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movie_exported_as_json_lines_comes_back_with_its_cast() {
    let (folder, before, after) = (Folder::new("casts"), stack().await, stack().await);
    fs::write(
        folder.0.join("actors.csv"),
        "name,age,gender\nIda,34,f\nMax,51,m\n",
    )
    .unwrap();
    let file = [
        json!({"title": "One", "release_date": "2020-05-14T14:02:13Z", "cast": [
            {"actor_id": 2, "character": "The \"Cat\"", "billing": 1}, {"actor_id": 1},
        ]}),
        json!({"title": "Two", "release_date": "1949-08-31"}),
    ];
    fs::write(
        folder.0.join("movies.jsonl"),
        file.map(|row| format!("{row}\n")).concat(),
    )
    .unwrap();
    // More than one page of movies with their casts.
    let many: String = (1..=120)
        .map(|number| format!("Movie {number},2000-01-01\n"))
        .collect();
    fs::write(
        folder.0.join("movies more.csv"),
        format!("title,release_date\n{many}"),
    )
    .unwrap();
    let import = |stack: &Stack, file: &str| {
        let output = run(&folder, stack, &["import", file, "--concurrency", "1"]);
        assert_eq!(
            (
                output.status.success(),
                text(&output.stderr).contains("no field")
            ),
            (true, false),
            "{output:?}"
        );
    };
    for file in ["actors.csv", "movies.jsonl", "movies more.csv"] {
        import(&before, file);
    }
    let output = run(
        &folder,
        &before,
        &["export", "movies", "--output", "movies exported.jsonl"],
    );
    assert_eq!(text(&output.stdout), "122 movies in movies exported.jsonl");
    assert!(!text(&output.stderr).contains("left out"), "{output:?}");
    import(&after, "actors.csv");
    import(&after, "movies exported.jsonl");
    for path in ["movies", "movies?include=cast&limit=10"] {
        assert_eq!(get(&after, path).await, get(&before, path).await);
    }
    assert_eq!(
        get(&after, "movies/1?include=cast").await["movies"][0]["cast"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        run(&folder, &after, &["export", "movies", "--format", "jsonl"]).stdout,
        fs::read(folder.0.join("movies exported.jsonl")).unwrap()
    );

    // A cast that no request can add is rejected with its line; an API that sends no casts is told
    // from one without any.
    let credits: Vec<_> = (1..=34).map(|id| json!({"actor_id": id})).collect();
    fs::write(
        folder.0.join("movies.jsonl"),
        json!({"title": "Large", "cast": credits}).to_string(),
    )
    .unwrap();
    let output = run(&folder, &after, &["import", "movies.jsonl"]);
    assert!(
        text(&output.stdout)
            .starts_with("movies.jsonl, line 1: cast has 34 credits, and one request can add 33;"),
        "{output:?}"
    );
    let old = Server::start("", |_, _| {
        page(json!({"movies": [{"id": 1, "title": "One"}]}))
    })
    .await;
    let output = command(
        &folder,
        &after,
        &old.url,
        &["export", "movies", "--format", "jsonl"],
    )
    .output()
    .unwrap();
    assert!(
        text(&output.stderr).contains("without their casts"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_export_says_what_it_leaves_out_and_writes_dates_that_sort() {
    let (folder, stack) = (Folder::new("leaves-out"), stack().await);
    fs::write(
        folder.0.join("movies.csv"),
        "title,release_date\nZoë,\"Thu, 14 May 2020 14:02:13 GMT\"\n",
    )
    .unwrap();
    let export = |more: &[&str]| run(&folder, &stack, &[&["export"], more].concat());
    assert_eq!(text(&export(&["movies"]).stderr), "");
    assert!(
        run(&folder, &stack, &["import", "movies.csv"])
            .status
            .success()
    );
    let said = "left out, since CSV has no column for it: cast; --format jsonl exports it";
    for more in [&["movies"][..], &["movies", "--output", "movies out.csv"]] {
        assert_eq!(text(&export(more).stderr), said);
    }
    let expected = "id,title,release_date\n1,Zoë,2020-05-14T14:02:13Z\n";
    assert_eq!(text(&export(&["movies"]).stdout), expected.trim());
    assert_eq!(
        fs::read_to_string(folder.0.join("movies out.csv")).unwrap(),
        expected
    );
    assert!(
        export(&["movies", "--bom", "--output", "movies bom.csv"])
            .status
            .success()
    );
    assert_eq!(
        fs::read_to_string(folder.0.join("movies bom.csv")).unwrap(),
        format!("\u{feff}{expected}")
    );
    // It is the same row: nothing is added.
    assert_eq!(
        summary(&run(&folder, &stack, &["import", "movies bom.csv"])),
        counts(0, 1, 0)
    );
    let output = export(&["movies", "--bom", "--format", "jsonl"]);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (
            Some(1),
            "error: --bom is for CSV: JSON lines have no byte order mark".into()
        )
    );
    assert_eq!(text(&export(&["actors"]).stderr), "");
}

/// The names of the files in a folder.
fn files(folder: &Folder) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
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
async fn an_export_that_is_stopped_leaves_no_file_and_one_that_is_killed_blocks_no_other() {
    let (folder, stack) = (Folder::new("stopped"), stack().await);
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

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_its_owners_alone_or_as_open_as_the_file_it_replaces_and_never_follows_a_link()
{
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let (folder, stack) = (Folder::new("modes"), stack().await);
    let at = |name: &str| folder.0.join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o777;
    let export = |name: &str| run(&folder, &stack, &["export", "actors", "--output", name]);
    assert!(export("actors.csv").status.success());
    assert_eq!(mode("actors.csv"), 0o600);
    fs::set_permissions(at("actors.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(export("actors.csv").status.success());
    assert_eq!(mode("actors.csv"), 0o640);

    // While it is written, nobody else may read it.
    let mut unfinished = ToFile::create(&at("new.csv")).unwrap();
    let part = files(&folder)
        .into_iter()
        .find(|name| name.ends_with(".part"))
        .unwrap();
    assert_eq!(mode(&part), 0o600);
    std::io::Write::write_all(&mut unfinished, b"x").unwrap();
    drop(unfinished);
    assert_eq!(files(&folder), ["actors.csv"]);

    fs::write(at("target.csv"), "before").unwrap();
    symlink("target.csv", at("link.csv")).unwrap();
    symlink("nowhere.csv", at("dangling.csv")).unwrap();
    for link in ["link.csv", "dangling.csv"] {
        let output = export(link);
        assert!(
            text(&output.stderr).contains(&format!(
                "{link}: this is a link, which export does not follow"
            )),
            "{output:?}"
        );
    }
    assert_eq!(fs::read_to_string(at("target.csv")).unwrap(), "before");
    assert_eq!(
        files(&folder),
        ["actors.csv", "dangling.csv", "link.csv", "target.csv"]
    );

    // A link that is put in the file's place meanwhile is replaced, and what is behind it stays.
    let unfinished = ToFile::create(&at("late.csv")).unwrap();
    symlink("target.csv", at("late.csv")).unwrap();
    unfinished.finish().unwrap();
    assert_eq!(fs::read_to_string(at("target.csv")).unwrap(), "before");
    assert!(fs::symlink_metadata(at("late.csv")).unwrap().is_file());
}

#[tokio::test]
async fn a_list_without_an_end_ends_with_an_error_of_its_own() {
    let check =
        async |reply: fn(usize, &Request<Body>) -> Reply, expected: PageError, served: usize| {
            let server = Server::start("", reply).await;
            let error = export(&quick(&server.url, "token")).await.unwrap_err();
            assert!(
                matches!(&error, ExportError::Page(error) if *error == expected),
                "{error:?}"
            );
            assert_eq!(server.served(), served, "{expected}");
        };
    let back = |number, _: &Request<Body>| {
        let after = if number < 4 { number + 1 } else { 3 };
        page(json!({"actors": [{"id": number + 1}], "next": format!("/actors?after={after}")}))
    };
    check(
        back,
        PageError::After {
            after: 3,
            before: 5,
        },
        5,
    )
    .await;
    let cursor = |number, _: &Request<Body>| {
        page(
            json!({"actors": [{"id": number + 1}], "next": format!("/actors?cursor={}", number % 3)}),
        )
    };
    check(cursor, PageError::Cursor, 4).await;
    let empty = |number, _: &Request<Body>| {
        page(json!({"actors": [], "next": format!("/actors?cursor={number}")}))
    };
    check(empty, PageError::Empty, 100).await;
    let again = |_, _: &Request<Body>| page(json!({"actors": [{"id": 1}, {"id": 2}, {"id": 1}]}));
    check(again, PageError::Order { id: 1, before: 2 }, 1).await;
    let flood = |_, _: &Request<Body>| page(json!({"actors": vec![json!({}); 1001]}));
    check(
        flood,
        PageError::TooManyRows {
            rows: 1001,
            limit: 1000,
        },
        1,
    )
    .await;
}

#[tokio::test]
async fn a_response_is_read_no_further_than_its_limits_in_bytes_and_in_time() {
    let large = |_, _: &Request<Body>| {
        let chunk = || Ok::<_, std::io::Error>(vec![b' '; 1 << 16]);
        Reply::Own(Response::new(Body::from_stream(
            stream::repeat_with(chunk).take(1024),
        )))
    };
    let server = Server::start("", large).await;
    let too_large = Stop::TooLarge {
        url: server.url.clone(),
        limit: 1 << 20,
    };
    assert!(
        too_large
            .to_string()
            .contains("a response of more than 1 MiB"),
        "{too_large}"
    );
    assert_eq!(
        import(
            &quick(&server.url, "token"),
            Import {
                concurrency: 1,
                ..rows(3)
            }
        )
        .await
        .stop,
        Some(too_large)
    );
    let error = export(&quick(&server.url, "token")).await.unwrap_err();
    assert!(
        matches!(
            error,
            ExportError::Stop(Stop::TooLarge {
                limit: 0x100_0000,
                ..
            })
        ),
        "{error:?}"
    );

    // One byte every few milliseconds for two seconds, so that no pause is long.
    let dripping = |_, _: &Request<Body>| {
        let drip = stream::unfold(
            tokio::time::interval(Duration::from_millis(5)),
            |mut interval| async {
                interval.tick().await;
                Some((Ok::<_, std::io::Error>(" "), interval))
            },
        );
        Reply::Own(Response::new(Body::from_stream(drip.take(400))))
    };
    let server = Server::start("", dripping).await;
    let (first, timeout) = (Duration::from_millis(1), Duration::from_millis(300));
    let backoff = Backoff {
        attempts: 2,
        first,
        timeout,
        ..Backoff::default()
    };
    let error = export(&Api::new(&server.url, "token", backoff).unwrap())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("sends no whole response within 0.3 seconds"),
        "{error}"
    );
    assert_eq!(server.served(), 2);
}

/// What a server says that wants to command a terminal, and how it is shown.
const COMMANDS: (&str, &str) = (
    "a\u{1b}[2J\u{9b}31m\u{202e}b\u{2028}\nc",
    "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\u{2028}\\u{a}c",
);

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_a_file_or_a_server_commands_the_terminal() {
    let (folder, stack) = (Folder::new("terminal"), stack().await);
    let (sent, shown) = COMMANDS;
    let name = format!("actors {}.csv", sent.replace('\u{2028}', ""));
    let shown_name = format!("actors {}.csv", shown.replace("\\u{2028}", ""));
    let check = |output: &Output, expected: &str| {
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(said.contains(expected), "{said:?}");
        assert!(
            !said
                .chars()
                .any(|c| c != '\n' && (c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c))),
            "{said:?}"
        );
    };
    fs::write(
        folder.0.join(&name),
        format!("name,age,gender,\"{sent}\"\nIda,34,f,x\n"),
    )
    .unwrap();
    let import = |api: &str| {
        command(&folder, &stack, api, &["import", &name])
            .output()
            .unwrap()
    };
    let left_out = format!(
        "{shown_name}: the API has no field for these, which are left out: {shown} (1 row)"
    );
    check(&import(&stack.api), &left_out);
    let server = Server::start("", |_, _| own(403, &[], json!({"message": COMMANDS.0}))).await;
    check(&import(&server.url), &format!("403: {shown}"));
    let reply = |_, _: &Request<Body>| {
        own(
            422,
            &[],
            json!({"details": [{"field": COMMANDS.0, "message": "is odd"}]}),
        )
    };
    let server = Server::start("", reply).await;
    check(
        &import(&server.url),
        &format!("{shown_name}, line 3: {shown}: is odd"),
    );
    fs::write(folder.0.join(&name), format!("name,age,{sent}\n")).unwrap();
    check(
        &import(&stack.api),
        &format!("{shown_name}: line 1: there is no column \"gender\""),
    );
    check(
        &run(&folder, &stack, &["import", &format!("{sent}/actors.csv")]),
        &format!("{shown}/actors.csv: "),
    );
    let rows = |_, _: &Request<Body>| page(json!({"actors": [{"id": 1, (COMMANDS.0): 1}]}));
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
    let (folder, stack) = (Folder::new("rows"), stack().await);
    let server = Server::start("", |_, _| {
        page(json!({"actors": [{"id": 1, "name": COMMANDS.0}]}))
    })
    .await;
    let (sent, shown) = COMMANDS;
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
async fn no_message_advises_what_could_add_a_row_twice() {
    let (folder, stack) = (Folder::new("advice"), stack().await);
    fs::write(
        folder.0.join("actors.csv"),
        "name,age,gender\nIda,34,f\nMax,151,m\n",
    )
    .unwrap();
    let said = |arguments: &[&str]| {
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
    let check = |said: &str, flag: &str| {
        let advice = format!(
            "Correct it in a file of its own, without the other rows, and import that file{flag}."
        );
        assert!(
            said.contains(&advice) && !said.contains("run the same"),
            "{said}"
        );
    };
    check(&said(&[]), "");
    check(&said(&[]), "");
    // To run this as it was typed would be another run, which adds every row again.
    let again = said(&["--again"]);
    let id = again
        .lines()
        .find_map(|line| line.split_once("--again="))
        .unwrap()
        .1
        .to_owned();
    check(&again, &format!(" with --again={id}"));
    assert_eq!(list(&stack, "actors").await.len(), 2);
    check(
        &said(&[&format!("--again={id}")]),
        &format!(" with --again={id}"),
    );
    assert_eq!(list(&stack, "actors").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_id_of_a_run_is_an_error_before_anything_is_sent() {
    let (folder, stack) = (Folder::new("mistyped"), stack().await);
    let file = actors(&folder, 2);
    let id = transfer::random_run().unwrap();
    for bad in ["", "other", &id[..12], &format!("{id}0")] {
        let output = run(
            &folder,
            &stack,
            &["import", &file, &format!("--again={bad}")],
        );
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains("--again"),
            "{bad}: {output:?}"
        );
    }
    assert_eq!(list(&stack, "actors").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_has_saved_adds_no_row_twice() {
    let (folder, stack) = (Folder::new("saved"), stack().await);
    let check = |file: &str, contents: &str, expected: String| {
        fs::write(folder.0.join(file), contents).unwrap();
        let output = run(&folder, &stack, &["import", file]);
        assert_eq!(summary(&output), expected, "{contents}: {output:?}");
    };
    check(
        "actors.csv",
        "name,age,gender\nIda,31,f\nMax,7,m\n",
        counts(2, 0, 0),
    );
    check(
        "actors.csv",
        "name,age,gender\nIda\u{a0},031,f\n\u{3000}Max,7.0,\"m \"\n",
        counts(0, 2, 0),
    );
    for age in ["31", "31.0", "3.1e1", "\"31\"", "\"031\""] {
        let row =
            format!("{{\"name\":\"\\u3000Ida \",\"age\":{age},\"gender\":\"f\\n\",\"id\":null}}");
        check("actors.jsonl", &row, counts(0, 1, 0));
    }
    // What is no age is the API's to reject.
    check(
        "actors.jsonl",
        r#"{"name":"Ida","age":" 31","gender":"f"}"#,
        counts(0, 0, 1),
    );
    check("movies.csv", "title,release_date\nOne,\n", counts(1, 0, 0));
    let more = [
        r#""cast":[]"#,
        r#""cast":null"#,
        r#""release_date":null"#,
        r#""id":5"#,
    ];
    for more in more {
        check(
            "movies.jsonl",
            &format!("{{\"title\":\" One\",{more}}}"),
            counts(0, 1, 0),
        );
    }
    let cast = |credits: &str| format!("{{\"title\":\"Two\",\"cast\":[{credits}]}}");
    let (first, second) = (
        r#"{"actor_id":1,"character":"Cat"}"#,
        r#"{"actor_id":2,"billing":1}"#,
    );
    check(
        "movies.jsonl",
        &cast(&format!("{second},{first}")),
        counts(1, 0, 0),
    );
    let other = r#"{"character":" Cat","billing":null,"actor_id":1.0},{"billing":1,"actor_id":2,"character":null}"#;
    check("movies.jsonl", &cast(other), counts(0, 1, 0));
    assert_eq!(
        (
            list(&stack, "actors").await.len(),
            list(&stack, "movies").await.len()
        ),
        (2, 2)
    );

    // An error names the credit's place in the file, whatever order it was sent in.
    fs::write(
        folder.0.join("movies.jsonl"),
        cast(&format!("{{\"actor_id\":9}},{first}")),
    )
    .unwrap();
    let printed = text(&run(&folder, &stack, &["import", "movies.jsonl"]).stdout);
    assert!(
        printed.starts_with("movies.jsonl, line 1: cast[0].actor_id: there is no actor 9"),
        "{printed}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_terminal_is_closed_says_how_to_continue() {
    let (folder, stack) = (Folder::new("closed"), stack().await);
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
    let (folder, stack) = (Folder::new("nohup"), stack().await);
    let reply = |number, _: &Request<Body>| match number {
        0 => busy(503, "1"),
        _ => Reply::Pass,
    };
    let server = Server::start(&stack.api, reply).await;
    let mut nohup = Command::new("nohup");
    nohup
        .arg(local(&folder.0).get_program())
        .args(["export", "actors", "--api", &server.url]);
    nohup
        .current_dir(&folder.0)
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

#[tokio::test(flavor = "multi_thread")]
async fn no_argument_commands_the_terminal() {
    let (folder, stack) = (Folder::new("arguments"), stack().await);
    let (sent, shown) = COMMANDS;
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
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains(shown),
            "{said:?}"
        );
        assert!(
            !said
                .chars()
                .any(|c| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c))),
            "{said:?}"
        );
    }
    let event = local(&folder.0).args(["event", sent]).output().unwrap();
    assert!(
        text(&event.stderr).starts_with(&format!("error: {shown}: ")),
        "{event:?}"
    );
    let help = local(&folder.0).arg("--help").output().unwrap();
    assert!(
        help.status.success() && text(&help.stdout).contains("Usage:"),
        "{help:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_that_it_waits_and_what_is_no_date() {
    let (folder, stack) = (Folder::new("waits"), stack().await);
    let reply = |number, _: &Request<Body>| match number {
        0 => busy(503, "0"),
        _ => page(json!({"movies": [{"id": 1, "title": "One", "release_date": "soon"}]})),
    };
    let server = Server::start("", reply).await;
    let output = command(&folder, &stack, &server.url, &["export", "movies"])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(
        said.starts_with("the API responds with 503, trying again\n"),
        "{said}"
    );
    assert!(
        said.contains("1 row has a release_date that is no date for this API"),
        "{said}"
    );
    assert_eq!(text(&output.stdout), "id,title,release_date\n1,One,soon");
    let output = run(
        &folder,
        &stack,
        &["export", "movies", "--output", "nowhere/movies.csv"],
    );
    assert_eq!(
        text(&output.stderr),
        "error: nowhere/movies.csv: there is no folder nowhere"
    );
}

#[tokio::test]
async fn an_api_without_a_scheme_is_told_the_whole_url() {
    let folder = Folder::new("scheme");
    fs::write(folder.0.join("actors.csv"), "name,age,gender\n").unwrap();
    for arguments in [&["import", "actors.csv"][..], &["export", "actors"]] {
        for (url, whole) in [
            ("api.example/staging", "https://api.example/staging"),
            ("localhost:3000", "http://localhost:3000"),
        ] {
            let output = local(&folder.0)
                .args(arguments)
                .args(["--api", url])
                .output()
                .unwrap();
            let expected = format!(
                "error: {url} is no whole URL; give it with its scheme, for example {whole}"
            );
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(1), expected)
            );
        }
    }
}
