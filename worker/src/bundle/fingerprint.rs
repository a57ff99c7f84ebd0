//! What went out: how many bytes, and their hash.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

/// Bytes collected before they are passed on.
const BUFFER_BYTES: usize = 64 * 1024;

/// Passes bytes on in large pieces, and knows them afterwards.
pub(super) struct Fingerprint<W: Write> {
    out: W,
    buffer: Vec<u8>,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Fingerprint<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, buffer: Vec::with_capacity(BUFFER_BYTES), bytes: 0, hash: Sha256::new() }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.hash.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        let passed = self.out.write_all(&self.buffer);
        self.buffer.clear();
        passed
    }

    /// Passes the rest on; how many bytes there were, and their SHA-256 in hex.
    pub(super) fn finish(mut self) -> io::Result<(u64, String)> {
        self.pass_on()?;
        self.out.flush()?;
        Ok((self.bytes, self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl<W: Write> Write for Fingerprint<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    /// Every entry of a zip flushes; only the last of the bytes need be on their way at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
