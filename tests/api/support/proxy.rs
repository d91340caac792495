//! A proxy between the functions and DynamoDB that injects the faults of networks and services.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing goes wrong.
    None,
    /// It reaches DynamoDB after this delay.
    Delay(Duration),
    /// It reaches DynamoDB once the test [releases](Held::release) it.
    Hold,
    /// It is lost: DynamoDB does not get it, and the caller gets no response.
    BlackHole,
    /// The connection breaks before DynamoDB gets the call.
    ResetBefore,
    /// The connection breaks after DynamoDB has executed the call.
    ResetAfter,
    /// The response ends after this many bytes.
    CutAt(usize),
    /// DynamoDB throttles it, having done nothing.
    Throttle,
    /// Another transaction conflicts on the call's last item; DynamoDB has done nothing.
    Conflict,
    /// DynamoDB returns an internal error, having done nothing.
    ErrorBefore,
    /// DynamoDB returns an internal error after it has executed the call.
    ErrorAfter,
}

/// A call that the proxy has seen.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The name of the operation, for example `PutItem`.
    pub(crate) name: String,
    pub(crate) body: Value,
}

/// A call that the proxy holds.
pub(crate) struct Held(Arc<Shared>);

impl Held {
    /// Waits until the call has reached the proxy.
    pub(crate) async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Forwards the call to DynamoDB.
    pub(crate) fn release(&self) {
        self.0.release.notify_one();
    }
}

type Plan = Box<dyn FnMut(&str) -> Fault + Send>;

pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: Mutex<String>,
    plan: Mutex<Plan>,
    calls: Mutex<Vec<Call>>,
    /// Notified when a held call reaches the proxy.
    reached: Notify,
    /// Notified when a held call may go on.
    release: Notify,
    /// Connections accepted so far.
    accepted: AtomicU64,
    /// Connections up to this number get no more responses.
    silent: AtomicU64,
    /// Connections up to this number are broken.
    broken: watch::Sender<u64>,
    http: Client,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::default(),
            plan: Mutex::new(Box::new(|_| Fault::None)),
            calls: Mutex::default(),
            reached: Notify::new(),
            release: Notify::new(),
            accepted: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            broken: watch::Sender::new(0),
            http: super::client(),
        });
        let accepting = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = accepting.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(Arc::clone(&accepting).connection(stream, number));
            }
        });
        Self {
            address,
            shared,
            server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn forward_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.shared.upstream.lock().unwrap());
    }

    /// Sets the fault of each call: `plan` chooses it by the call's name.
    pub(crate) fn plan(&self, plan: impl FnMut(&str) -> Fault + Send + 'static) {
        *self.shared.plan.lock().unwrap() = Box::new(plan);
    }

    /// Injects these faults into the next calls of this name, one each; all other calls succeed.
    pub(crate) fn fail(
        &self,
        name: &'static str,
        faults: impl IntoIterator<Item = Fault, IntoIter: Send + 'static>,
    ) {
        let mut faults = faults.into_iter();
        self.plan(move |call| {
            if call == name {
                faults.next().unwrap_or(Fault::None)
            } else {
                Fault::None
            }
        });
    }

    /// Holds the next call of this name until the test releases it; all other calls succeed.
    pub(crate) fn hold_next(&self, name: &'static str) -> Held {
        self.fail(name, [Fault::Hold]);
        Held(Arc::clone(&self.shared))
    }

    /// The calls since this was last read.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.shared.calls.lock().unwrap())
    }

    /// Breaks all current connections; new ones work.
    pub(crate) fn break_connections(&self) {
        self.shared
            .broken
            .send_replace(self.shared.accepted.load(Ordering::SeqCst));
    }

    /// Stops responding on all current connections; new ones work.
    pub(crate) fn silence_connections(&self) {
        self.shared.silent.store(
            self.shared.accepted.load(Ordering::SeqCst),
            Ordering::SeqCst,
        );
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.broken.send_replace(u64::MAX);
    }
}

impl Shared {
    async fn connection(self: Arc<Self>, mut stream: TcpStream, number: u64) {
        let mut broken = self.broken.subscribe();
        tokio::select! {
            _ = broken.wait_for(|last| *last >= number) => drop(reset(&stream)),
            // An error here means that the caller has gone away.
            _ = self.serve(&mut stream, number) => {}
        }
    }

    async fn serve(&self, stream: &mut TcpStream, number: u64) -> io::Result<()> {
        loop {
            let (head, body) = read_request(stream).await?;
            if self.silent.load(Ordering::SeqCst) >= number {
                std::future::pending::<()>().await;
            }
            let name = header(&head, "x-amz-target")
                .rsplit('.')
                .next()
                .unwrap_or_default()
                .to_owned();
            self.calls.lock().unwrap().push(Call {
                name: name.clone(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            });
            let parts = self.calls.lock().unwrap().last().unwrap().body["TransactItems"]
                .as_array()
                .map(Vec::len);
            let fault = (self.plan.lock().unwrap())(&name);
            let response = match fault {
                Fault::BlackHole => std::future::pending().await,
                Fault::ResetBefore => return Err(reset(stream)),
                Fault::Throttle => dynamodb_error(400, "ThrottlingException"),
                Fault::Conflict => conflict(parts),
                Fault::ErrorBefore => dynamodb_error(500, "InternalServerError"),
                Fault::Delay(pause) => {
                    tokio::time::sleep(pause).await;
                    self.forward(&head, body).await
                }
                Fault::Hold => {
                    self.reached.notify_one();
                    self.release.notified().await;
                    self.forward(&head, body).await
                }
                Fault::ErrorAfter => {
                    self.forward(&head, body).await;
                    dynamodb_error(500, "InternalServerError")
                }
                Fault::None | Fault::ResetAfter | Fault::CutAt(_) => {
                    self.forward(&head, body).await
                }
            };
            match fault {
                Fault::ResetAfter => return Err(reset(stream)),
                Fault::CutAt(length) => {
                    stream
                        .write_all(&response[..length.min(response.len() - 1)])
                        .await?;
                    return stream.shutdown().await;
                }
                _ => stream.write_all(&response).await?,
            }
        }
    }

    async fn forward(&self, head: &str, body: Vec<u8>) -> Vec<u8> {
        let upstream = self.upstream.lock().unwrap().clone();
        let mut request = self.http.post(upstream).body(body);
        for name in [
            "x-amz-target",
            "content-type",
            "authorization",
            "x-amz-date",
        ] {
            request = request.header(name, header(head, name));
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let mut bytes =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
            if let Some(value) = headers.get(name) {
                bytes.extend_from_slice(
                    format!("{name}: {}\r\n", value.to_str().unwrap()).as_bytes(),
                );
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_some(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = header(&head, "content-length").parse().unwrap_or(0);
    while bytes.len() < end + length {
        read_some(stream, &mut bytes).await?;
    }
    Ok((head, bytes.split_off(end)))
}

async fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(bytes).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn header<'a>(head: &'a str, header_name: &str) -> &'a str {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(name, _)| name.eq_ignore_ascii_case(header_name))
        .map(|(_, value)| value.trim())
        .next()
        .unwrap_or_default()
}

fn dynamodb_error(status: u16, code: &str) -> Vec<u8> {
    dynamodb_error_with(status, code, "")
}

/// An error with additional members, each followed by a comma.
fn dynamodb_error_with(status: u16, code: &str, members: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}",{members}"message":"as planned"}}"#
    );
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The error that a single write, or a transaction with this many parts, gets when another
/// transaction conflicts with it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
fn conflict(parts: Option<usize>) -> Vec<u8> {
    let Some(parts) = parts else {
        return dynamodb_error(400, "TransactionConflictException");
    };
    let none = r#"{"Code":"None"},"#.repeat(parts - 1);
    let reasons = format!(r#""CancellationReasons":[{none}{{"Code":"TransactionConflict"}}],"#);
    dynamodb_error_with(400, "TransactionCanceledException", &reasons)
}

/// Makes the connection end with a reset instead of an orderly close; returns the error for the
/// caller.
fn reset(stream: &TcpStream) -> io::Error {
    stream
        .set_zero_linger()
        .err()
        .unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
}
