//! Reading a provider's body under its own timeouts.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::upstream_error::UpstreamError;

/// Most of an error body that is read, in bytes; a real one is under 2 KB.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A body being read.
#[derive(Debug)]
pub struct UpstreamBody {
    response: Response,
    idle_timeout: Duration,
    deadline: Instant,
}

impl UpstreamBody {
    pub(super) fn new(response: Response, idle_timeout: Duration, deadline: Instant) -> Self {
        Self { response, idle_timeout, deadline }
    }

    /// The next bytes; `None` at the end. Fails if the provider is silent for the idle timeout, the call passes
    /// its deadline or the connection breaks; what came before stays valid and is owed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let idle_by = Instant::now() + self.idle_timeout;
        match timeout_at(idle_by.min(self.deadline), self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(_)) => Err(UpstreamError::Unknown { stage: "connection_lost" }),
            Err(_) if idle_by < self.deadline => Err(UpstreamError::Unknown { stage: "idle_timeout" }),
            Err(_) => Err(UpstreamError::Unknown { stage: "deadline" }),
        }
    }

    /// The whole rest, if it is no longer than `max_bytes`.
    pub async fn collect(mut self, max_bytes: usize) -> Result<Bytes, UpstreamError> {
        let mut whole = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            if whole.len() + joined.len() + chunk.len() > max_bytes {
                return Err(UpstreamError::TooLarge { max_bytes });
            }
            // Most bodies come in one piece, which then needs no copy.
            if whole.is_empty() && joined.is_empty() {
                whole = chunk;
            } else {
                joined.extend_from_slice(&std::mem::take(&mut whole));
                joined.extend_from_slice(&chunk);
            }
        }
        Ok(if joined.is_empty() { whole } else { joined.freeze() })
    }
}

/// The beginning of an error body, as far as it comes; an error that cannot be read is still an error.
pub(super) async fn read_error_body(mut body: UpstreamBody) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(chunk)) = body.next().await {
        let room = MAX_ERROR_BYTES - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    read
}
