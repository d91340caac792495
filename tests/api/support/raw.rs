//! Requests as raw bytes on their own connection, so that no client corrects them.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Api, ApiResponse};

/// The longest wait for a response; a test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens a connection to the API.
pub(crate) async fn connect(api: &Api) -> TcpStream {
    TcpStream::connect(api.stack.api.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Sends the bytes of a request that asks to close the connection. The caller checks what every
/// response must have.
pub(crate) async fn send(api: &Api, request: &[u8]) -> ApiResponse {
    let mut stream = connect(api).await;
    // A server may respond and close before it has read everything.
    drop(stream.write_all(request).await);
    let bytes = read_to_end(stream).await;
    let shown = || {
        panic!(
            "{} for {}",
            String::from_utf8_lossy(&bytes),
            String::from_utf8_lossy(request)
        )
    };
    parse(&bytes).unwrap_or_else(shown)
}

/// Sends bytes that may be no request and ends the stream; returns whatever comes back.
pub(crate) async fn send_and_end(api: &Api, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(api).await;
    drop(stream.write_all(request).await);
    drop(stream.shutdown().await);
    read_to_end(stream).await
}

/// The status of a response.
pub(crate) fn status(response: &[u8]) -> Option<u16> {
    let version = [b"HTTP/1.0 ", b"HTTP/1.1 "]
        .into_iter()
        .find(|version| response.starts_with(*version))?;
    std::str::from_utf8(response.get(version.len()..)?.get(..3)?)
        .ok()?
        .parse()
        .ok()
}

async fn read_to_end(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // If the server resets the connection, what came before is kept.
    drop(
        timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .expect("the server neither answered nor closed"),
    );
    bytes
}

/// The one response in `bytes`; `None` if there is no response or more than one.
fn parse(bytes: &[u8]) -> Option<ApiResponse> {
    // `100 Continue`, which a request with `Expect` gets first, is not the response (RFC 9110,
    // section 15.2.1).
    let bytes = bytes
        .strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ")?;
        headers.append(
            name.parse::<HeaderName>().ok()?,
            value.parse::<HeaderValue>().ok()?,
        );
    }
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    // The response to HEAD has a body's length but no body.
    let whole = body.is_empty() || body.len() == length;
    let response = ApiResponse {
        status: status(bytes)?,
        headers,
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    whole.then_some(response)
}
