//! Headers of an answer: which request it was and what is left.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::errors::rfc3339;
use crate::database::{LimitMeter, LimitStanding};
use crate::metered_call::OutputLimit;

/// Our id of the HTTP request; on every response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The usage event this answer was charged as; for a replay that of the first call.
const X_USAGE_ID: HeaderName = HeaderName::from_static("x-usage-id");
/// What is left of the strictest limit, in its unit.
const X_QUOTA_REMAINING: HeaderName = HeaderName::from_static("x-quota-remaining");
/// That limit in all, what is used of it, and what calls under way hold, this one included: as they stood when this call
/// was let in.
const X_QUOTA_LIMIT: HeaderName = HeaderName::from_static("x-quota-limit");
const X_QUOTA_USED: HeaderName = HeaderName::from_static("x-quota-used");
const X_QUOTA_HELD: HeaderName = HeaderName::from_static("x-quota-held");
/// Output tokens that each choice may have, and what bounds them: `asked`, `default`, `model` or `balance`.
const X_OUTPUT_LIMIT: HeaderName = HeaderName::from_static("x-output-limit");
const X_OUTPUT_BOUND: HeaderName = HeaderName::from_static("x-output-bound");
/// Set where an answer ended at a limit that its caller had not chosen; what bounds it. A stream says so in a comment.
const X_OUTPUT_CUT: HeaderName = HeaderName::from_static("x-output-cut");
/// When that limit resets, RFC 3339; absent if never.
pub const X_QUOTA_RESET: HeaderName = HeaderName::from_static("x-quota-reset");
/// Set on a replay.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Keeps nginx from collecting a stream before it passes it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The headers of an answer of `content_type`, charged under `usage_id`.
pub fn answer(usage_id: Uuid, content_type: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
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
    headers.insert(X_QUOTA_LIMIT, HeaderValue::from(standing.granted));
    headers.insert(X_QUOTA_USED, HeaderValue::from(standing.used));
    headers.insert(X_QUOTA_HELD, HeaderValue::from(standing.reserved));
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

/// Adds how long the answer may be and why; `is_cut_short` once it is known to have ended there. An embedding has no
/// output.
pub fn mark_output(headers: &mut HeaderMap, limit: OutputLimit, is_cut_short: bool) {
    if limit.tokens == 0 {
        return;
    }
    let bound = HeaderValue::from_static(limit.bound.as_str());
    headers.insert(X_OUTPUT_LIMIT, HeaderValue::from(limit.tokens));
    if is_cut_short {
        headers.insert(X_OUTPUT_CUT, bound.clone());
    }
    headers.insert(X_OUTPUT_BOUND, bound);
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
