//! OpenAI semantics: requests, token bounds, usage, streams, and the one client that talks to the provider.
//!
//! A request goes `parse_request` (strict JSON, allow-list) → `input_tokens` (what to hold) →
//! `upstream_body` (what is sent, clamped) → [`Upstream::send`] → [`StreamMeter`] or [`read_usage`] (what is owed).
//! Everything but [`upstream`] is pure: no clock, no network, no database.

pub mod answer;
pub mod bounds;
pub mod endpoint;
mod finish;
pub mod identity;
pub mod image_size;
pub mod images;
pub mod relayed;
pub mod request;
mod sanitise;
pub mod sse;
pub mod stream;
mod stream_error;
mod stream_event;
pub mod strict_json;
pub mod upstream;
mod upstream_body;
pub mod upstream_error;
pub mod usage;

pub use answer::Unmetered;
pub use bounds::InputTokens;
pub use endpoint::{Endpoint, EndpointSet};
pub use finish::ended_at_limit;
pub use identity::{IdentityKey, UpstreamIdentity};
pub use octroi_tokenizer::Encoding;
pub use relayed::RelayedText;
pub use request::{ParsedRequest, RequestError, parse_request};
pub use stream::{Forward, StreamEnd, StreamFault, StreamMeter, StreamState};
pub use upstream::{Upstream, UpstreamBody, UpstreamReply, UpstreamSettings};
pub use upstream_error::{HandedOn, UpstreamError};
pub use usage::{Usage, UsageReport, UsageSource, UsageState, read_usage};
