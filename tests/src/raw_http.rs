//! HTTP as bytes, for requests that no client library would send.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deadline::DEADLINE_SECONDS;

/// What came back before the connection ended or the answer was complete.
#[derive(Debug)]
pub struct RawReply {
    /// The status, or nothing if the connection was just closed.
    pub status: Option<u16>,
    /// Head and body.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

/// Opens a connection and sends `pieces` one after the other.
pub async fn send(port: u16, pieces: &[&[u8]]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    for piece in pieces {
        // The gateway may have answered and closed by now; what it said is read all the same.
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    stream
}

/// Reads until the server closes or the body is complete.
pub async fn answer(mut stream: TcpStream) -> RawReply {
    let began = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = [0; 16_384];
    let deadline = Duration::from_secs(DEADLINE_SECONDS);
    while let Ok(Ok(read)) = tokio::time::timeout(deadline, stream.read(&mut buffer)).await {
        bytes.extend_from_slice(&buffer[..read]);
        if read == 0 || is_complete(&bytes) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    RawReply { status, text, took: began.elapsed() }
}

fn is_complete(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|length| length.trim().parse().ok()).is_some_and(|length: usize| body.len() >= length)
}
