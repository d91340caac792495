//! Requests of an attacker or of a broken program. Each gets the one response that the contract
//! specifies; afterwards the rows are unchanged, except for the `change` that a request names.

mod bodies;
mod framing;
mod headers;
mod ids;
mod methods;
mod paths;
mod queries;
mod texts;

use local::Role::{self, Producer};
use serde_json::{Value, json};

use crate::support::{Api, raw};

/// A request, and its expected result.
struct HostileRequest {
    description: String,
    sender: Option<Role>,
    method: &'static str,
    target: Vec<u8>,
    /// Complete lines, each with its line end.
    headers: Vec<u8>,
    body: Vec<u8>,
    status: u16,
    change: Option<Change>,
}

/// What a request changes if its response is 200.
enum Change {
    /// These fields of the actor with this id.
    Actor(usize, Value),
    /// The cast of the movie with this id.
    Cast(usize, Value),
    /// One more actor.
    NewActor(Value),
    /// One more movie.
    NewMovie(Value),
}

impl HostileRequest {
    /// A request by the producer, without a body.
    fn new(description: &str, method: &'static str, target: impl AsRef<[u8]>, status: u16) -> Self {
        Self {
            description: description.to_owned(),
            sender: Some(Producer),
            method,
            target: target.as_ref().to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
            status,
            change: None,
        }
    }

    fn sent_by(mut self, sender: Option<Role>) -> Self {
        self.sender = sender;
        self
    }

    fn headers(mut self, lines: impl AsRef<[u8]>) -> Self {
        self.headers.extend_from_slice(lines.as_ref());
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    fn expect_change(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    /// The bytes to send. A header that the request sets itself is not added again.
    fn bytes(&self, api: &Api) -> Vec<u8> {
        let own = String::from_utf8_lossy(&self.headers).to_ascii_lowercase();
        let mut bytes = [
            self.method.as_bytes(),
            b" ",
            &self.target,
            b" HTTP/1.1\r\nConnection: close\r\n",
        ]
        .concat();
        let mut add = |name: &str, value: String| {
            if !own.contains(&format!("{name}:")) {
                bytes.extend(format!("{name}: {value}\r\n").bytes());
            }
        };
        add("host", "localhost".to_owned());
        if let Some(role) = self.sender {
            add(
                "authorization",
                format!(
                    "Bearer {}",
                    api.stack.tokens.as_ref().unwrap().issue(role).unwrap()
                ),
            );
        }
        if !self.body.is_empty() && !own.contains("transfer-encoding:") {
            add("content-length", self.body.len().to_string());
        }
        [
            &bytes,
            &filled_in(api, &self.headers),
            &b"\r\n"[..],
            &self.body,
        ]
        .concat()
    }
}

/// Replaces `{token}` in header lines with a producer's token.
fn filled_in(api: &Api, lines: &[u8]) -> Vec<u8> {
    const PLACEHOLDER: &[u8] = b"{token}";
    let token = api.stack.tokens.as_ref().unwrap().issue(Producer).unwrap();
    let mut filled = lines.to_vec();
    while let Some(at) = filled
        .windows(PLACEHOLDER.len())
        .position(|window| window == PLACEHOLDER)
    {
        filled.splice(at..at + PLACEHOLDER.len(), token.bytes());
    }
    filled
}

/// The rows that a stack should hold.
struct Expected {
    actors: Vec<Value>,
    movies: Vec<Value>,
}

impl Expected {
    /// Starts a stack with a few rows.
    async fn start() -> (Api, Self) {
        let api = Api::start().await;
        for name in ["Ida", "Zoë", "李小龙"] {
            api.add_actor(name).await;
        }
        for title in ["An Example", "Another"] {
            api.add_movie(title).await;
        }
        let cast = json!({"cast": [{"actor_id": 1, "character": "Rick Blaine", "billing": 1}, {"actor_id": 2}]});
        api.patch(Producer, "/movies/1", &cast).await.expect(200);
        let (actors, movies) = Self::rows(&api).await;
        (api, Self { actors, movies })
    }

    async fn rows(api: &Api) -> (Vec<Value>, Vec<Value>) {
        let actors = api.get(Producer, "/actors").await.expect(200)["actors"]
            .as_array()
            .unwrap()
            .clone();
        (
            actors,
            api.get(Producer, "/movies?include=cast").await.expect(200)["movies"]
                .as_array()
                .unwrap()
                .clone(),
        )
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Actor(id, fields) => {
                let actor = self.actors[id - 1].as_object_mut().unwrap();
                actor.extend(fields.as_object().unwrap().clone());
            }
            Change::Cast(id, cast) => self.movies[id - 1]["cast"] = cast.clone(),
            Change::NewActor(fields) => Self::add(&mut self.actors, fields),
            Change::NewMovie(fields) => {
                Self::add(&mut self.movies, fields);
                self.movies.last_mut().unwrap()["cast"] = json!([]);
            }
        }
    }

    fn add(rows: &mut Vec<Value>, fields: &Value) {
        let mut row = fields.clone();
        row["id"] = json!(rows.len() + 1);
        rows.push(row);
    }

    async fn check(self, api: &Api) {
        assert_eq!(Self::rows(api).await, (self.actors, self.movies));
    }
}

#[tokio::test]
async fn every_hostile_request_gets_its_one_response_and_changes_no_other_row() {
    let (api, mut expected) = Expected::start().await;
    let tables = [
        paths::requests(),
        ids::requests(),
        methods::requests(),
        queries::requests(),
        headers::requests(),
        bodies::requests(),
        texts::requests(),
    ];
    let requests: Vec<_> = tables.into_iter().flatten().collect();
    assert!(requests.len() >= 700, "{}", requests.len());
    let mut wrong = Vec::new();
    for request in &requests {
        let response = raw::send(&api, &request.bytes(&api)).await;
        if response.status != request.status {
            wrong.push(format!(
                "{}: {} and not {}: {}",
                request.description, response.status, request.status, response.body
            ));
            continue;
        }
        // Shown if the check fails.
        println!("{}", request.description);
        response.check_shape();
        if let Some(change) = &request.change {
            expected.apply(change);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    expected.check(&api).await;
}

#[tokio::test]
async fn a_malformed_http_request_gets_4xx_or_no_response_and_changes_no_row() {
    let (api, expected) = Expected::start().await;
    let token = api.stack.tokens.as_ref().unwrap().issue(Producer).unwrap();
    let mut wrong = Vec::new();
    for (description, request) in framing::requests(&token) {
        let response = raw::send_and_end(&api, &request).await;
        // The response may be empty if the rest of the request never came.
        if !response.is_empty()
            && !raw::status(&response).is_some_and(|status| (400..500).contains(&status))
        {
            wrong.push(format!(
                "{description}: {}",
                String::from_utf8_lossy(&response)
            ));
        }
        // If there is no response, the request may still have been executed.
        if Expected::rows(&api).await != (expected.actors.clone(), expected.movies.clone()) {
            wrong.push(format!("{description}: rows are not what they were"));
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    expected.check(&api).await;
}
