//! One accepted socket, with a switch that turns its end into a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a request handler may do to the connection its request came on.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    reset: Arc<AtomicBool>,
}

impl Connection {
    /// Makes the connection end with a TCP reset instead of an orderly close. Bytes that the kernel
    /// has not sent by then are lost, as they are when a real peer dies.
    pub fn reset_at_end(&self) {
        self.reset.store(true, Ordering::Release);
    }

    fn ends_with_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}

/// The socket itself, as hyper reads and writes it.
pub(super) struct Socket {
    stream: TcpStream,
    connection: Connection,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, connection: Connection) -> Self {
        Self { stream, connection }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.ends_with_reset() {
            // A failure means that the socket is already gone, which is what was asked for.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A shutdown sends FIN, and the peer would see an orderly close before the reset.
        if self.connection.ends_with_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
