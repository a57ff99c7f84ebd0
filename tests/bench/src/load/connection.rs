//! One kept-alive HTTP/1.1 connection. It reads as little as a load generator has to: the status and where the body ends.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Request;
use super::answer::Head;

/// Largest head, and room for what is read at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// How much of an unexpected answer is shown.
const SHOWN_BYTES: usize = 500;

/// One connection, asked one thing at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("{address} does not answer"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 })
    }

    /// Asks and reads the whole answer, which must be 200.
    pub async fn answer(&mut self, request: &Request) -> Result<()> {
        self.each_part(request, |_| {}).await
    }

    /// Asks and returns the body.
    pub async fn whole_answer(&mut self, request: &Request) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        self.each_part(request, |part| whole.extend_from_slice(part)).await?;
        Ok(whole)
    }

    /// Asks and returns status and body, whatever they are.
    pub async fn any_answer(&mut self, request: &Request) -> Result<(u16, Vec<u8>)> {
        let mut whole = Vec::new();
        let status = self.exchange(request, |_, part| whole.extend_from_slice(part)).await?;
        Ok((status, whole))
    }

    /// Asks and hands on each part of the body as it arrives.
    pub async fn each_part(&mut self, request: &Request, mut part: impl FnMut(&[u8])) -> Result<()> {
        let mut shown = Vec::new();
        let status = self.exchange(request, |status, bytes| {
            if status == 200 {
                part(bytes);
            } else if shown.len() < SHOWN_BYTES {
                shown.extend_from_slice(bytes);
            }
        });
        let status = status.await?;
        if status != 200 {
            bail!("{} answers {status}: {}", self.address, String::from_utf8_lossy(&shown));
        }
        Ok(())
    }

    /// Asks, hands on status and each part of the body, and returns the status.
    async fn exchange(&mut self, request: &Request, mut part: impl FnMut(u16, &[u8])) -> Result<u16> {
        self.stream.write_all(&request.0).await?;
        let Head { status, mut body } = self.head().await?;
        loop {
            let (used, ended) = body.read(&self.buffer[self.start..self.end], |bytes| part(status, bytes))?;
            self.start += used;
            if ended {
                return Ok(status);
            }
            self.fill().await?;
        }
    }

    async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some((head, bytes)) = Head::read(&self.buffer[self.start..self.end])? {
                self.start += bytes;
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            bail!("a head or a chunk's size is longer than {BUFFER_BYTES} bytes");
        }
        let read = self
            .stream
            .read(&mut self.buffer[self.end..])
            .await
            .with_context(|| format!("{} broke a connection off", self.address))?;
        if read == 0 {
            bail!("{} closed a connection within an answer", self.address);
        }
        self.end += read;
        Ok(())
    }
}
