//! The one HTTP client that talks to the provider.

use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use super::{endpoint::Endpoint, upstream_error::UpstreamError};

/// Where the provider is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Ends in `/v1`, as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The operator's key.
    pub api_key: SecretString,
    /// Name resolution, TCP and TLS.
    pub connect_timeout: Duration,
    /// From the request to the response headers; a whole answer is made before they come, unless streamed.
    pub first_byte_timeout: Duration,
    /// Between two pieces of a body.
    pub idle_timeout: Duration,
    /// The whole call.
    pub deadline: Duration,
}

/// The client could not be made from these settings.
#[derive(Debug, Error)]
pub enum UpstreamSetupError {
    /// Not an absolute http(s) URL.
    #[error("the upstream URL is not an absolute http or https URL")]
    BaseUrl,
    /// The key cannot stand in a header.
    #[error("the upstream key contains characters that no header may carry")]
    ApiKey,
    /// TLS could not be set up.
    #[error("the HTTP client could not be built")]
    Client,
}

/// A pooled client, cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    settings: UpstreamSettings,
}

/// An answer whose headers have come.
#[derive(Debug)]
pub struct UpstreamReply {
    /// Always 2xx; everything else is [`UpstreamError::Refused`].
    pub status: u16,
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// The provider's `x-request-id`.
    pub upstream_request_id: Option<String>,
    /// The body, not yet read.
    pub body: UpstreamBody,
}

/// A body being read.
#[derive(Debug)]
pub struct UpstreamBody {}

impl UpstreamBody {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        Ok(None)
    }

    /// The whole rest, if it is no longer than `max_bytes`.
    pub async fn collect(self, _max_bytes: usize) -> Result<Bytes, UpstreamError> {
        Ok(Bytes::new())
    }
}

impl Upstream {
    /// Builds the pool. No connection is made yet.
    pub fn new(settings: UpstreamSettings) -> Result<Self, UpstreamSetupError> {
        Ok(Self { settings })
    }

    /// Sends one request. `request_id` goes along as `X-Client-Request-Id`.
    pub async fn send(
        &self,
        _endpoint: Endpoint,
        _body: Bytes,
        _request_id: Uuid,
    ) -> Result<UpstreamReply, UpstreamError> {
        let _ = &self.settings;
        Err(UpstreamError::NotAccepted)
    }
}
