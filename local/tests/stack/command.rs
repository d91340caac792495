//! The command itself, as a newcomer runs it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Folder, local, text};

/// Four ports that nothing listens on.
#[derive(Clone, Copy)]
struct Ports([u16; 4]);

impl Ports {
    fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = 20_000 + (std::process::id() % 10_000) as u16;
        let mut free = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::SeqCst))
            .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        Self(std::array::from_fn(|_| free.next().unwrap()))
    }

    fn flags(self) -> [String; 8] {
        let [api, identity, dynamodb, console] = self.0.map(|port| port.to_string());
        [
            "--port".into(),
            api,
            "--identity-port".into(),
            identity,
            "--dynamodb-port".into(),
            dynamodb,
            "--console-port".into(),
            console,
        ]
    }

    fn url(self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.0[0])
    }
}

/// A running stack; it is killed if the test ends without stopping it.
struct Running {
    child: Child,
    /// What it printed when it started.
    welcome: String,
}

impl Running {
    fn start(folder: &Path, ports: Ports, more: &[&str]) -> Self {
        Self::of(local(folder).args(ports.flags()).args(more))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut welcome = String::new();
        while !welcome.contains("Ctrl-C stops it.") {
            assert!(
                output.read_line(&mut welcome).unwrap() > 0,
                "it ended: {welcome}"
            );
        }
        child.stdout = Some(output.into_inner());
        Self { child, welcome }
    }

    /// Interrupts the stack and returns what it printed after that.
    fn interrupt(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let started = Instant::now();
        let mut rest = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert!(self.child.wait().unwrap().success());
        assert!(started.elapsed() < Duration::from_secs(5));
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

async fn get(url: &str, token: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .get(url)
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await
        .unwrap();
    (
        response.status().as_u16(),
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

async fn post(url: &str, token: &str, body: &Value) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(url)
        .header("authorization", format!("Bearer {token}"))
        .body(body.to_string());
    request.send().await.unwrap().status().as_u16()
}

/// The words of a printed command line: only quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate().flat_map(|(index, part)| {
        if index % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(str::to_owned).collect()
        }
    });
    parts.collect()
}

#[tokio::test]
async fn the_output_at_the_start_fits_a_screen_and_its_commands_work() {
    let (folder, ports) = (Folder::new("welcome"), Ports::free());
    let running = Running::start(&folder.0, ports, &[]);
    let lines: Vec<_> = running.welcome.lines().collect();
    assert!(
        lines.len() <= 24 && lines.iter().all(|line| line.chars().count() <= 80),
        "{}",
        running.welcome
    );
    let commands: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert_eq!(commands.len(), 3, "{}", running.welcome);
    let console = format!("Console    http://127.0.0.1:{}", ports.0[3]);
    assert_eq!(lines.first(), Some(&console.as_str()));
    for command in commands {
        let words = words(command);
        let value = |flag: &str| {
            words
                .iter()
                .skip_while(|word| *word != flag)
                .nth(1)
                .cloned()
        };
        let url = words
            .iter()
            .find(|word| word.starts_with("http://"))
            .unwrap();
        let file = folder
            .0
            .join(value("-H").unwrap().strip_prefix('@').unwrap());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{command}"
        );
        let headers = fs::read_to_string(file).unwrap();
        assert!(
            headers
                .lines()
                .any(|line| line == "content-type: application/json"),
            "{command}"
        );
        let token = headers
            .lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "))
            .unwrap();
        match value("-d") {
            Some(body) => assert_eq!(
                post(url, token, &serde_json::from_str(&body).unwrap()).await,
                200,
                "{command}"
            ),
            None => assert_eq!(get(url, token).await.0, 200, "{command}"),
        }
    }
    assert_eq!(running.interrupt().trim(), "Stopped.");
}

#[tokio::test]
async fn in_memory_it_keeps_no_file() {
    let (folder, ports) = (Folder::new("in-memory"), Ports::free());
    let running = Running::start(&folder.0, ports, &["--in-memory"]);
    let token = printed(
        &local(&folder.0)
            .args(["token", "assistant"])
            .args(&ports.flags()[2..4])
            .output()
            .unwrap(),
    );
    assert_eq!(get(&ports.url("/actors"), &token).await.0, 200);
    assert!(!folder.0.join(".local").exists());
    assert_eq!(running.interrupt().trim(), "Stopped.");
}

#[tokio::test]
async fn an_application_under_development_and_a_shorter_lifetime_are_flags() {
    let (folder, ports) = (Folder::new("flags"), Ports::free());
    let addresses = ["http://127.0.0.1:5173/", "https://app.example/done"];
    let flags = [
        "--in-memory",
        "--token-seconds",
        "60",
        "--redirect-uri",
        addresses[0],
        "--redirect-uri",
        addresses[1],
    ];
    let running = Running::start(&folder.0, ports, &flags);
    let identity = format!("http://127.0.0.1:{}", ports.0[1]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let [first, second] = addresses.map(|address| (address, 200));
    for (address, status) in [first, second, ("https://app.example/", 400)] {
        let query = "audience=casting-agency&response_type=token&client_id=x";
        let url = format!("{identity}/authorize?{query}&redirect_uri={address}");
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.status(), status, "{address}");
    }
    let grant = "grant_type=password&username=director&audience=casting-agency";
    let request = client
        .post(format!("{identity}/oauth/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(grant);
    let response = request.send().await.unwrap().bytes().await.unwrap();
    let response: Value = serde_json::from_slice(&response).unwrap();
    assert_eq!(response["expires_in"], 60);
    running.interrupt();
}

#[tokio::test]
async fn data_and_key_survive_a_restart() {
    let (folder, ports) = (Folder::new("restart"), Ports::free());
    let token = || {
        printed(
            &local(&folder.0)
                .args(["token", "director"])
                .args(&ports.flags()[2..4])
                .output()
                .unwrap(),
        )
    };
    let running = Running::start(&folder.0, ports, &[]);
    let before = token();
    assert_eq!(
        post(
            &ports.url("/actors"),
            &before,
            &json!({"name": "Ida", "age": 34, "gender": "f"})
        )
        .await,
        200
    );
    running.interrupt();
    let between = token();
    let running = Running::start(&folder.0, ports, &[]);
    for token in [before, between, token()] {
        let (status, body) = get(&ports.url("/actors"), &token).await;
        assert_eq!((status, &body["actors"][0]["name"]), (200, &json!("Ida")));
    }
    running.interrupt();
}

#[tokio::test]
async fn data_survives_a_kill() {
    let (folder, ports) = (Folder::new("kill"), Ports::free());
    let running = Running::start(&folder.0, ports, &[]);
    let token = printed(
        &local(&folder.0)
            .args(["token", "producer"])
            .args(&ports.flags()[2..4])
            .output()
            .unwrap(),
    );
    for _ in 0..20 {
        assert_eq!(
            post(
                &ports.url("/movies"),
                &token,
                &json!({"title": "An Example"})
            )
            .await,
            200
        );
    }
    drop(running);
    let running = Running::start(&folder.0, ports, &[]);
    let (_, body) = get(&ports.url("/movies"), &token).await;
    assert_eq!(body["movies"].as_array().unwrap().len(), 20);
    running.interrupt();
}

#[test]
fn starting_twice_says_which_port_is_taken() {
    let (folder, ports) = (Folder::new("twice"), Ports::free());
    let running = Running::start(&folder.0, ports, &[]);
    let second = local(&folder.0).args(ports.flags()).output().unwrap();
    assert!(!second.status.success());
    assert_eq!(
        text(&second.stderr),
        format!(
            "error: port {} is already in use; free it, or choose another with --port",
            ports.0[0]
        )
    );
    let other = Ports::free();
    for (index, flag) in [
        (1, "--identity-port"),
        (2, "--dynamodb-port"),
        (3, "--console-port"),
    ] {
        let mut mixed = other;
        mixed.0[index] = ports.0[index];
        let second = local(&folder.0)
            .args(mixed.flags())
            .arg("--in-memory")
            .output()
            .unwrap();
        assert!(
            text(&second.stderr).contains(&format!("port {} is already in use", ports.0[index])),
            "{second:?}"
        );
        assert!(text(&second.stderr).ends_with(flag), "{second:?}");
    }
    let same_data = local(&folder.0)
        .args(Ports::free().flags())
        .output()
        .unwrap();
    assert!(!same_data.status.success());
    assert!(
        text(&same_data.stderr).contains("another local stack keeps its data here"),
        "{same_data:?}"
    );
    running.interrupt();
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let folder = Folder::new("mistakes");
    let check = |arguments: &[&str], expected: &str| {
        let output = local(&folder.0).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(expected),
            "{arguments:?}: {output:?}"
        );
    };
    check(
        &["token", "admin"],
        "a role is assistant, director, producer or nobody",
    );
    check(&["token"], "<ROLE>");
    check(&["--port", "0"], "--port");
    check(&["--port", "65536"], "--port");
    check(&["--prot", "1"], "--port");
    check(&["--console-port", "0"], "--console-port");
    for seconds in ["0", "86401", "x"] {
        check(&["--token-seconds", seconds], "--token-seconds");
    }
    for address in ["app.example", "/callback", "javascript:alert(1)"] {
        check(
            &["--redirect-uri", address],
            "not a http:// or https:// URL",
        );
    }
    check(&["start"], "unrecognized subcommand");
    for moved in ["import", "export", "reindex"] {
        check(
            &[moved, "actors"],
            "import, export and reindex are commands of casting: cargo run -p casting",
        );
    }
    check(&["event", "nowhere.json"], "nowhere.json");
    let [identity, ..] = Ports::free().0;
    check(
        &[
            "token",
            "director",
            "--identity-port",
            &identity.to_string(),
        ],
        "there is not a signing key yet",
    );
    fs::write(folder.0.join("list.json"), "[]").unwrap();
    check(
        &["event", "list.json", "--as", "director"],
        "not an event of API Gateway",
    );
    let bad_domain = local(&folder.0)
        .env("AUTH0_DOMAIN", "https://tenant.example")
        .output()
        .unwrap();
    assert!(
        text(&bad_domain.stderr).contains("AUTH0_DOMAIN must be a domain"),
        "{bad_domain:?}"
    );
    let bad_time = local(&folder.0)
        .env("JWKS_CACHE_SECONDS", "soon")
        .output()
        .unwrap();
    assert!(
        text(&bad_time.stderr).contains("JWKS_CACHE_SECONDS must be"),
        "{bad_time:?}"
    );
}

#[test]
fn no_argument_commands_the_terminal() {
    let folder = Folder::new("arguments");
    let sent = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{2028}\nc";
    let shown = "a\\u{1b}[2J\\u{9b}31m\\u{202e}b\\u{2028}\\nc";
    for arguments in [
        &[&*format!("--x{sent}")][..],
        &[&format!("sub{sent}")],
        &["token", sent],
        &["event", sent],
    ] {
        let output = local(&folder.0).args(arguments).output().unwrap();
        let error = text(&output.stderr);
        assert!(
            !output.status.success() && error.contains(shown),
            "{error:?}"
        );
        assert!(
            !error
                .chars()
                .any(|c| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c))),
            "{error:?}"
        );
    }
}

#[test]
fn a_first_start_that_is_killed_at_any_moment_leaves_a_folder_that_the_next_start_can_use() {
    for milliseconds in (0..160).step_by(8) {
        let (folder, ports) = (Folder::new("killed"), Ports::free());
        let mut first = local(&folder.0)
            .args(ports.flags())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        first.kill().unwrap();
        first.wait().unwrap();
        Running::start(&folder.0, ports, &[]).interrupt();
    }
}

#[tokio::test]
async fn an_event_is_printed_with_a_token_that_the_stack_takes() {
    let (folder, ports) = (Folder::new("event"), Ports::free());
    let running = Running::start(&folder.0, ports, &["--in-memory"]);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../events/get_actors/listed.json"
    );
    let with_token = local(&folder.0)
        .args(["event", file, "--as", "assistant"])
        .args(&ports.flags()[2..4])
        .output()
        .unwrap();
    let event: Value = serde_json::from_str(&printed(&with_token)).unwrap();
    let token = event["headers"]["authorization"]
        .as_str()
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap();
    assert_eq!(get(&ports.url("/actors"), token).await.0, 200);
    let without = local(&folder.0).args(["event", file]).output().unwrap();
    let without: Value = serde_json::from_str(&printed(&without)).unwrap();
    assert_eq!(
        without,
        serde_json::from_slice::<Value>(&fs::read(file).unwrap()).unwrap()
    );
    running.interrupt();
}

#[tokio::test]
async fn an_issuer_from_the_environment_replaces_the_local_one() {
    let (folder, first, second) = (Folder::new("issuer"), Ports::free(), Ports::free());
    let issuing = Running::start(&folder.0, first, &["--in-memory"]);
    let issuer = format!("http://127.0.0.1:{}", first.0[1]);
    let trusting = Running::of(
        local(&folder.0)
            .env("AUTH0_DOMAIN", &issuer)
            .args(second.flags())
            .arg("--in-memory"),
    );
    assert!(
        TcpListener::bind(("127.0.0.1", second.0[1])).is_ok(),
        "{}",
        trusting.welcome
    );
    let token = printed(
        &local(&folder.0)
            .args(["token", "assistant"])
            .args(&first.flags()[2..4])
            .output()
            .unwrap(),
    );
    assert_eq!(get(&second.url("/actors"), &token).await.0, 200);
    assert!(
        !trusting.welcome.contains("Console"),
        "{}",
        trusting.welcome
    );
    drop(trusting);
    let trusting = Running::of(
        local(&folder.0)
            .env("AUTH0_DOMAIN", &issuer)
            .env("CONSOLE_CLIENT_ID", "of-the-tenant")
            .args(second.flags())
            .arg("--in-memory"),
    );
    let console = format!("http://127.0.0.1:{}", second.0[3]);
    assert!(
        trusting
            .welcome
            .starts_with(&format!("Console    {console}\n")),
        "{}",
        trusting.welcome
    );
    let (_, config) = get(&format!("{console}/config.json"), "").await;
    assert_eq!(
        config,
        json!({
            "api": second.url(""), "issuer": format!("{issuer}/"), "clientId": "of-the-tenant",
            "audience": "casting-agency",
        })
    );
    drop(issuing);
}
