//! The last requests exactly as they came, for tests that assert what was sent upstream.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Requests kept, and the most bytes their bodies take together; the oldest go first.
const MAX_REQUESTS: usize = 1000;
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers, credentials included.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
    /// When its headers had arrived.
    pub received_at: OffsetDateTime,
}

impl ReceivedRequest {
    /// The body as JSON, or null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value, or nothing if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn report(&self) -> Value {
        let headers: Vec<(&str, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        json!({
            "method": self.method,
            "path": self.path,
            "headers": headers,
            "body": String::from_utf8_lossy(&self.body),
            "received_at": self.received_at.format(&Rfc3339).ok(),
        })
    }
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<ReceivedRequest>,
    body_bytes: usize,
}

/// The requests kept.
#[derive(Debug, Default)]
pub struct Received {
    kept: Mutex<Kept>,
}

impl Received {
    pub(crate) fn keep(&self, request: ReceivedRequest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.body_bytes += request.body.len();
        kept.requests.push_back(request);
        while kept.requests.len() > MAX_REQUESTS || kept.body_bytes > MAX_BODY_BYTES {
            let Some(oldest) = kept.requests.pop_front() else { return };
            kept.body_bytes -= oldest.body.len();
        }
    }

    /// The requests kept, oldest first.
    pub fn all(&self) -> Vec<ReceivedRequest> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests.iter().cloned().collect()
    }

    /// Forgets them.
    pub fn clear(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }
}
