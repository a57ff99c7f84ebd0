//! Reads the usage out of a stream while its bytes pass through.

use bytes::Bytes;

use super::{endpoint::Endpoint, relayed::RelayedText, usage::UsageReport};

/// Whether more is to be expected from the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Keep reading.
    Open,
    /// The terminal frame was seen; stop reading, settle, then hand on `StreamEnd::held`.
    Ended,
    /// A frame passed the size limit: stop reading, cut the client off, settle without usage.
    Broken,
}

/// What one piece of the upstream's bytes allows to be handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Bytes for the client, possibly none. Whole frames only.
    pub bytes: Bytes,
    /// Whether to go on reading.
    pub state: StreamState,
}

/// An error the provider reported inside a stream that had begun with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFault {
    /// The provider's code or type, for logs and metrics.
    pub code: Option<String>,
    /// The operator's own account is exhausted or locked; the client's copy of the frame does not say so.
    pub own_account: bool,
}

/// The end of a stream.
#[derive(Clone, Debug)]
pub struct StreamEnd {
    /// The held-back terminal frames, to be handed on once the settle has committed.
    pub held: Bytes,
    /// Usage, model and tier as far as they were seen.
    pub report: UsageReport,
    /// Output text that went to the client, for an estimate.
    pub relayed: RelayedText,
    /// Whether the stream reached its terminal frame (`[DONE]`, `response.completed|incomplete|failed`, an error).
    pub complete: bool,
    /// The error the stream ended with, if any.
    pub fault: Option<StreamFault>,
}

/// Meters one stream.
#[derive(Debug)]
pub struct StreamMeter {
    relayed: RelayedText,
}

impl StreamMeter {
    /// A meter for one response. `client_wants_usage` keeps the usage-only chunk in the stream.
    pub fn new(_endpoint: Endpoint, _client_wants_usage: bool) -> Self {
        Self { relayed: RelayedText::default() }
    }

    /// Takes the next bytes, split anywhere, and returns what may be handed on.
    pub fn push(&mut self, chunk: Bytes) -> Forward {
        Forward { bytes: chunk, state: StreamState::Open }
    }

    /// Whether output text has been relayed yet (time to first token).
    pub fn has_output(&self) -> bool {
        !self.relayed.is_empty()
    }

    /// Ends the stream, at its terminal frame or wherever it was cut.
    pub fn finish(self) -> StreamEnd {
        StreamEnd {
            held: Bytes::new(),
            report: UsageReport::default(),
            relayed: self.relayed,
            complete: false,
            fault: None,
        }
    }
}
