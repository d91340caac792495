//! The demo's agency in a whole stack.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{self, Body};
use axum::http::{Request, Response};
use local::demo::{self, ACTORS, Count, DemoError, Filled, MOVIES};
use local::{Options, Role, Stack};
use serde_json::Value;

use crate::support::{Folder, local, text};

async fn stack() -> Stack {
    Stack::start(Options::in_memory()).await.unwrap()
}

fn token(stack: &Stack) -> String {
    stack
        .tokens
        .as_ref()
        .unwrap()
        .issue(Role::Producer)
        .unwrap()
}

async fn fill(stack: &Stack) -> Filled {
    demo::fill(&stack.api, &token(stack)).await.unwrap()
}

/// The URL of a server in front of the stack. It drops the first connection, and responds to the
/// next requests with 503 and 429.
async fn busy_at_first(stack: &Stack) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let state = Arc::new((stack.api.clone(), client, AtomicUsize::new(0)));
    let router = Router::new().fallback(move |request: Request<Body>| {
        let state = Arc::clone(&state);
        async move {
            let (api, client, requests) = &*state;
            match requests.fetch_add(1, Ordering::SeqCst) {
                0 => Response::builder().status(503).body(Body::empty()).unwrap(),
                1 => Response::builder().status(429).body(Body::empty()).unwrap(),
                _ => forward(client, api, request).await,
            }
        }
    });
    tokio::spawn(async move {
        drop(listener.accept().await);
        drop(axum::serve(listener, router).await);
    });
    url
}

async fn forward(client: &reqwest::Client, api: &str, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let request = client
        .request(parts.method, format!("{api}{}", parts.uri))
        .headers(parts.headers)
        .body(body::to_bytes(body, 1 << 20).await.unwrap());
    let forwarded = request.send().await.unwrap();
    let mut response = Response::builder().status(forwarded.status());
    *response.headers_mut().unwrap() = forwarded.headers().clone();
    response
        .body(forwarded.bytes().await.unwrap().into())
        .unwrap()
}

/// Every row of a list, page after page.
async fn list(stack: &Stack, resource: &str, query: &str) -> Vec<Value> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut rows = Vec::new();
    let mut next = Some(format!("/{resource}?{query}"));
    while let Some(path) = next {
        let response = client
            .get(format!("{}{path}", stack.api))
            .bearer_auth(token(stack))
            .send()
            .await
            .unwrap();
        let mut page: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        rows.append(page[resource].as_array_mut().unwrap());
        next = page["next"].as_str().map(str::to_owned);
    }
    rows
}

fn port(url: &str) -> &str {
    url.rsplit(':').next().unwrap()
}

#[tokio::test]
async fn the_agency_has_its_actors_and_movies_and_every_movie_its_cast() {
    let stack = stack().await;
    let made = |made| Count { made, there: 0 };
    assert_eq!(
        fill(&stack).await,
        Filled {
            actors: made(ACTORS),
            movies: made(MOVIES)
        }
    );
    let actors = list(&stack, "actors", "limit=1000").await;
    let names: HashSet<_> = actors
        .iter()
        .map(|actor| actor["name"].as_str().unwrap())
        .collect();
    assert_eq!((actors.len(), names.len()), (ACTORS, ACTORS));
    let movies = list(&stack, "movies", "include=cast").await;
    let titles: HashSet<_> = movies
        .iter()
        .map(|movie| movie["title"].as_str().unwrap())
        .collect();
    assert_eq!((movies.len(), titles.len()), (MOVIES, MOVIES));
    for movie in &movies {
        let cast = movie["cast"].as_array().unwrap();
        assert!((3..=12).contains(&cast.len()), "{movie}");
        assert!(
            cast.iter()
                .all(|entry| names.contains(entry["name"].as_str().unwrap())),
            "{movie}"
        );
        assert_eq!(cast[0]["billing"], 1);
    }
}

#[tokio::test]
async fn a_busy_stack_gets_each_row_once_and_a_second_run_adds_nothing() {
    let stack = stack().await;
    let url = busy_at_first(&stack).await;
    let filled = demo::fill(&url, &token(&stack)).await.unwrap();
    assert_eq!((filled.actors.made, filled.movies.made), (ACTORS, MOVIES));
    let there = |there| Count { made: 0, there };
    assert_eq!(
        fill(&stack).await,
        Filled {
            actors: there(ACTORS),
            movies: there(MOVIES)
        }
    );
    assert_eq!(list(&stack, "actors", "").await.len(), ACTORS);
    assert_eq!(list(&stack, "movies", "").await.len(), MOVIES);
}

#[tokio::test]
async fn a_rejected_row_ends_the_demo_with_the_reason() {
    let stack = stack().await;
    let assistant = stack.tokens.as_ref().unwrap().issue(Role::Assistant);
    let error = demo::fill(&stack.api, &assistant.unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(error, DemoError::Rejected { status: 403, .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("Permission not found: post:actors"),
        "{error}"
    );
}

#[tokio::test]
async fn every_way_to_search_finds_something() {
    let stack = stack().await;
    fill(&stack).await;
    for (resource, query) in [
        ("actors", "gender=female&min_age=20&max_age=30&sort=name"),
        ("actors", "gender=non-binary"),
        ("actors", "name=bron"),
        ("actors", "name=%E6%98%9F"),
        ("actors", "max_age=4"),
        ("actors", "min_age=88"),
        ("movies", "title=last&sort=-release_date"),
        ("movies", "released_to=1959-12-31"),
        ("movies", "released_from=2030-01-01"),
    ] {
        assert!(
            !list(&stack, resource, query).await.is_empty(),
            "{resource} {query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_prints_how_many_rows_it_created_and_requests_that_find_some() {
    let (folder, stack) = (Folder::new("demo"), stack().await);
    let ports = [
        "--port",
        port(&stack.api),
        "--identity-port",
        port(stack.identity.as_ref().unwrap()),
    ];
    let run = || local(&folder.0).arg("demo").args(ports).output().unwrap();
    let (first, second) = tokio::task::block_in_place(|| (run(), run()));
    assert!(
        text(&first.stdout)
            .starts_with("actors: 240 made, 0 already there\nmovies: 48 made, 0 already there\n")
    );
    let second = text(&second.stdout);
    assert!(
        second.starts_with("actors: 0 made, 240 already there\nmovies: 0 made, 48 already there\n"),
        "{second}"
    );
    assert!(
        second.ends_with(&format!("{}/docs", stack.identity.as_ref().unwrap())),
        "{second}"
    );
    let urls: Vec<_> = second
        .lines()
        .filter_map(|line| line.strip_prefix("curl -s '")?.split('\'').next())
        .collect();
    assert_eq!(urls.len(), 3);
    for url in urls {
        let (resource, query) = url
            .strip_prefix(&format!("{}/", stack.api))
            .unwrap()
            .split_once('?')
            .unwrap();
        assert!(!list(&stack, resource, query).await.is_empty(), "{url}");
    }
}

#[test]
fn without_a_stack_the_command_says_to_start_one() {
    let folder = Folder::new("demo-alone");
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let output = local(&folder.0)
        .args(["demo", "--port", &free])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("start it in another terminal with `cargo run -p local`"),
        "{output:?}"
    );
}
