//! A client's request: parsed strictly, rebuilt from an allow-list.

mod error;

use bytes::Bytes;

pub use error::RequestError;

use super::{endpoint::Endpoint, identity::UpstreamIdentity, tokens::Encoding};

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
    /// The client's own `prompt_cache_key`, for [`super::IdentityKey::for_caller`].
    pub client_cache_key: Option<String>,
}

/// Parses and checks a body: strict JSON, known fields only, every value in range.
pub fn parse_request(endpoint: Endpoint, _body: &[u8]) -> Result<ParsedRequest, RequestError> {
    let _ = endpoint;
    Err(RequestError::NotAnObject)
}

impl ParsedRequest {
    /// An upper bound of the input tokens the provider can bill for this request.
    pub fn input_token_bound(&self, _encoding: Encoding) -> Result<u64, RequestError> {
        Ok(0)
    }

    /// Bytes of text to tokenize; above 64 KiB count on a blocking thread.
    pub fn text_bytes(&self) -> usize {
        0
    }

    /// The body to send: the allow-listed fields, `output_tokens` per choice as the hard maximum, our identity,
    /// `store: false`, the default service tier, and the usage flag on streams.
    pub fn upstream_body(&self, _output_tokens: u64, _identity: &UpstreamIdentity) -> Bytes {
        Bytes::new()
    }
}
