//! Fields that are read out of a body because Octroi writes them itself.

use serde_json::{Map, Value};

use super::error::RequestError;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) stream: bool,
    pub(super) client_wants_usage: bool,
    /// The client's choice, if it made one.
    pub(super) include_obfuscation: Option<bool>,
    pub(super) choices: u32,
    pub(super) wanted_output_tokens: Option<u64>,
    /// Whether the model is to reason, if the client said so.
    pub(super) reasoning: Option<bool>,
    pub(super) client_cache_key: Option<String>,
}

impl Taken {
    /// The fields that both generation endpoints have.
    pub(super) fn common(body: &mut Map<String, Value>) -> Result<Self, RequestError> {
        let stream = flag(body, "stream");
        let mut taken = Self { stream, choices: 1, ..Self::default() };
        if let Some(Value::Object(mut options)) = body.remove("stream_options") {
            if !stream {
                return Err(RequestError::InvalidValue {
                    param: "stream_options".to_owned(),
                    message: "only allowed when 'stream' is true".to_owned(),
                });
            }
            taken.client_wants_usage = flag(&mut options, "include_usage");
            taken.include_obfuscation = options.get("include_obfuscation").and_then(Value::as_bool);
        }
        if let Some(Value::String(key)) = body.remove("prompt_cache_key") {
            taken.client_cache_key = Some(key);
        }
        Ok(taken)
    }
}

/// Whether an effort asks for reasoning; absent and `null` leave it to the model.
pub(super) fn reasoning(effort: Option<&Value>) -> Option<bool> {
    effort.and_then(Value::as_str).map(|effort| effort != "none")
}

/// Removes a boolean; absent and `null` are false.
pub(super) fn flag(body: &mut Map<String, Value>, name: &str) -> bool {
    matches!(body.remove(name), Some(Value::Bool(true)))
}

/// Removes an unsigned integer; absent and `null` are `None`.
pub(super) fn unsigned(body: &mut Map<String, Value>, name: &str) -> Option<u64> {
    body.remove(name).as_ref().and_then(Value::as_u64)
}
