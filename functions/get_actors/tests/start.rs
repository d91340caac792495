//! Starts the real bootstrap with a store and an issuer that do not respond.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is killed when the test ends.
struct Bootstrap(Child);

impl Drop for Bootstrap {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the bootstrap with a store and an issuer at this address. Returns its first request to
/// the runtime API, and the time until then.
fn first_question(address: &str) -> (String, Duration) {
    let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let process = Command::new(env!("CARGO_BIN_EXE_get_actors"))
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            runtime.local_addr().unwrap().to_string(),
        )
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "get_actors"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ])
        .envs([
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_REGION", "local"),
        ])
        .envs([
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ])
        .envs([
            ("AWS_ENDPOINT_URL_DYNAMODB", address),
            ("AUTH0_DOMAIN", address),
            ("API_AUDIENCE", "casting-agency"),
        ])
        .envs([
            ("ACTORS_TABLE", "actors"),
            ("MOVIES_TABLE", "movies"),
            ("CREDITS_TABLE", "credits"),
        ])
        .stdout(Stdio::null())
        .spawn();
    let _bootstrap = Bootstrap(process.unwrap());
    let (mut stream, _) = runtime.accept().unwrap();
    let mut question = [0; 64];
    let length = stream.read(&mut question).unwrap();
    (
        String::from_utf8_lossy(&question[..length]).into_owned(),
        started.elapsed(),
    )
}

#[test]
fn a_store_and_an_issuer_that_are_silent_or_gone_do_not_keep_a_function_from_its_first_event() {
    // The kernel accepts connections to this socket, but nobody responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [silent.local_addr().unwrap(), gone] {
        let (question, after) = first_question(&format!("http://{address}"));
        assert!(
            question.starts_with("GET /2018-06-01/runtime/invocation/next"),
            "{question}"
        );
        // A fetch of the keys times out after 3 s; a start waits only 20 ms.
        assert!(after < Duration::from_millis(2500), "{after:?}");
    }
}
