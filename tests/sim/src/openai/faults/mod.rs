//! Faults on command: what may go wrong with an answer, and the plan of what will.

mod content;
mod take;
mod transport;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan;

pub(super) use content::edit;
pub(super) use take::{Target, take, take_early};
pub(super) use transport::rewrite;

/// Which requests a fault is for. What is `None` matches anything.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// `chat.completions`, `responses`, `embeddings`, `responses.input_tokens` or `models`.
    pub endpoint: Option<String>,
    /// The model the request asks for.
    pub model: Option<String>,
    /// Whether the request asks for a stream.
    pub stream: Option<bool>,
    /// Text that the request's raw body contains.
    pub body_contains: Option<String>,
}

/// One planned fault.
pub type Fault = plan::Fault<FaultMatch, FaultKind>;

/// Planned faults.
pub type FaultPlan = plan::Plan<FaultMatch, FaultKind>;

/// What can go wrong. A chunk is one event of a stream; a plain body is one chunk.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// An error of this status with OpenAI's usual body for it.
    Status {
        /// 400, 401, 403, 404, 409, 429, 500, 502, 503 or any other.
        status: u16,
        /// Replaces the usual code; `insufficient_quota` and the other billing codes change the type too.
        #[serde(default)]
        code: Option<String>,
        /// Sends `Retry-After`, in seconds.
        #[serde(default)]
        retry_after_seconds: Option<u64>,
    },
    /// This answer instead, byte for byte.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The headers, `content-type` among them.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// HTTP 200 with an error for a body.
    ErrorBody,
    /// The connection is reset after the request's headers, before its body is read.
    ResetBeforeBody,
    /// The request is read, and the connection ended without an answer.
    HangUp {
        /// With a TCP reset.
        #[serde(default)]
        reset: bool,
        /// The provider did the work, and charges all of it.
        #[serde(default)]
        charged: bool,
    },
    /// No headers until released, or for this long.
    StallBeforeHeaders {
        /// Milliseconds.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// Headers at once, and then nothing for this long.
    SlowStart {
        /// Milliseconds.
        delay_ms: u64,
    },
    /// Nothing after this many chunks until released, or for this long.
    StallAfterChunks {
        /// Chunks that are sent first.
        chunks: usize,
        /// Milliseconds.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// All but the last chunks, and then nothing until released, or for this long. How many chunks an answer has depends
    /// on its words.
    StallBeforeLast {
        /// Chunks that are held back; 1 is `[DONE]`, or a response's terminal event.
        chunks: usize,
        /// Milliseconds.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// The connection ends after this many chunks.
    CutAfterChunks {
        /// Chunks that are sent first.
        chunks: usize,
        /// With a TCP reset, which may lose chunks that were already sent.
        #[serde(default)]
        reset: bool,
    },
    /// The connection ends after this many bytes of the body.
    CutAtByte {
        /// Bytes that are sent first.
        offset: usize,
        /// With a TCP reset.
        #[serde(default)]
        reset: bool,
    },
    /// Every byte of the body in a write of its own.
    SplitEveryByte {
        /// Milliseconds between two bytes.
        #[serde(default)]
        delay_ms: u64,
    },
    /// The body in writes that end at these offsets, and nowhere else.
    SplitAt {
        /// Offsets into the body, in bytes.
        offsets: Vec<usize>,
    },
    /// Every write of the body ends inside a UTF-8 sequence, as long as there are any.
    SplitInsideUtf8,
    /// The answer says nothing of usage.
    NoUsage,
    /// The answer's usage is null.
    NullUsage,
    /// The answer's usage is this.
    Usage {
        /// Any JSON.
        value: Value,
    },
    /// The usage chunk comes before the chunk with `finish_reason`.
    UsageBeforeFinish,
    /// The answer uses more than the request allowed, and the provider's own meter agrees.
    Overrun {
        /// Tokens added to the output.
        output_tokens: u64,
        /// Tokens added to the input.
        #[serde(default)]
        input_tokens: u64,
    },
    /// The answer names this model.
    ResponseModel {
        /// The name.
        model: String,
    },
    /// The answer names this service tier.
    ServiceTier {
        /// The name.
        tier: String,
    },
    /// The answer declares this content type.
    ContentType {
        /// The header's value.
        value: String,
    },
    /// A plain body, or the middle chunk of a stream, is not JSON.
    MalformedJson,
    /// A chunk of this many bytes stands before the last one.
    HugeChunk {
        /// Bytes of it.
        bytes: usize,
    },
    /// The stream ends in order, but without `[DONE]` or its last event.
    NoDone,
    /// An error event after this many chunks, and then the end.
    ErrorEvent {
        /// Chunks that are sent first.
        chunks: usize,
    },
    /// `response.failed` after this many chunks, usage null. For the Responses API.
    ResponseFailed {
        /// Chunks that are sent first.
        #[serde(default)]
        chunks: usize,
    },
    /// The last event is `response.incomplete`, usage null. For the Responses API.
    ResponseIncomplete,
}

impl FaultKind {
    /// Its name in the control API.
    pub fn name(&self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            Ok(Value::Object(members)) => members.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }
}
