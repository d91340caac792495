//! Servers that are busy, gone, slow, endless, or not this API.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response};
use casting::{Api, Backoff, ExportError, Import, PageError, Stop, Summary};
use futures_util::stream::{self, StreamExt};
use local::Role;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn an_api_that_is_busy_gets_the_request_again() {
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
    let api = api.on_wait(move |_| {
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
async fn a_lost_response_is_requested_again_and_the_row_exists_once() {
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
    let (retry_after, max_wait) = (Duration::from_secs(3600), Duration::from_secs(2));
    let stop = Stop::LongWait {
        url: server.url.clone(),
        status: 429,
        retry_after,
        max_wait,
    };
    let message = "responds with 429 and asks to wait 3600 seconds, longer than the 2 seconds that this program waits";
    assert!(stop.to_string().contains(message), "{stop}");
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
async fn another_server_is_not_taken_for_the_api() {
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
async fn a_response_is_read_up_to_its_limits_in_bytes_and_time() {
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
    let (first_wait, timeout) = (Duration::from_millis(1), Duration::from_millis(300));
    let backoff = Backoff {
        attempts: 2,
        first_wait,
        timeout,
        ..Backoff::default()
    };
    let error = export(&Api::new(&server.url, "token", backoff).unwrap())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("sends no complete response within 0.3 seconds"),
        "{error}"
    );
    assert_eq!(server.served(), 2);
}

#[tokio::test]
async fn a_url_without_a_scheme_is_an_error_with_the_complete_url() {
    let folder = folder();
    fs::write(folder.path().join("actors.csv"), "name,age,gender\n").unwrap();
    for arguments in [&["import", "actors.csv"][..], &["export", "actors"]] {
        for (url, whole) in [
            ("api.example/staging", "https://api.example/staging"),
            ("localhost:3000", "http://localhost:3000"),
        ] {
            let output = casting(&folder)
                .args(arguments)
                .args(["--api", url])
                .output()
                .unwrap();
            let expected = format!(
                "error: {url} is not a complete URL; give it with its scheme, for example {whole}"
            );
            assert_eq!(
                (output.status.code(), text(&output.stderr)),
                (Some(1), expected)
            );
        }
    }
}
