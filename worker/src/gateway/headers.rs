//! Headers of an answer: which request it was and what is left.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::errors::rfc3339;
use crate::database::{LimitMeter, LimitStanding};

/// Our id of the HTTP request; on every response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The usage event this answer was charged as; for a replay that of the first call.
const X_USAGE_ID: HeaderName = HeaderName::from_static("x-usage-id");
/// What is left of the strictest limit, in its unit.
const X_QUOTA_REMAINING: HeaderName = HeaderName::from_static("x-quota-remaining");
/// When that limit resets, RFC 3339; absent if never.
const X_QUOTA_RESET: HeaderName = HeaderName::from_static("x-quota-reset");
/// Set on a replay.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Keeps nginx from collecting a stream before it passes it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The headers of an answer of `content_type`, charged under `usage_id`.
pub fn answer(usage_id: Uuid, content_type: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers
        .insert(CONTENT_TYPE, content_type.and_then(|text| HeaderValue::from_str(text).ok()).unwrap_or(JSON));
    headers.insert(X_USAGE_ID, id(usage_id));
    headers
}

/// Adds what a stream needs to arrive as it comes.
pub fn mark_stream(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
}

/// Adds that the answer was given before.
pub fn mark_replay(headers: &mut HeaderMap) {
    headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
}

/// Adds how the strictest limit stands, with `remaining` after the settlement where that is known.
pub fn mark_standing(headers: &mut HeaderMap, standing: &LimitStanding, remaining: Option<i64>) {
    let remaining = remaining.unwrap_or(standing.remaining).max(0);
    headers.insert(X_QUOTA_REMAINING, HeaderValue::from(remaining));
    if let Some(reset) =
        standing.resets_at.and_then(rfc3339).and_then(|text| HeaderValue::try_from(text).ok())
    {
        headers.insert(X_QUOTA_RESET, reset);
    }
    let [limit, left, reset] = match standing.meter {
        LimitMeter::Tokens => {
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
        }
        LimitMeter::Requests => {
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
        }
        LimitMeter::Cost => return,
    };
    headers.insert(HeaderName::from_static(limit), HeaderValue::from(standing.granted));
    headers.insert(HeaderName::from_static(left), HeaderValue::from(remaining));
    let reset_in = standing.resets_at.map(|at| seconds_until(at, OffsetDateTime::now_utc()));
    if let Some(value) = reset_in.and_then(|seconds| HeaderValue::try_from(duration(seconds)).ok()) {
        headers.insert(HeaderName::from_static(reset), value);
    }
}

/// The id as a header value.
pub fn id(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut buffer))
        .unwrap_or(HeaderValue::from_static("unknown"))
}

/// The provider's 2xx status.
pub fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}

fn seconds_until(at: OffsetDateTime, now: OffsetDateTime) -> u64 {
    u64::try_from((at - now).whole_seconds()).unwrap_or(0)
}

/// As OpenAI writes durations: `1s`, `6m0s`, `26h0m12s`.
fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
