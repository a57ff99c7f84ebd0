//! Reads the usage out of a stream while its bytes pass through.
//!
//! Whole frames are handed on as slices of what arrived, byte for byte. Three things are not: the terminal frames,
//! held until the settle has committed; the usage-only chunk, removed if the client did not ask for it; and the
//! operator's ids in an error. Chunks that say `"usage": null` because the flag was injected stay as they are:
//! the field is nullable in every official SDK, and rewriting each chunk would cost more than it hides.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::endpoint::Endpoint;
use super::relayed::RelayedText;
use super::sse::{FrameScanner, MAX_FRAME_BYTES, frame_data};
use super::stream_event::{FrameKind, read_frame};
use super::usage::UsageReport;

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
    endpoint: Endpoint,
    client_wants_usage: bool,
    scanner: FrameScanner,
    /// The beginning of a frame whose end has not arrived, already scanned.
    partial: BytesMut,
    held: BytesMut,
    state: StreamState,
    report: UsageReport,
    relayed: RelayedText,
    fault: Option<StreamFault>,
}

impl StreamMeter {
    /// A meter for one response. `client_wants_usage` keeps the usage-only chunk in the stream.
    pub fn new(endpoint: Endpoint, client_wants_usage: bool) -> Self {
        Self {
            endpoint,
            client_wants_usage,
            scanner: FrameScanner::default(),
            partial: BytesMut::new(),
            held: BytesMut::new(),
            state: StreamState::Open,
            report: UsageReport::default(),
            relayed: RelayedText::default(),
            fault: None,
        }
    }

    /// Takes the next bytes, split anywhere, and returns what may be handed on. Once the stream has ended, more
    /// bytes (the line end of the last frame) join what is held.
    pub fn push(&mut self, chunk: Bytes) -> Forward {
        let mut passed = Passed::of(&chunk);
        let mut start = 0;
        while self.state == StreamState::Open {
            let Some(length) = self.scanner.scan(&chunk[start..]) else { break };
            let range = start..start + length;
            start = range.end;
            if self.partial.is_empty() {
                if self.take_frame(&chunk[range.clone()]) {
                    passed.range(range);
                }
            } else {
                self.partial.extend_from_slice(&chunk[range]);
                let frame = self.partial.split();
                if self.take_frame(&frame) {
                    passed.copy(&frame);
                }
            }
        }
        match self.state {
            StreamState::Open => self.keep_partial(&chunk[start..]),
            StreamState::Ended => self.hold(&chunk[start..]),
            StreamState::Broken => {}
        }
        Forward { bytes: passed.into_bytes(), state: self.state }
    }

    /// Whether output text has been relayed yet (time to first token).
    pub fn has_output(&self) -> bool {
        !self.relayed.is_empty()
    }

    /// Whether every choice is finished: what is still to come says only what it cost.
    pub fn is_whole(&self) -> bool {
        self.relayed.is_whole()
    }

    /// Ends the stream, at its terminal frame or wherever it was cut. A frame that was cut is not handed on: half
    /// a JSON text would only break the client's parser.
    pub fn finish(self) -> StreamEnd {
        StreamEnd {
            held: self.held.freeze(),
            report: self.report,
            relayed: self.relayed,
            complete: self.state == StreamState::Ended,
            fault: self.fault,
        }
    }

    fn keep_partial(&mut self, rest: &[u8]) {
        if self.partial.len() + rest.len() > MAX_FRAME_BYTES {
            self.state = StreamState::Broken;
            self.partial.clear();
        } else {
            self.partial.extend_from_slice(rest);
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = MAX_FRAME_BYTES.saturating_sub(self.held.len());
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Reads one whole frame; whether it is to be handed on now.
    fn take_frame(&mut self, frame: &[u8]) -> bool {
        let kind = match frame_data(frame) {
            Some(data) => read_frame(self.endpoint, &data, &mut self.report, &mut self.relayed),
            None => FrameKind::Content,
        };
        match kind {
            FrameKind::Content if self.held.is_empty() => return true,
            FrameKind::UsageOnly if !self.client_wants_usage => {}
            // From the usage on, everything is held: a client that has read it takes the call for settled.
            FrameKind::Content | FrameKind::UsageOnly => self.hold(frame),
            FrameKind::Terminal => {
                self.hold(frame);
                self.state = StreamState::Ended;
            }
            FrameKind::Error(error) => {
                self.hold(&error.frame_for_client(self.endpoint, frame));
                self.fault = Some(error.into_fault());
                self.state = StreamState::Ended;
            }
        }
        false
    }
}

/// What is handed on from one piece: a slice of it where the frames stand side by side, which they nearly always
/// do, else a copy.
struct Passed<'a> {
    chunk: &'a Bytes,
    run: Range<usize>,
    copied: BytesMut,
}

impl<'a> Passed<'a> {
    fn of(chunk: &'a Bytes) -> Self {
        Self { chunk, run: 0..0, copied: BytesMut::new() }
    }

    fn range(&mut self, range: Range<usize>) {
        if self.run.end == range.start && !self.run.is_empty() {
            self.run.end = range.end;
        } else {
            self.flush();
            self.run = range;
        }
    }

    fn copy(&mut self, frame: &[u8]) {
        self.flush();
        self.copied.extend_from_slice(frame);
    }

    fn flush(&mut self) {
        self.copied.extend_from_slice(&self.chunk[std::mem::take(&mut self.run)]);
    }

    fn into_bytes(mut self) -> Bytes {
        if self.copied.is_empty() {
            return self.chunk.slice(self.run);
        }
        self.flush();
        self.copied.freeze()
    }
}

#[cfg(test)]
mod tests;
