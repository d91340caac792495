//! What clients see of one row is linearizable: some order of all requests, each placed between its
//! start and its end, gives the same responses on a row that handles one request at a time. Checked
//! over many short histories of concurrent clients, with and without faults.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use local::Role::Producer;
use serde_json::json;

use crate::support::proxy::{Fault, Proxy};
use crate::support::random::{Random, seeds};
use crate::support::{Api, send, with_json};

/// The part of a row that the clients change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// An actor's age.
    Age,
    /// A movie's cast, identified by the billing of its one credit.
    Cast,
}

/// The row's state: its version and the number in its part; `None` if there is no row.
type State = Option<(u64, u64)>;

#[derive(Clone, Debug)]
enum Request {
    Read,
    Write(u64),
    WriteIf(u64, u64),
    Delete,
    DeleteIf(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The version and number in the response.
    Row(u64, u64),
    Deleted,
    Missing,
    PreconditionFailed,
    /// No response: it may have happened, may happen later, or may never happen.
    Nothing,
}

#[derive(Clone, Debug)]
struct Event {
    request: Request,
    seen: Seen,
    started: u64,
    ended: u64,
}

/// What a row does that handles one request at a time.
fn apply(state: State, request: &Request, part: Part) -> (State, Seen) {
    let Some((version, number)) = state else {
        return (None, Seen::Missing);
    };
    let write = |new: u64| {
        // Writing the current cast is no change.
        let version = if part == Part::Cast && new == number {
            version
        } else {
            version + 1
        };
        (Some((version, new)), Seen::Row(version, new))
    };
    match *request {
        Request::Read => (state, Seen::Row(version, number)),
        Request::Write(new) => write(new),
        Request::WriteIf(expected, new) if expected == version => write(new),
        Request::Delete => (None, Seen::Deleted),
        Request::DeleteIf(expected) if expected == version => (None, Seen::Deleted),
        Request::WriteIf(..) | Request::DeleteIf(_) => (state, Seen::PreconditionFailed),
    }
}

/// Whether some order of the events explains all of them.
fn is_linearizable(events: &[Event], start: State, part: Part) -> bool {
    fn search(
        events: &[Event],
        part: Part,
        done: u32,
        state: State,
        seen_before: &mut HashSet<(u32, State)>,
    ) -> bool {
        let open = || (0..events.len()).filter(|index| done & (1 << index) == 0);
        if open().all(|index| events[index].seen == Seen::Nothing) {
            return true;
        }
        if !seen_before.insert((done, state)) {
            return false;
        }
        // The next event is one that started before any open event with a response ended.
        let first_end = open()
            .filter(|index| events[*index].seen != Seen::Nothing)
            .map(|index| events[index].ended)
            .min();
        open().any(|index| {
            let event = &events[index];
            let (next, response) = apply(state, &event.request, part);
            let possible = first_end.is_none_or(|end| event.started < end)
                && (event.seen == Seen::Nothing || event.seen == response);
            possible && search(events, part, done | 1 << index, next, seen_before)
        })
    }
    search(events, part, 0, start, &mut HashSet::new())
}

#[test]
fn the_checker_detects_lost_updates_and_stale_reads() {
    let event = |request, seen, started, ended| Event {
        request,
        seen,
        started,
        ended,
    };
    let start = Some((1, 30));
    let good = [
        event(Request::Write(31), Seen::Row(2, 31), 0, 10),
        event(Request::WriteIf(1, 32), Seen::PreconditionFailed, 1, 9),
        event(Request::Read, Seen::Row(2, 31), 2, 3),
        event(Request::Delete, Seen::Nothing, 4, 5),
        event(Request::Read, Seen::Missing, 11, 12),
    ];
    assert!(is_linearizable(&good, start, Part::Age));
    let lost = [
        event(Request::WriteIf(1, 31), Seen::Row(2, 31), 0, 10),
        event(Request::WriteIf(1, 32), Seen::Row(2, 32), 1, 9),
    ];
    assert!(!is_linearizable(&lost, start, Part::Age));
    let stale = [
        event(Request::Write(31), Seen::Row(2, 31), 0, 1),
        event(Request::Read, Seen::Row(1, 30), 2, 3),
    ];
    assert!(!is_linearizable(&stale, start, Part::Age));
    let twice = [
        event(Request::Delete, Seen::Deleted, 0, 1),
        event(Request::Delete, Seen::Deleted, 2, 3),
    ];
    assert!(!is_linearizable(&twice, start, Part::Age));
    let undead = [
        event(Request::Delete, Seen::Deleted, 0, 1),
        event(Request::Read, Seen::Row(1, 30), 2, 3),
    ];
    assert!(!is_linearizable(&undead, start, Part::Age));
}

/// Sends a request and returns what the client saw.
async fn perform(api: &Api, part: Part, path: &str, request: &Request) -> Seen {
    let method = match request {
        Request::Read => "GET",
        Request::Write(_) | Request::WriteIf(..) => "PATCH",
        Request::Delete | Request::DeleteIf(_) => "DELETE",
    };
    let query = if part == Part::Cast && method == "GET" {
        "?include=cast"
    } else {
        ""
    };
    let mut http = api.request_as(Producer, method, &format!("{path}{query}"));
    if let Request::WriteIf(version, _) | Request::DeleteIf(version) = request {
        http = http.header("if-match", format!("\"{version}\""));
    }
    if let Request::Write(number) | Request::WriteIf(_, number) = request {
        let change = match part {
            Part::Age => json!({"age": number}),
            Part::Cast => json!({"cast": [{"actor_id": 1, "billing": number}]}),
        };
        http = with_json(http, &change);
    }
    let response = send(http).await;
    match (response.status, request) {
        (200, Request::Delete | Request::DeleteIf(_)) => Seen::Deleted,
        (200, _) => {
            let version = response
                .header("etag")
                .unwrap()
                .trim_matches('"')
                .parse()
                .unwrap();
            let number = match (part, request) {
                (Part::Age, _) => response.body["actors"][0]["age"].as_u64().unwrap(),
                // A change of the cast returns the plain row.
                (Part::Cast, Request::Write(number) | Request::WriteIf(_, number)) => *number,
                (Part::Cast, _) => response.body["movies"][0]["cast"][0]["billing"]
                    .as_u64()
                    .unwrap(),
            };
            Seen::Row(version, number)
        }
        (404, _) => Seen::Missing,
        (412, _) => Seen::PreconditionFailed,
        (503, _) => Seen::Nothing,
        _ => panic!("{response:?}"),
    }
}

/// One client: a few requests in sequence, with versions that it has seen.
async fn client(
    api: &Api,
    part: Part,
    path: &str,
    mut random: Random,
    clock: &AtomicU64,
) -> Vec<Event> {
    let mut version = 1;
    let mut events = Vec::new();
    for _ in 0..4 {
        let number = 1 + random.below(149);
        let request = match random.below(20) {
            0..6 => Request::Read,
            6..12 => Request::Write(number),
            12..18 => Request::WriteIf(version, number),
            18 => Request::Delete,
            _ => Request::DeleteIf(version),
        };
        let started = clock.fetch_add(1, Ordering::SeqCst);
        let seen = perform(api, part, path, &request).await;
        let ended = clock.fetch_add(1, Ordering::SeqCst);
        if let Seen::Row(seen, _) = seen {
            version = seen;
        }
        events.push(Event {
            request,
            seen,
            started,
            ended,
        });
    }
    events
}

/// A random fault, usually none. Other tests cover silence of whole seconds.
fn fault(random: &mut Random) -> Fault {
    match random.below(16) {
        0 => Fault::ResetAfter,
        1 => Fault::ResetBefore,
        2 => Fault::ErrorAfter,
        3 => Fault::CutAt(usize::try_from(random.below(200)).unwrap()),
        4 => Fault::Throttle,
        5..8 => Fault::Delay(Duration::from_millis(random.below(15))),
        _ => Fault::None,
    }
}

async fn check_histories(part: Part, rounds: u64, with_faults: bool) {
    let proxy = Proxy::start().await;
    let api = Arc::new(Api::behind(&proxy).await);
    let mut responses_seen = 0;
    let seeds = seeds(rounds);
    api.add_actor("Ida").await;
    for &seed in &seeds {
        proxy.plan(|_| Fault::None);
        let path = match part {
            Part::Age => format!("/actors/{}", api.add_actor("Ida").await),
            Part::Cast => {
                let movie = json!({"title": "M", "cast": [{"actor_id": 1, "billing": 34}]});
                let body = api.post(Producer, "/movies", &movie).await.expect(200);
                format!("/movies/{}", body["movies"][0]["id"])
            }
        };
        if with_faults {
            let mut random = Random::new(seed ^ 0xfa17);
            proxy.plan(move |_| fault(&mut random));
        }
        let clock = AtomicU64::new(0);
        let clients =
            (0..4).map(|number| client(&api, part, &path, Random::new(seed * 10 + number), &clock));
        let events: Vec<_> = join_all(clients).await.into_iter().flatten().collect();
        responses_seen += events
            .iter()
            .filter(|event| event.seen != Seen::Nothing)
            .count();
        assert!(
            is_linearizable(&events, Some((1, 34)), part),
            "SEED={seed}: {events:#?}"
        );
    }
    assert!(
        responses_seen > seeds.len(),
        "most requests must be answered for a history to say anything"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_of_a_row_are_linearizable() {
    check_histories(Part::Age, 40, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_of_a_row_are_linearizable_under_faults() {
    check_histories(Part::Age, 40, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_of_a_cast_are_linearizable() {
    check_histories(Part::Cast, 30, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_of_a_cast_are_linearizable_under_faults() {
    check_histories(Part::Cast, 30, true).await;
}
