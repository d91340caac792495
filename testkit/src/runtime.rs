//! Lambda's side of the runtime API for one process of a function, with a clock.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io::{Read, Write};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::quota::Quota;

/// The longest wait for anything that a function does.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a function.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its whole environment, except the address of the runtime API.
    pub settings: Vec<(String, String)>,
}

impl Launch {
    /// Replaces the value of a setting.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(present, _)| present != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }
}

/// A process of a function, and the runtime API that serves it. Dropping it kills the process.
pub struct Environment {
    process: Child,
    spawned: Instant,
    /// The CPU time that the shell used before it became the function.
    before: Duration,
    runtime: Arc<Runtime>,
    server: JoinHandle<()>,
}

/// A function gets one event at a time, so one place for an event and one for its response are
/// enough.
struct Runtime {
    state: Mutex<Invocation>,
    asked: Notify,
    event: Notify,
}

#[derive(Default)]
struct Invocation {
    /// When the process first asked for an event.
    ready: Option<Instant>,
    /// The next event to send.
    event: Option<Bytes>,
    /// Takes the response.
    response: Option<oneshot::Sender<Bytes>>,
    /// The quota that applies once the process first asks for an event.
    quota: Option<Arc<Quota>>,
}

impl Environment {
    /// Starts a process of the function. If there is a `quota`, it applies once the process first
    /// asks for an event.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub async fn start(launch: &Launch, quota: Option<Arc<Quota>>) -> Result<Self, Failure> {
        let runtime = Arc::new(Runtime {
            state: Mutex::default(),
            asked: Notify::new(),
            event: Notify::new(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(respond),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(respond))
            .route("/2018-06-01/runtime/init/error", post(init_error))
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
        runtime.state().quota = quota;
        let mut environment = Self {
            process,
            spawned: Instant::now(),
            before: Duration::ZERO,
            runtime,
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
    ///
    /// # Errors
    /// If the process ends first, or does not ask within a minute.
    pub async fn ready(&mut self) -> Result<Duration, Failure> {
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
        Ok(unless_process_exits(&mut self.process, asked).await? - spawned)
    }

    /// Sends the function an event; returns the response and how long it took.
    ///
    /// # Errors
    /// If the process ends before it responds, or does not respond within a minute.
    pub async fn invoke(&mut self, event: &Bytes) -> Result<(Bytes, Duration), Failure> {
        let started = Instant::now();
        let response = self.send(event.clone());
        let response = unless_process_exits(&mut self.process, response).await??;
        Ok((response, started.elapsed()))
    }

    /// Sends the function an event at once, and returns its future response: `None` if the process
    /// is killed first.
    pub fn respond_to(&self, event: &Value) -> impl Future<Output = Option<Value>> + use<> {
        let response = self.send(event.to_string().into());
        async move { serde_json::from_slice(&response.await.ok()?).ok() }
    }

    fn send(&self, event: Bytes) -> oneshot::Receiver<Bytes> {
        let (sender, response) = oneshot::channel();
        {
            let mut state = self.runtime.state();
            state.event = Some(event);
            state.response = Some(sender);
        }
        self.runtime.event.notify_one();
        response
    }

    /// How long ago the process was started.
    pub fn age(&self) -> Duration {
        self.spawned.elapsed()
    }

    /// The CPU time that the process has used so far, by its own clock.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        Ok(Duration::from(clock_gettime(clock_getcpuclockid(self.pid()?)?)?) - self.before)
    }

    /// The peak memory of the process, in bytes.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn peak_memory(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kilobytes.ok_or("no VmHWM")? * 1024)
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Errors
    /// If the process has already ended.
    pub fn end(&mut self) -> Result<(), Failure> {
        kill(self.pid()?, Signal::SIGTERM)?;
        self.process.wait()?;
        Ok(())
    }

    /// Kills the process at once. A response that has not arrived is lost.
    pub fn kill(&mut self) {
        // Both calls fail if the process has already ended.
        drop(self.process.kill());
        drop(self.process.wait());
        self.server.abort();
        self.runtime.state().response = None;
    }

    fn pid(&self) -> Result<Pid, Failure> {
        Ok(Pid::from_raw(i32::try_from(self.process.id())?))
    }
}

/// Awaits a future; fails if the process ends first or the wait takes too long.
async fn unless_process_exits<T>(
    process: &mut Child,
    awaited: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut awaited = pin!(awaited);
    for _ in 0..PATIENCE.as_secs() {
        if let Ok(done) = tokio::time::timeout(Duration::from_secs(1), &mut awaited).await {
            return Ok(done);
        }
        if let Some(status) = process.try_wait()? {
            return Err(format!("a function ended with {status}; its error is above").into());
        }
    }
    Err(format!("a function did not respond for {} s", PATIENCE.as_secs()).into())
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Runtime {
    fn state(&self) -> MutexGuard<'_, Invocation> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    {
        let mut state = runtime.state();
        if state.ready.is_none() {
            state.ready = Some(Instant::now());
            if let Some(quota) = &state.quota
                && let Err(error) = quota.apply()
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
            "arn:aws:lambda:local:000000000000:function:local",
        ),
    ];
    (headers, event).into_response()
}

/// Shows why a function does not start; its process then ends.
async fn init_error(body: Bytes) -> StatusCode {
    eprintln!("{}", String::from_utf8_lossy(&body));
    StatusCode::ACCEPTED
}

/// Receives a response, or the error in place of one.
async fn respond(State(runtime): State<Arc<Runtime>>, body: Bytes) -> StatusCode {
    let response = runtime.state().response.take();
    if let Some(response) = response {
        drop(response.send(body));
    }
    StatusCode::ACCEPTED
}
