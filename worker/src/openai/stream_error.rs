//! Errors that arrive inside a stream, after its 200.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::sanitise::redact;
use super::stream::StreamFault;
use super::upstream_error::{is_own_auth, is_own_quota};

/// A provider's error object, reduced to what decides its treatment.
#[derive(Debug)]
pub(super) struct StreamError {
    code: Option<String>,
    own_account: bool,
}

impl StreamError {
    /// From an error object: chat's `error`, or `response.error`.
    pub(super) fn read(error: &Value) -> Self {
        let text = |name: &str| error.get(name).and_then(Value::as_str);
        let (code, kind) = (text("code"), text("type"));
        let own_account = is_own_quota(code, kind) || is_own_auth(code, kind);
        Self { code: code.or(kind).map(str::to_owned), own_account }
    }

    /// From a Responses `error` event, whose own `type` is "error". Some servers nest the object.
    pub(super) fn read_event(event: &Value) -> Self {
        match event.get("error") {
            Some(nested @ Value::Object(_)) => Self::read(nested),
            _ => Self::read(event),
        }
    }

    /// The frame as the client may see it. The operator's trouble with the provider is nobody else's business,
    /// and its quota must not be taken for the client's: such a frame is replaced as a whole.
    pub(super) fn frame_for_client<'a>(&self, endpoint: Endpoint, frame: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.own_account {
            return redact(frame);
        }
        let message = "The provider is unavailable. Please retry later.";
        let code = "upstream_unavailable";
        Cow::Owned(match endpoint {
            Endpoint::Responses => {
                let event = json!({
                    "type": "error", "code": code, "message": message, "param": null, "sequence_number": 0,
                });
                format!("event: error\ndata: {event}\n\n").into_bytes()
            }
            Endpoint::ChatCompletions | Endpoint::Embeddings => {
                let error = json!({ "message": message, "type": code, "param": null, "code": code });
                format!("data: {}\n\n", json!({ "error": error })).into_bytes()
            }
        })
    }

    pub(super) fn into_fault(self) -> StreamFault {
        StreamFault { code: self.code, own_account: self.own_account }
    }
}
