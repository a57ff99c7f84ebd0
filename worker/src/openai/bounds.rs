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
//! | an image | by formula | the formula at the size its bytes tell; behind a URL the most its `detail` allows |
//!
//! Everything else in a body (temperature, flags) is not text to the model.
//!
//! Beside the bound goes what the input is likely to cost: the same texts with the known costs. It is charged where the
//! provider never says what it counted.

use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::image_size::ImageSize;
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

/// What a message is known to cost beside its texts, its role included; and what opens the reply.
/// Letters of sealed reasoning that a token has, about.
const SEALED_LETTERS_PER_TOKEN: u64 = 5;
/// An image whose size is not told is charged as one of this size where nobody counted.
const USUAL_IMAGE: Option<ImageSize> = Some(ImageSize { width: 1024, height: 1024 });
const MESSAGE_TOKENS: u64 = 4;
const REPLY_TOKENS: u64 = 3;
/// What is known of having tools at all.
const TOOLS_TOKENS: u64 = 12;

/// The input of a request in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputTokens {
    /// Never fewer than the provider can bill: what is held.
    pub most: u64,
    /// What it is likely to bill.
    pub likely: u64,
}

/// The bound for a body that passed the allow-list.
pub fn input_tokens(
    endpoint: Endpoint,
    model: &str,
    body: &Map<String, Value>,
    encoding: Encoding,
) -> Result<InputTokens, RequestError> {
    let mut bound = Bound { model, encoding, tokens: InputTokens::default(), images: 0 };
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
    tokens: InputTokens,
    images: u64,
}

impl Bound<'_> {
    /// Adds what is counted exactly.
    fn add(&mut self, tokens: u64) {
        self.add_margin(tokens, tokens);
    }

    /// Adds what is known only about: the most of it, and what it is likely to be.
    fn add_margin(&mut self, most: u64, likely: u64) {
        self.tokens.most = self.tokens.most.saturating_add(most);
        self.tokens.likely = self.tokens.likely.saturating_add(likely);
    }

    fn generation(&mut self, body: &Map<String, Value>) {
        self.add_margin(REQUEST_MARGIN_TOKENS, REPLY_TOKENS);
        for name in ["messages", "input", "instructions"] {
            if let Some(value) = body.get(name) {
                // A bare text is a message, whose margin is that of the request.
                self.add_margin(0, if value.is_string() { MESSAGE_TOKENS } else { 0 });
                self.content(value);
            }
        }
        for name in ["tools", "functions"] {
            self.tools(body.get(name));
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
                let is_message = map.contains_key("role");
                self.add_margin(OBJECT_MARGIN_TOKENS, if is_message { MESSAGE_TOKENS } else { 0 });
                match map.get("type").and_then(Value::as_str) {
                    Some("image_url") => {
                        let image = map.get("image_url").and_then(Value::as_object);
                        self.image(
                            image.and_then(|image| image.get("url")),
                            image.and_then(|image| image.get("detail")),
                        );
                    }
                    Some("input_image") => self.image(map.get("image_url"), map.get("detail")),
                    Some("additional_tools") => self.tools(map.get("tools")),
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
            // At most a token a letter; measured, about a fifth.
            ("encrypted_content", Value::String(sealed)) => {
                let letters = sealed.len() as u64;
                self.add_margin(letters, letters.div_ceil(SEALED_LETTERS_PER_TOKEN));
            }
            _ => self.content(value),
        }
    }

    fn image(&mut self, url: Option<&Value>, detail: Option<&Value>) {
        self.images += 1;
        let size = url.and_then(Value::as_str).and_then(ImageSize::of_url);
        let most = image_tokens(self.model, detail.and_then(Value::as_str), size);
        let usual = image_tokens(self.model, detail.and_then(Value::as_str), size.or(USUAL_IMAGE));
        self.add_margin(most, usual.min(most));
    }

    fn tools(&mut self, tools: Option<&Value>) {
        if let Some(Value::Array(tools)) = tools
            && !tools.is_empty()
        {
            self.add_margin(TOOLS_MARGIN_TOKENS, TOOLS_TOKENS);
            tools.iter().for_each(|tool| self.tool(tool));
        }
    }

    fn tool(&mut self, tool: &Value) {
        self.schema(tool);
        // Tools under a heading are in its text already; each has the frame of a tool besides.
        let grouped = tool.get("tools").and_then(Value::as_array).map_or(0, Vec::len) as u64;
        self.add_margin(grouped * TOOL_MARGIN_TOKENS, 0);
    }

    fn schema(&mut self, value: &Value) {
        let text = value.to_string();
        let escapes: u64 = text.chars().filter(|c| !c.is_ascii()).map(|c| c.len_utf16() as u64).sum();
        // A line break stands in JSON text as `\n`.
        let lines = text.matches("\\n").count() as u64;
        self.add(self.encoding.count(&text));
        let margin = TOOL_MARGIN_TOKENS
            + escapes * ESCAPE_TOKENS
            + lines * SCHEMA_LINE_MARGIN_TOKENS
            + values_in(value) * SCHEMA_VALUE_MARGIN_TOKENS;
        self.add_margin(margin, 0);
    }

    fn embeddings(&mut self, input: Option<&Value>) {
        match input {
            Some(Value::String(text)) => {
                self.add(self.encoding.count(text));
                self.add_margin(EMBEDDING_MARGIN_TOKENS, 0);
            }
            Some(Value::Array(items)) => {
                // A flat list of numbers is one input of token ids.
                let ids = items.iter().filter(|item| item.is_number()).count() as u64;
                self.add(ids);
                self.add_margin(EMBEDDING_MARGIN_TOKENS, 0);
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
