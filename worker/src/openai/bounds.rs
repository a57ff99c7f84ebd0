//! The input bound: never fewer tokens than the provider can bill for a body.
//!
//! A hold is only an upper bound of the cost if this is one of the input. Text is counted exactly; what the
//! provider wraps around it is not public, so each wrapper gets a margin well above what it is known to cost:
//!
//! | what | known cost | held |
//! |---|---|---|
//! | one message | 3 tokens (4 on the oldest models), 1 for the role, 1 for a name | 8 |
//! | a content part, a tool call | up to 3, and the seam where texts meet | 8 |
//! | the reply's opening | 3 | 32 |
//! | a tool definition | about 10, and 3 per property, as it is written in TypeScript | its JSON text + 4 per value + 32 |
//! | having tools at all | about 120 for the namespaces | 256 |
//! | an encrypted item | its plain text | its length in bytes |
//! | an image | by formula, size unknown | the most its `detail` allows |
//!
//! Everything else in a body (temperature, flags) is not text to the model.

use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::images::{MAX_IMAGES, image_tokens};
use super::request::RequestError;
use octroi_tokenizer::Encoding;

const REQUEST_MARGIN_TOKENS: u64 = 32;
const OBJECT_MARGIN_TOKENS: u64 = 8;
const TOOLS_MARGIN_TOKENS: u64 = 256;
const TOOL_MARGIN_TOKENS: u64 = 32;
const SCHEMA_VALUE_MARGIN_TOKENS: u64 = 4;
/// A description's line break becomes a line break and a comment sign.
const SCHEMA_LINE_MARGIN_TOKENS: u64 = 3;
/// `\u4f60`: what a character outside ASCII takes if a schema is written with escapes.
const ESCAPE_TOKENS: u64 = 6;
const EMBEDDING_MARGIN_TOKENS: u64 = 2;

/// The bound for a body that passed the allow-list.
pub fn input_tokens(
    endpoint: Endpoint,
    model: &str,
    body: &Map<String, Value>,
    encoding: Encoding,
) -> Result<u64, RequestError> {
    let mut bound = Bound { model, encoding, tokens: 0, images: 0 };
    match endpoint {
        Endpoint::Embeddings => bound.embeddings(body.get("input")),
        Endpoint::ChatCompletions | Endpoint::Responses => bound.generation(body),
    }
    if bound.images > MAX_IMAGES {
        let param = if endpoint == Endpoint::ChatCompletions { "messages" } else { "input" };
        let message = format!("expected at most {MAX_IMAGES} images");
        return Err(RequestError::InvalidValue { param: param.to_owned(), message });
    }
    Ok(bound.tokens)
}

struct Bound<'a> {
    model: &'a str,
    encoding: Encoding,
    tokens: u64,
    images: u64,
}

impl Bound<'_> {
    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }

    fn generation(&mut self, body: &Map<String, Value>) {
        self.add(REQUEST_MARGIN_TOKENS);
        for name in ["messages", "input", "instructions"] {
            if let Some(value) = body.get(name) {
                self.content(value);
            }
        }
        for name in ["tools", "functions"] {
            if let Some(Value::Array(tools)) = body.get(name)
                && !tools.is_empty()
            {
                self.add(TOOLS_MARGIN_TOKENS);
                tools.iter().for_each(|tool| self.schema(tool));
            }
        }
        for name in ["response_format", "text", "tool_choice", "function_call"] {
            if let Some(value @ Value::Object(_)) = body.get(name) {
                self.schema(value);
            }
        }
    }

    fn content(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add(self.encoding.count(text)),
            Value::Array(items) => items.iter().for_each(|item| self.content(item)),
            Value::Object(map) => {
                self.add(OBJECT_MARGIN_TOKENS);
                match map.get("type").and_then(Value::as_str) {
                    Some("image_url") => {
                        self.image(map.get("image_url").and_then(|image| image.get("detail")))
                    }
                    Some("input_image") => self.image(map.get("detail")),
                    _ => map.iter().for_each(|(name, value)| self.field(name, value)),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn field(&mut self, name: &str, value: &Value) {
        match (name, value) {
            // One token each, within the margin of the object.
            ("type" | "role" | "phase" | "prompt_cache_breakpoint", _) => {}
            ("encrypted_content", Value::String(sealed)) => self.add(sealed.len() as u64),
            _ => self.content(value),
        }
    }

    fn image(&mut self, detail: Option<&Value>) {
        self.images += 1;
        self.add(image_tokens(self.model, detail.and_then(Value::as_str)));
    }

    fn schema(&mut self, value: &Value) {
        let text = value.to_string();
        let escapes: u64 = text.chars().filter(|c| !c.is_ascii()).map(|c| c.len_utf16() as u64).sum();
        // A line break stands in JSON text as `\n`.
        let lines = text.matches("\\n").count() as u64;
        self.add(TOOL_MARGIN_TOKENS);
        self.add(self.encoding.count(&text));
        self.add(escapes * ESCAPE_TOKENS + lines * SCHEMA_LINE_MARGIN_TOKENS);
        self.add(values_in(value) * SCHEMA_VALUE_MARGIN_TOKENS);
    }

    fn embeddings(&mut self, input: Option<&Value>) {
        match input {
            Some(Value::String(text)) => self.add(self.encoding.count(text) + EMBEDDING_MARGIN_TOKENS),
            Some(Value::Array(items)) => {
                // A flat list of numbers is one input of token ids.
                let ids = items.iter().filter(|item| item.is_number()).count() as u64;
                self.add(ids + EMBEDDING_MARGIN_TOKENS);
                items.iter().filter(|item| !item.is_number()).for_each(|item| self.embeddings(Some(item)));
            }
            _ => {}
        }
    }
}

fn values_in(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(values_in).sum(),
        Value::Object(map) => map.values().map(values_in).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
