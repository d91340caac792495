//! Lambda's side of the runtime API, with a clock, for one process of a function.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io::{Read, Write};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::quota::Quota;
use crate::{Failure, failed};

/// The longest wait for anything that a function does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of a function, and the runtime API that serves it.
pub(crate) struct Environment {
    process: Child,
    spawned: Instant,
    /// The CPU time that the shell used before it became the function.
    before: Duration,
    runtime: Arc<Runtime>,
    answers: mpsc::UnboundedReceiver<Bytes>,
    server: JoinHandle<()>,
}

struct Runtime {
    state: Mutex<Waiting>,
    asked: Notify,
    event: Notify,
    answers: mpsc::UnboundedSender<Bytes>,
}

#[derive(Default)]
struct Waiting {
    /// When the process first asked for an event.
    ready: Option<Instant>,
    /// The next event to send.
    event: Option<Bytes>,
    /// The quota that applies once the process first asks for an event.
    hold: Option<Arc<Quota>>,
}

/// How to start a function.
#[derive(Clone)]
pub(crate) struct Launch {
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// Its whole environment.
    pub(crate) settings: Vec<(String, String)>,
}

impl Launch {
    /// Replaces the value of a setting.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(present, _)| present != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }
}

impl Environment {
    /// Starts a process of the function. If there is a `quota`, it applies once the process first
    /// asks for an event.
    pub(crate) async fn start(launch: &Launch, quota: Option<Arc<Quota>>) -> Result<Self, Failure> {
        let (sender, answers) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            state: Mutex::default(),
            asked: Notify::new(),
            event: Notify::new(),
            answers: sender,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(respond),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(respond))
            .route("/2018-06-01/runtime/init/error", post(respond))
            .with_state(Arc::clone(&runtime));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        // The shell joins the control group first and becomes the function only when told to:
        // joining takes the kernel longer than a start, and must not be timed.
        let join = quota
            .as_ref()
            .map_or_else(|| "/dev/null".into(), |quota| quota.members());
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"echo $$ > "$0" && echo && read go && exec "$@""#])
            .arg(join)
            .args(&launch.command)
            .env_clear()
            .envs(launch.settings.iter().cloned());
        command
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let (mut go, mut log) = (
            process.stdin.take().ok_or("no input")?,
            process.stdout.take().ok_or("no output")?,
        );
        log.read_exact(&mut [0])?;
        runtime.state().hold = quota;
        let mut environment = Self {
            process,
            spawned: Instant::now(),
            before: Duration::ZERO,
            runtime,
            answers,
            server,
        };
        environment.before = environment.cpu()?;
        environment.spawned = Instant::now();
        go.write_all(b"\n")?;
        // The log is discarded, but the function still has to write it.
        std::thread::spawn(move || drop(std::io::copy(&mut log, &mut std::io::sink())));
        Ok(environment)
    }

    /// Waits until the process first asks for an event; returns how long after its start that was.
    pub(crate) async fn ready(&mut self) -> Result<Duration, Failure> {
        let runtime = Arc::clone(&self.runtime);
        let asked = async {
            loop {
                if let Some(ready) = runtime.state().ready {
                    break ready;
                }
                runtime.asked.notified().await;
            }
        };
        let spawned = self.spawned;
        Ok(within_its_life(&mut self.process, asked).await? - spawned)
    }

    /// Sends the function an event; returns the response and how long it took.
    pub(crate) async fn invoke(&mut self, event: &Bytes) -> Result<(Bytes, Duration), Failure> {
        let started = Instant::now();
        self.runtime.state().event = Some(event.clone());
        self.runtime.event.notify_one();
        let answer = within_its_life(&mut self.process, self.answers.recv()).await?;
        Ok((
            answer.ok_or_else(|| failed("the runtime API has ended"))?,
            started.elapsed(),
        ))
    }

    /// How long ago the process was started.
    pub(crate) fn age(&self) -> Duration {
        self.spawned.elapsed()
    }

    /// The CPU time that the process has used so far, by its own clock.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let pid = i32::try_from(self.process.id()).map_err(failed)?;
        Ok(Duration::from(clock_gettime(clock_getcpuclockid(Pid::from_raw(pid))?)?) - self.before)
    }

    /// The peak memory of the process, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| failed("no VmHWM"))
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        kill(
            Pid::from_raw(i32::try_from(self.process.id()).map_err(failed)?),
            Signal::SIGTERM,
        )?;
        self.process.wait()?;
        Ok(())
    }
}

/// Awaits a future; fails if the process ends first or the wait takes too long.
async fn within_its_life<T>(
    process: &mut Child,
    awaited: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut awaited = pin!(awaited);
    for _ in 0..PATIENCE.as_secs() {
        if let Ok(done) = tokio::time::timeout(Duration::from_secs(1), &mut awaited).await {
            return Ok(done);
        }
        if let Some(status) = process.try_wait()? {
            return Err(failed(format!(
                "a function has ended with {status}; its complaint is above"
            )));
        }
    }
    Err(failed(format!(
        "a function was silent for {} s",
        PATIENCE.as_secs()
    )))
}

impl Drop for Environment {
    fn drop(&mut self) {
        // Both calls fail if the process has already ended.
        drop(self.process.kill());
        drop(self.process.wait());
        self.server.abort();
    }
}

impl Runtime {
    fn state(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    {
        let mut state = runtime.state();
        if state.ready.is_none() {
            state.ready = Some(Instant::now());
            if let Some(quota) = &state.hold
                && let Err(error) = quota.hold()
            {
                eprintln!("no quota: {error}");
            }
            runtime.asked.notify_one();
        }
    }
    let event = loop {
        if let Some(event) = runtime.state().event.take() {
            break event;
        }
        runtime.event.notified().await;
    };
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "1"),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:local:000000000000:function:bench",
        ),
    ];
    (headers, event).into_response()
}

/// Receives a response, or the error in place of one.
async fn respond(State(runtime): State<Arc<Runtime>>, body: Bytes) -> StatusCode {
    drop(runtime.answers.send(body));
    StatusCode::ACCEPTED
}

/// Checks that the response is a success.
pub(crate) fn checked(answer: &Bytes) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(answer);
    if text.contains(r#"\"success\":true"#) || text.contains(r#"\"success\": true"#) {
        Ok(())
    } else {
        Err(failed(text))
    }
}
