//! Properties that hold for any input. The inputs are the same in every run;
//! `SEED=… cargo test properties` generates others, and a failure shows the smallest input found
//! for it.

use std::fmt::Debug;

use chrono::{Datelike, NaiveDate};
use local::Role::Producer;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use shared::model::{Gender, Name, ReleaseDate};
use tokio::runtime::Runtime;

use crate::events::events;
use crate::support::random::{Random, seeds};
use crate::support::{Api, ApiResponse, raw};

/// Checks a property on this many inputs.
fn check<T: Debug>(cases: u32, inputs: impl Strategy<Value = T>, property: impl Fn(T)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    for seed in seeds(1) {
        let mut random = Random::new(seed);
        let seed: Vec<u8> = (0..4).flat_map(|_| random.next().to_le_bytes()).collect();
        let mut runner = TestRunner::new_with_rng(
            config.clone(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &seed),
        );
        let result = runner.run(&inputs, |input| {
            property(input);
            Ok(())
        });
        result.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// A stack that a synchronous property can call.
struct BlockingApi {
    runtime: Runtime,
    api: Api,
}

impl BlockingApi {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let api = runtime.block_on(Api::start());
        Self { runtime, api }
    }

    fn token(&self) -> String {
        self.api
            .stack
            .tokens
            .as_ref()
            .unwrap()
            .issue(Producer)
            .unwrap()
    }

    /// Sends a request with these header lines, all parts unchanged, and checks the response's
    /// shape.
    fn send(&self, method: &str, target: &str, headers: &[u8], body: &[u8]) -> ApiResponse {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        let request = [head.as_bytes(), headers, b"\r\n", body].concat();
        let response = self.runtime.block_on(raw::send(&self.api, &request));
        response.check_shape();
        response
    }

    fn send_as_producer(&self, method: &str, target: &str, body: &[u8]) -> ApiResponse {
        self.send(
            method,
            target,
            format!("Authorization: Bearer {}\r\n", self.token()).as_bytes(),
            body,
        )
    }

    fn post(&self, path: &str, body: &Value) -> ApiResponse {
        self.send_as_producer("POST", path, body.to_string().as_bytes())
    }
}

/// Any JSON, with a preference for values that are almost valid for a field.
fn any_json() -> impl Strategy<Value = Value> {
    let dates = "(19|20)[0-9]{2}[-/.][01]?[0-9][-/.][0-3]?[0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9])?(Z|[+-][01][0-9]:?00)?)?";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2..160_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "\\s?[a-zé]{0,90}\\s?".prop_map(Value::from),
        "[ +-]?[0-9]{0,4}(\\.0)?".prop_map(Value::from),
        dates.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z$#:_]{0,9}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

#[test]
fn any_text_as_an_id_returns_404_or_the_row_with_that_id() {
    let client = BlockingApi::start();
    for id in 1..=3 {
        let actor = json!({"name": format!("Actor {id}"), "age": id, "gender": "f"});
        client.post("/actors", &actor).expect(200);
    }
    let texts = prop_oneof![
        "[0-3]",
        "[ +-]?0?[1-3](\\.0|e0| |\u{301})?",
        "[0-9]{1,20}",
        "\\PC{0,6}",
        any::<String>()
    ];
    check(150, texts, |text| {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let response = client.send_as_producer("PATCH", &format!("/actors/{encoded}"), b"{}");
        if ["1", "2", "3"].contains(&text.as_str()) {
            let row = response.expect(200)["actors"][0].clone();
            assert_eq!(
                (row["id"].to_string(), row["name"].as_str()),
                (text.clone(), Some(&*format!("Actor {text}")))
            );
        } else {
            response.expect_error(404, "resource not found");
        }
    });
}

/// Checks that a field of the response is consistent with what was sent.
fn assert_consistent(field: &str, sent: &Value, returned: &Value) {
    match field {
        "age" => {
            let years = sent.as_f64().or_else(|| sent.as_str()?.parse().ok());
            assert!((0..=150).contains(&returned.as_i64().unwrap()) && years == returned.as_f64());
        }
        "release_date" => {
            let date = ReleaseDate::parse(returned.as_str().unwrap()).unwrap();
            assert!(sent.is_null() || ReleaseDate::parse(sent.as_str().unwrap()) == Ok(date));
        }
        _ if sent.is_null() => assert!(returned.is_null()),
        _ => assert_eq!(sent.as_str().unwrap().trim(), returned.as_str().unwrap()),
    }
}

#[test]
fn any_json_value_for_a_field_is_stored_or_returns_its_field_error() {
    let client = BlockingApi::start();
    let actor = json!({"name": "Ida", "age": 34, "gender": "f"});
    let movie = json!({"title": "An Example", "release_date": "2020-05-14"});
    let fields = vec![
        ("actors", actor.clone(), "name"),
        ("actors", actor.clone(), "age"),
        ("actors", actor, "gender"),
        ("movies", movie.clone(), "title"),
        ("movies", movie, "release_date"),
    ];
    check(
        250,
        (select(fields), any_json()),
        |((resource, mut body, field), value)| {
            body[field] = value.clone();
            let response = client.post(&format!("/{resource}"), &body);
            if response.status == 422 {
                assert_eq!(response.field_errors(), [field]);
            } else {
                assert_consistent(field, &value, &response.expect(200)[resource][0][field]);
            }
        },
    );
}

#[test]
fn any_formatted_date_parses_to_the_same_moment() {
    check(2000, -5_364_662_400..=253_402_300_799_i64, |seconds| {
        let date = ReleaseDate::from_timestamp(seconds).unwrap();
        assert_eq!(ReleaseDate::parse(&date.to_string()), Ok(date));
    });
}

#[test]
fn any_moment_parses_equally_from_every_documented_format() {
    let days = (1800..=9999_i32, 1..=365_u32)
        .prop_map(|(year, day)| NaiveDate::from_yo_opt(year, day).unwrap());
    let offsets = -23 * 60 - 59..=23 * 60 + 59_i64;
    check(
        1000,
        (days, 0..24_i64, 0..60_i64, 0..60_i64, offsets),
        |(day, hour, minute, second, offset)| {
            let time = format!("{hour:02}:{minute:02}:{second:02}");
            let sign = if offset < 0 { '-' } else { '+' };
            let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
            let formatted = |date: &str| {
                [
                    format!("{date} {time} {sign}{hours:02}{minutes:02}"),
                    format!("{date} {time}{sign}{hours:02}:{minutes:02}"),
                    format!("{date}T{time}.999{sign}{hours:02}:{minutes:02}"),
                    format!(" {date}t{time},0 {sign}{hours:02}:{minutes:02}\n"),
                ]
            };
            let seconds = day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
                + hour * 3600
                + minute * 60
                + second;
            let expected = ReleaseDate::from_timestamp(seconds - offset * 60);
            let plain = [
                "%Y-%m-%d",
                "%Y-%-m-%-d",
                "%Y.%m.%d",
                "%Y/%-m/%-d",
                "%a, %d %b %Y",
                "%-d %B %Y",
                "%B %-d, %Y",
                "%b %d %Y",
            ];
            for text in plain
                .into_iter()
                .flat_map(|form| formatted(&day.format(form).to_string()))
            {
                assert_eq!(ReleaseDate::parse(&text).ok(), expected, "{text}");
            }
            // Month and day in either order, if only one order is a date or both give the same
            // date.
            let clear = day.day() > 12 || day.day() == day.month();
            let either = ["%m/%d/%Y", "%-d-%-m-%Y", "%d.%m.%Y", "%-m-%-d-%Y"];
            for text in either
                .into_iter()
                .flat_map(|form| formatted(&day.format(form).to_string()))
            {
                assert_eq!(
                    ReleaseDate::parse(&text).ok(),
                    expected.filter(|_| clear),
                    "{text}"
                );
            }
        },
    );
}

#[test]
fn a_text_is_valid_exactly_if_it_is_short_and_has_no_control_characters() {
    let long = (any::<char>(), 70..210_usize)
        .prop_map(|(character, times)| character.to_string().repeat(times));
    let texts = prop_oneof![
        any::<String>(),
        "\\s{0,3}\\PC{0,9}\\s{0,3}",
        "\\PC{0,4}\\pC?\\PC{0,4}",
        long
    ];
    check(3000, texts, |text| {
        let trimmed = text.trim();
        let trimmed_if_valid = |max_characters| {
            let is_valid = (1..=max_characters).contains(&trimmed.chars().count())
                && !trimmed.contains(char::is_control);
            is_valid.then_some(trimmed)
        };
        assert_eq!(
            Name::new(&text).as_ref().map(Name::as_str),
            trimmed_if_valid(200)
        );
        assert_eq!(
            Gender::new(&text).as_ref().map(Gender::as_str),
            trimmed_if_valid(80)
        );
    });
}

/// The bytes that a header's value may hold (RFC 9110, section 5.5).
fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![b' '..=b'~', b' '..=b'~', b'\x80'..=b'\xff', Just(b'\t')];
    vec(byte, 0..60)
}

#[test]
fn any_random_or_altered_token_is_rejected() {
    let client = BlockingApi::start();
    let token = client.token();
    let changed = (any::<Index>(), b'!'..=b'~').prop_map(|(at, byte)| {
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = if bytes[at] == byte { b'~' } else { byte };
        bytes
    });
    let cut = any::<Index>().prop_map(|at| token.as_bytes()[..at.index(token.len())].to_vec());
    let values = (
        select(&["", "Bearer ", "bearer  "][..]),
        prop_oneof![header_bytes(), changed, cut],
    );
    check(200, values, |(scheme, value)| {
        let line = [b"Authorization: ", scheme.as_bytes(), &value, b"\r\n"].concat();
        client
            .send("GET", "/actors", &line, b"")
            .expect_error(401, "The access token is not valid.");
    });
}

#[test]
fn any_other_header_value_returns_200_or_the_error_of_that_header() {
    let client = BlockingApi::start();
    let ida = json!({"name": "Ida", "age": 34, "gender": "f"});
    client.post("/actors", &ida).expect(200);
    let ours = [
        ("Content-Type", 415),
        ("Content-Encoding", 415),
        ("If-Match", 412),
    ];
    let others = [
        "Idempotency-Key",
        "Cookie",
        "Accept",
        "Range",
        "Origin",
        "X-Forwarded-Proto",
        "X-Name",
    ];
    let names: Vec<_> = ours
        .into_iter()
        .chain(others.map(|name| (name, 200)))
        .collect();
    check(
        200,
        (select(names), header_bytes()),
        |((name, error_status), value)| {
            let token = format!("Authorization: Bearer {}\r\n{name}: ", client.token());
            let response = client.send(
                "PATCH",
                "/actors/1",
                &[token.as_bytes(), &value, b"\r\n"].concat(),
                b"{}",
            );
            assert!(
                [200, error_status].contains(&response.status),
                "{response:?}"
            );
            if response.status == 200 {
                assert_eq!(response.body["actors"][0]["name"], "Ida");
            }
        },
    );
}

#[test]
fn any_body_bytes_get_a_documented_status_and_create_a_row_only_on_200() {
    let client = BlockingApi::start();
    let good = br#"{"name": "Ida", "age": 34, "gender": "f"}"#;
    let changed = vec((any::<Index>(), any::<u8>()), 0..3).prop_map(|changes| {
        let mut bytes = good.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    let bodies = prop_oneof![
        vec(any::<u8>(), 0..100),
        changed,
        any_json().prop_map(|json| json.to_string().into_bytes())
    ];
    let types = select(
        &[
            "",
            "Content-Type: application/json\r\n",
            "Content-Type: text/plain\r\n",
        ][..],
    );
    let created = std::cell::Cell::new(0);
    check(200, (types, bodies), |(content_type, body)| {
        let headers = format!("Authorization: Bearer {}\r\n{content_type}", client.token());
        let response = client.send("POST", "/actors", headers.as_bytes(), &body);
        assert!(
            [200, 400, 415, 422].contains(&response.status),
            "{response:?}"
        );
        created.set(created.get() + usize::from(response.status == 200));
        let listed = client.send_as_producer("GET", "/actors", b"").expect(200);
        assert_eq!(listed["actors"].as_array().unwrap().len(), created.get());
    });
}

/// Replaces a member of the event, or a member of a member, with this value.
fn put(event: &mut Value, at: &[Index], value: Value) {
    let object = event.as_object_mut().filter(|object| !object.is_empty());
    match (object, at.split_first()) {
        (Some(object), Some((at, deeper))) => {
            let length = object.len();
            let member = object.values_mut().nth(at.index(length)).unwrap();
            put(member, deeper, value);
        }
        _ => *event = value,
    }
}

#[test]
fn an_arbitrary_event_member_never_causes_a_5xx_response() {
    let client = BlockingApi::start();
    let events: Vec<_> = events()
        .into_iter()
        .map(|((function, _), event)| (function, event))
        .collect();
    check(
        300,
        (select(events), vec(any::<Index>(), 1..4), any_json()),
        |((function, mut event), at, value)| {
            event["headers"]["authorization"] = json!(format!("Bearer {}", client.token()));
            put(&mut event, &at, value);
            // An error means that the event cannot be decoded; a panic would also show here.
            if let Ok(response) = client
                .runtime
                .block_on(client.api.stack.invoke(&function, &event))
            {
                assert!(
                    (200..500).contains(&response["statusCode"].as_i64().unwrap()),
                    "{response}"
                );
            }
        },
    );
}
