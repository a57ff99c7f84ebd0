//! An answer before it is sent: frames that faults may still edit.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::errors::ApiError;
use super::ledger::Pools;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens the answer, says nothing of it.
    Opening,
    /// Carries text.
    Delta,
    /// Ends a choice or an item.
    Finish,
    /// Carries the usage of a chat stream.
    Usage,
    /// The last event of a Responses stream, with its usage.
    Terminal,
    /// `[DONE]`.
    Done,
    /// A plain body.
    Whole,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// JSON, written when it is sent.
    Json(Value),
    /// Bytes as they are.
    Raw(Bytes),
}

/// One event of a stream, or a plain body.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// What it is for.
    pub role: Role,
    /// The `event:` line, which the Responses API has.
    pub event: Option<&'static str>,
    /// What it carries.
    pub data: Data,
    /// Output generated once it is sent, in tokens, reasoning included.
    pub output_tokens: u64,
}

impl Frame {
    /// A frame of JSON.
    pub fn json(role: Role, value: Value, output_tokens: u64) -> Self {
        Self { role, event: None, data: Data::Json(value), output_tokens }
    }

    /// The JSON it carries, if it carries any.
    pub fn value_mut(&mut self) -> Option<&mut Value> {
        match &mut self.data {
            Data::Json(value) => Some(value),
            Data::Raw(_) => None,
        }
    }

    /// Its bytes on the wire.
    pub fn bytes(&self, streamed: bool) -> Bytes {
        let data = match &self.data {
            Data::Raw(bytes) => bytes.clone(),
            Data::Json(value) if streamed => value.to_string().into(),
            Data::Json(value) => format!("{value:#}\n").into(),
        };
        if !streamed {
            return data;
        }
        let mut line = Vec::with_capacity(data.len() + 64);
        if let Some(event) = self.event {
            line.extend_from_slice(b"event: ");
            line.extend_from_slice(event.as_bytes());
            line.push(b'\n');
        }
        line.extend_from_slice(b"data: ");
        line.extend_from_slice(&data);
        line.extend_from_slice(b"\n\n");
        line.into()
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Script {
    /// The HTTP status.
    pub status: StatusCode,
    /// The content type.
    pub content_type: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Whether the frames are events.
    pub streamed: bool,
    /// The frames in order.
    pub frames: Vec<Frame>,
    /// What the provider's meter reads once all of it is generated.
    pub pools: Pools,
    /// The id of the answer.
    pub id: Option<String>,
    /// The model that the answer names.
    pub model: Option<String>,
}

impl Script {
    /// A plain answer of one JSON body.
    pub fn plain(body: Value, pools: Pools) -> Self {
        let member = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            status: StatusCode::OK,
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            streamed: false,
            id: member("id"),
            model: member("model"),
            frames: vec![Frame::json(Role::Whole, body, pools.output_tokens)],
            pools,
        }
    }

    /// A stream of events.
    pub fn stream(frames: Vec<Frame>, pools: Pools, id: String, model: String) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/event-stream; charset=utf-8".to_owned(),
            headers: Vec::new(),
            streamed: true,
            frames,
            pools,
            id: Some(id),
            model: Some(model),
        }
    }

    /// A refusal, which costs nothing.
    pub fn refusal(error: &ApiError) -> Self {
        let retry_after = error.retry_after_seconds.map(|s| ("retry-after".to_owned(), s.to_string()));
        Self {
            status: error.status,
            headers: retry_after.into_iter().collect(),
            ..Self::plain(error.body(), Pools::default())
        }
    }

    /// Whether it is an error that costs nothing.
    pub fn is_refusal(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }
}
