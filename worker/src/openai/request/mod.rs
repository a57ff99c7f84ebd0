//! A client's request: parsed strictly, rebuilt from an allow-list.
//!
//! `rules` is the language, `chat`, `responses` and `embeddings` are the lists, `apply` rebuilds. What is not
//! listed is refused by name, so a field that OpenAI adds tomorrow cannot slip past the meter.

mod apply;
mod chat;
mod chat_messages;
mod embeddings;
mod error;
mod path;
mod responses;
mod responses_items;
mod rules;
mod shared;
mod taken;
mod upstream_body;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use error::RequestError;
pub(super) use path::shorten;

use super::bounds::InputTokens;
use super::identity::UpstreamIdentity;
use super::{bounds, endpoint::Endpoint, strict_json};
use octroi_tokenizer::Encoding;

/// A request that passed the allow-list.
#[derive(Clone, Debug)]
pub struct ParsedRequest {
    /// The endpoint it was sent to.
    pub endpoint: Endpoint,
    /// The model asked for, exactly as sent.
    pub model: String,
    /// Whether the answer is to be streamed. Never for embeddings.
    pub stream: bool,
    /// Whether a streaming chat client asked for the usage chunk itself (`stream_options.include_usage`).
    pub client_wants_usage: bool,
    /// Answers wanted (`n`), 1 to 8; each may use the whole output allowance.
    pub choices: u32,
    /// Output tokens wanted per choice, if the client named a maximum. 0 for embeddings.
    pub wanted_output_tokens: Option<u64>,
    /// Whether the model is to reason, by the effort that the client named; none leaves it to the model.
    pub reasoning: Option<bool>,
    /// The client's own `prompt_cache_key`, for [`super::IdentityKey::for_caller`].
    pub client_cache_key: Option<String>,
    include_obfuscation: Option<bool>,
    text_bytes: usize,
    /// The allow-listed fields that are sent as they came.
    body: Map<String, Value>,
}

/// Parses and checks a body: strict JSON, known fields only, every value in range.
pub fn parse_request(endpoint: Endpoint, body: &[u8]) -> Result<ParsedRequest, RequestError> {
    let fields = match endpoint {
        Endpoint::ChatCompletions => chat::FIELDS,
        Endpoint::Responses => responses::FIELDS,
        Endpoint::Embeddings => embeddings::FIELDS,
    };
    let mut kept = apply::object(fields, strict_json::parse_object(body)?, &path::Path::Root)?;
    let taken = match endpoint {
        Endpoint::ChatCompletions => chat::take(&mut kept)?,
        Endpoint::Responses => responses::take(&mut kept)?,
        Endpoint::Embeddings => embeddings::take(&kept)?,
    };
    let model = kept.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(ParsedRequest {
        endpoint,
        model,
        stream: taken.stream,
        client_wants_usage: taken.client_wants_usage,
        choices: taken.choices,
        wanted_output_tokens: taken.wanted_output_tokens,
        reasoning: taken.reasoning,
        client_cache_key: taken.client_cache_key,
        include_obfuscation: taken.include_obfuscation,
        text_bytes: body.len(),
        body: kept,
    })
}

impl ParsedRequest {
    /// The input tokens the provider can bill for this request at most, and likely will; see [`super::bounds`].
    /// Fails only for more images than the provider takes.
    pub fn input_tokens(&self, encoding: Encoding) -> Result<InputTokens, RequestError> {
        bounds::input_tokens(self.endpoint, &self.model, &self.body, encoding)
    }

    /// Size of the client's body in bytes, and so the most text there is to tokenize. Counting takes about 50 ms
    /// per megabyte of prose and 250 ms per megabyte of hostile text: keep large ones off the runtime.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// The smallest output limit the provider accepts; a smaller clamp must refuse the call instead.
    pub const fn min_output_tokens(&self) -> u32 {
        match self.endpoint {
            Endpoint::ChatCompletions => 1,
            Endpoint::Responses => responses::MIN_OUTPUT_TOKENS,
            Endpoint::Embeddings => 0,
        }
    }

    /// The body to send: the allow-listed fields, `output_tokens` per choice as the hard maximum, our identity,
    /// `store: false`, the default service tier, and the usage flag on streams.
    pub fn upstream_body(&self, output_tokens: u64, identity: &UpstreamIdentity) -> Bytes {
        upstream_body::build(self, output_tokens, identity)
    }
}

#[cfg(test)]
mod tests;
