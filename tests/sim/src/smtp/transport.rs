//! The connection, in the clear or in TLS, read by lines.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;

/// Longest line, CRLF included, in bytes: RFC 5321 §4.5.3.1.6 has 1,000 for text.
const LINE_BYTES_MAX: usize = 1000;
/// Longest silence of a client (RFC 5321 §4.5.3.2.7), in seconds.
const SILENCE_SECONDS: u64 = 300;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a client sent.
pub(super) enum Line {
    /// A line, without its CRLF.
    Text(Vec<u8>),
    /// More than a line may have, or one that did not end in CRLF.
    Malformed,
}

/// A connection.
pub(super) struct Transport {
    stream: BufReader<Box<dyn Stream>>,
    pub(super) encrypted: bool,
}

impl Transport {
    pub(super) fn plain(socket: tokio::net::TcpStream) -> Self {
        Self { stream: BufReader::new(Box::new(socket)), encrypted: false }
    }

    /// Goes on in TLS. A client that has sent more than it may by then is cut off.
    pub(super) async fn encrypt(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        if !self.stream.buffer().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "commands in the clear behind STARTTLS"));
        }
        let stream = acceptor.accept(self.stream.into_inner()).await?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), encrypted: true })
    }

    /// The next line; an error at the end.
    pub(super) async fn line(&mut self) -> io::Result<Line> {
        let mut line = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let reading = async { (&mut self.stream).take(limit).read_until(b'\n', &mut line).await };
        let read = tokio::time::timeout(Duration::from_secs(SILENCE_SECONDS), reading).await??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.strip_suffix(b"\r\n") {
            Some(text) if !text.contains(&b'\r') => Ok(Line::Text(text.to_vec())),
            _ => Ok(Line::Malformed),
        }
    }

    /// Sends bytes in one write.
    pub(super) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await
    }
}
