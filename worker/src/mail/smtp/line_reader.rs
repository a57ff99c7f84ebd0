//! A socket that gives out one line at a time.
//!
//! lettre reads through a buffer that survives STARTTLS: what somebody in between sends in the clear behind the `220`
//! would later pass for an answer inside TLS ("response injection", nostarttls.secvuln.info). Read by lines, nothing is in
//! that buffer when TLS begins; what was injected reaches the handshake and breaks it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes read from the socket at once.
const READ_BYTES: usize = 4096;

/// The socket. Inside TLS it only means a few more reads.
#[derive(Debug)]
pub(super) struct LineReader {
    socket: TcpStream,
    ahead: BytesMut,
}

impl LineReader {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, ahead: BytesMut::with_capacity(READ_BYTES) }
    }
}

impl AsyncTokioStream for LineReader {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}

impl AsyncRead for LineReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            let mut bytes = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
            self.ahead.extend_from_slice(read.filled());
        }
        let line = self.ahead.iter().position(|byte| *byte == b'\n').map_or(self.ahead.len(), |at| at + 1);
        let given = line.min(out.remaining());
        out.put_slice(&self.ahead[..given]);
        self.ahead.advance(given);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineReader {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
