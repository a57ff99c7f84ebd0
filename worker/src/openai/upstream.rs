//! The one HTTP client that talks to the provider.
//!
//! No redirect is followed and no proxy variable read: the key goes to the configured host and nowhere else.
//! A request is repeated at most once, and only if no connection was made: the provider has no idempotency key,
//! and a request that was sent may be billed even if no answer comes.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::upstream_body::read_error_body;
use super::upstream_error::retry_after;
use super::{endpoint::Endpoint, upstream_error::UpstreamError};

pub use super::upstream_body::UpstreamBody;
use crate::outbound::Outbound;

/// Idle connections kept per host: as many as a burst of calls ends with.
const MAX_IDLE_CONNECTIONS: usize = 256;

/// An idle connection is dropped before the provider's edge drops it.
const IDLE_CONNECTION_LIFETIME: Duration = Duration::from_secs(60);

/// Shortest and longest pause before the one repetition, in milliseconds.
const RETRY_PAUSE_MS: std::ops::Range<u64> = 50..250;

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
    /// Which addresses may be dialled.
    pub outbound: Outbound,
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
    client: Client,
    /// In the order of [`Endpoint::ALL`]: parsed once, not per call.
    urls: [Url; 3],
    first_byte_timeout: Duration,
    idle_timeout: Duration,
    deadline: Duration,
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

impl Upstream {
    /// Builds the pool. No connection is made yet.
    pub fn new(settings: UpstreamSettings) -> Result<Self, UpstreamSetupError> {
        let client = settings
            .outbound
            .http_client()
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_CONNECTION_LIFETIME)
            .tcp_nodelay(true)
            .default_headers(default_headers(&settings.api_key)?)
            .build()
            .map_err(|_| UpstreamSetupError::Client)?;
        let [chat, responses, embeddings] = Endpoint::ALL.map(|endpoint| url(&settings.base_url, endpoint));
        Ok(Self {
            client,
            urls: [chat?, responses?, embeddings?],
            first_byte_timeout: settings.first_byte_timeout,
            idle_timeout: settings.idle_timeout,
            deadline: settings.deadline,
        })
    }

    /// Sends one request. `request_id` goes along as `X-Client-Request-Id`. Dropping the future closes the
    /// connection, and the provider may still bill: call it from a task that outlives the client.
    pub async fn send(
        &self,
        endpoint: Endpoint,
        body: Bytes,
        request_id: Uuid,
    ) -> Result<UpstreamReply, UpstreamError> {
        let deadline = Instant::now() + self.deadline;
        match self.attempt(endpoint, body.clone(), request_id, deadline).await {
            Err(UpstreamError::NotAccepted) => {
                sleep(retry_pause(request_id)).await;
                self.attempt(endpoint, body, request_id, deadline).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(
        &self,
        endpoint: Endpoint,
        body: Bytes,
        request_id: Uuid,
        deadline: Instant,
    ) -> Result<UpstreamReply, UpstreamError> {
        let [chat, responses, embeddings] = &self.urls;
        let url = match endpoint {
            Endpoint::ChatCompletions => chat,
            Endpoint::Responses => responses,
            Endpoint::Embeddings => embeddings,
        };
        let request =
            self.client.post(url.clone()).header("x-client-request-id", request_id.to_string()).body(body);
        let first_byte_by = deadline.min(Instant::now() + self.first_byte_timeout);
        let response = match timeout_at(first_byte_by, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Err(UpstreamError::NotAccepted),
            Ok(Err(_)) => return Err(UpstreamError::Unknown { stage: "connection_lost" }),
            Err(_) => return Err(UpstreamError::Unknown { stage: "first_byte_timeout" }),
        };
        let header = |name: &str| header_text(response.headers(), name);
        let status = response.status().as_u16();
        let content_type = header(CONTENT_TYPE.as_str());
        let upstream_request_id = header("x-request-id");
        if response.status().is_success() {
            let body = UpstreamBody::new(response, self.idle_timeout, deadline);
            return Ok(UpstreamReply { status, content_type, upstream_request_id, body });
        }
        let wait = retry_after(header(RETRY_AFTER.as_str()).as_deref(), header("retry-after-ms").as_deref());
        let body = read_error_body(UpstreamBody::new(response, self.idle_timeout, deadline)).await;
        Err(UpstreamError::refused(status, &body, wait, upstream_request_id))
    }
}

fn default_headers(api_key: &SecretString) -> Result<HeaderMap, UpstreamSetupError> {
    let bearer = format!("Bearer {}", api_key.expose_secret());
    let mut authorization = HeaderValue::try_from(bearer).map_err(|_| UpstreamSetupError::ApiKey)?;
    authorization.set_sensitive(true);
    let user_agent = HeaderValue::from_static(concat!("octroi/", env!("CARGO_PKG_VERSION")));
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, authorization),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (reqwest::header::USER_AGENT, user_agent),
    ]))
}

fn url(base: &str, endpoint: Endpoint) -> Result<Url, UpstreamSetupError> {
    let url = Url::parse(&format!("{}{}", base.trim_end_matches('/'), endpoint.path()));
    match url {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(UpstreamSetupError::BaseUrl),
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

// The random tail of the request's id spreads repetitions without a generator of its own.
fn retry_pause(request_id: Uuid) -> Duration {
    let span = RETRY_PAUSE_MS.end - RETRY_PAUSE_MS.start;
    let draw = u64::from_be_bytes(*request_id.as_bytes().last_chunk().unwrap_or(&[0; 8]));
    Duration::from_millis(RETRY_PAUSE_MS.start + draw % span)
}

#[cfg(test)]
mod tests;
