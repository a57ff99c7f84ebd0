//! Counting of input: OpenAI's own encodings, and its framing of messages and tools.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tiktoken_rs::CoreBPE;

/// Tokens that frame each message.
const MESSAGE_FRAME_TOKENS: usize = 3;
/// Tokens that a `name` on a message costs beside its text.
const NAME_TOKENS: usize = 1;
/// Tokens that prime the answer, once per request.
const PRIMING_TOKENS: usize = 3;
/// Tokens of a tool definition beside its texts, and of the list of tools as a whole.
const TOOL_TOKENS: usize = 7;
const TOOL_LIST_TOKENS: usize = 12;
/// Tokens of each property of a tool's parameters beside its texts.
const PROPERTY_TOKENS: usize = 3;
/// Tokens of an image at low detail, and of one that is somewhere else and is taken to have 1024 × 1024 pixels.
const LOW_DETAIL_IMAGE_TOKENS: usize = 85;
const LINKED_IMAGE_TOKENS: usize = 765;
/// An image that is sent along costs a token for each square of so many pixels, up to a number of them. Models that
/// multiply this are billed too little here.
const PATCH_SIDE: usize = 32;
const MAX_PATCHES: usize = 1_536;
/// Depth to which nested JSON is followed.
const MAX_DEPTH: usize = 64;
/// Stands for a token that is framing rather than text.
const FRAME: u32 = u32::MAX;

/// How a model's text is cut into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `o200k_base`: GPT-4o and everything since.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
}

impl Encoding {
    pub(super) fn bpe(self) -> &'static CoreBPE {
        match self {
            Self::O200k => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        }
    }

    /// The number of tokens of `text`, special tokens taken as plain text.
    pub fn count(self, text: &str) -> u64 {
        self.bpe().encode_ordinary(text).len() as u64
    }
}

/// The input of one request as a row of tokens, so that prefixes of it can be recognised.
#[derive(Debug)]
pub struct Prompt {
    encoding: Encoding,
    tokens: Vec<u32>,
}

impl Prompt {
    /// An empty input.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, tokens: Vec::new() }
    }

    /// The whole input in tokens.
    pub fn total(&self) -> u64 {
        self.tokens.len() as u64
    }

    /// The tokens; framing is a value no encoding has.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Adds plain text.
    pub fn text(&mut self, text: &str) {
        self.tokens.extend(self.encoding.bpe().encode_ordinary(text));
    }

    /// Adds tokens that are not text.
    pub fn framing(&mut self, tokens: usize) {
        self.tokens.extend(std::iter::repeat_n(FRAME, tokens));
    }

    /// Adds a chat message, or an item of the Responses API's input.
    pub fn message(&mut self, message: &Value) {
        self.framing(MESSAGE_FRAME_TOKENS);
        let Some(members) = message.as_object() else { return };
        for (name, value) in members {
            match name.as_str() {
                "type" | "id" | "status" => {}
                "name" => {
                    self.framing(NAME_TOKENS);
                    self.content(value);
                }
                _ => self.content(value),
            }
        }
    }

    /// Adds the content of a message: a string, or a list of parts.
    fn content(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.text(text),
            Value::Array(parts) => parts.iter().for_each(|part| self.part(part)),
            Value::Object(_) => self.strings(content, MAX_DEPTH),
            _ => {}
        }
    }

    fn part(&mut self, part: &Value) {
        let image = part.get("image_url").filter(|image| !image.is_null());
        if let Some(image) = image {
            let detail = image.get("detail").or_else(|| part.get("detail")).and_then(Value::as_str);
            let url = image.get("url").unwrap_or(image).as_str().unwrap_or_default();
            self.framing(image_tokens(url, detail == Some("low")));
        } else if let Some(text) = part.get("text").and_then(Value::as_str) {
            self.text(text);
        } else if part.get("input_audio").is_none() {
            self.strings(part, MAX_DEPTH);
        }
    }

    /// Adds the tools a request offers, roughly as OpenAI renders them for the model.
    pub fn tools(&mut self, tools: Option<&Value>) {
        let Some(tools) = tools.and_then(Value::as_array).filter(|tools| !tools.is_empty()) else { return };
        self.framing(TOOL_LIST_TOKENS);
        for tool in tools {
            self.tool(tool);
            // A namespace groups tools under a name and a description of its own.
            tool.get("tools")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .for_each(|tool| self.tool(tool));
        }
    }

    fn tool(&mut self, tool: &Value) {
        // Chat nests the definition; the Responses API has it flat.
        let definition = tool.get("function").or_else(|| tool.get("custom")).unwrap_or(tool);
        self.framing(TOOL_TOKENS);
        for name in ["name", "description"] {
            self.content(definition.get(name).unwrap_or(&Value::Null));
        }
        self.properties(definition.pointer("/parameters/properties"));
    }

    fn properties(&mut self, properties: Option<&Value>) {
        for (name, schema) in properties.and_then(Value::as_object).into_iter().flatten() {
            self.framing(PROPERTY_TOKENS);
            self.text(name);
            self.strings(schema, MAX_DEPTH);
        }
    }

    /// Adds the tokens that prime the answer. Every chat and response request has them once.
    pub fn priming(&mut self) {
        self.framing(PRIMING_TOKENS);
    }

    /// Adds every string in `value`, keys included.
    pub fn strings(&mut self, value: &Value, depth: usize) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) if depth > 0 => items.iter().for_each(|item| self.strings(item, depth - 1)),
            Value::Object(members) if depth > 0 => {
                for (name, member) in members {
                    self.text(name);
                    self.strings(member, depth - 1);
                }
            }
            Value::Number(number) => self.text(&number.to_string()),
            _ => {}
        }
    }
}

/// By the image's own bytes, where they came along.
fn image_tokens(url: &str, is_low_detail: bool) -> usize {
    let sent = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
    let bytes = sent.and_then(|(_, data)| BASE64_STANDARD.decode(data).ok());
    let most = if is_low_detail { LOW_DETAIL_IMAGE_TOKENS } else { MAX_PATCHES };
    match bytes.and_then(|bytes| imagesize::blob_size(&bytes).ok()) {
        Some(size) => (size.width.div_ceil(PATCH_SIDE) * size.height.div_ceil(PATCH_SIDE)).min(most),
        None if is_low_detail => LOW_DETAIL_IMAGE_TOKENS,
        None => LINKED_IMAGE_TOKENS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plain_chat_message_costs_what_openai_says() {
        let mut prompt = Prompt::new(Encoding::O200k);
        prompt.message(&json!({ "role": "user", "content": "Hello" }));
        prompt.priming();
        assert_eq!(prompt.total(), 8, "OpenAI bills a lone Hello at 8 tokens");
    }

    #[test]
    fn special_tokens_in_text_are_plain_text() {
        assert!(Encoding::O200k.count("<|endoftext|>") > 1);
    }
}
