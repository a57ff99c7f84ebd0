//! What can go wrong upstream, and how much of it a client may hear.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::sanitise::redact_text;

/// Longest provider message handed on, in bytes.
const MAX_MESSAGE_BYTES: usize = 2_048;

/// Longest wait a provider may ask for; beyond it the header is a mistake.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts of a provider's error that concern the client's own input, free of the operator's ids and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOn {
    /// The provider's text, sanitised.
    pub message: String,
    /// The field to blame.
    pub param: Option<String>,
    /// The provider's code.
    pub code: Option<String>,
}

/// A call that brought no answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The provider was not reached: nothing was accepted, nothing is owed. Release the hold.
    #[error("the provider could not be reached")]
    NotAccepted,
    /// The request was sent and no answer came: it may be billed. Nothing may be retried.
    #[error("no answer after the request was sent ({stage})")]
    Unknown {
        /// Where it stopped, for logs: `first_byte_timeout`, `idle_timeout`, `deadline`, `connection_lost`.
        stage: &'static str,
    },
    /// The provider answered with an error status before any output. Release the hold.
    #[error("the provider refused with status {status}")]
    Refused {
        /// The provider's HTTP status.
        status: u16,
        /// What the client may hear; `None` for everything that is not about the client's input.
        handed_on: Option<HandedOn>,
        /// The provider's `Retry-After`.
        retry_after: Option<Duration>,
        /// The operator's own quota or billing is exhausted: 503 for the client, a page for the operator.
        own_quota: bool,
        /// The operator's own key was refused: the same.
        own_auth: bool,
        /// The provider's `x-request-id`.
        upstream_request_id: Option<String>,
    },
    /// The answer was larger than the caller allowed.
    #[error("the answer exceeds {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
}

impl UpstreamError {
    /// Classifies an error response. `body` may be cut short or not JSON at all.
    pub(super) fn refused(
        status: u16,
        body: &[u8],
        retry_after: Option<Duration>,
        upstream_request_id: Option<String>,
    ) -> Self {
        let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &envelope["error"];
        let text = |name: &str| error.get(name).and_then(Value::as_str);
        let (code, kind) = (text("code"), text("type"));
        let own_quota = is_own_quota(code, kind);
        let own_auth = matches!(status, 401 | 403) || is_own_auth(code, kind);
        // Only statuses that speak about the input, and only if the body does not speak about the operator.
        let about_input = matches!(status, 400 | 404 | 413 | 415 | 422) && !own_quota && !own_auth;
        let handed_on = text("message").filter(|_| about_input).map(|message| HandedOn {
            message: sanitised(message),
            param: text("param").map(sanitised),
            code: code.map(sanitised),
        });
        Self::Refused { status, handed_on, retry_after, own_quota, own_auth, upstream_request_id }
    }
}

/// `Retry-After` in seconds or, finer, `retry-after-ms`. Dates are not used by the provider and are ignored.
pub(super) fn retry_after(seconds: Option<&str>, milliseconds: Option<&str>) -> Option<Duration> {
    let milliseconds = milliseconds.and_then(|text| text.trim().parse().ok()).map(Duration::from_millis);
    let seconds = seconds.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    milliseconds.or(seconds).filter(|wait| *wait <= MAX_RETRY_AFTER)
}

/// The family of errors that mean "the operator has to pay", in any of the provider's spellings.
pub(super) fn is_own_quota(code: Option<&str>, kind: Option<&str>) -> bool {
    const FAMILY: &[&str] = &[
        "insufficient_quota",
        "quota_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    ];
    [code, kind].into_iter().flatten().any(|word| FAMILY.contains(&word))
}

/// The family of errors that mean "the operator's key, project or region is refused".
pub(super) fn is_own_auth(code: Option<&str>, kind: Option<&str>) -> bool {
    const FAMILY: &[&str] = &[
        "invalid_api_key",
        "invalid_organization",
        "invalid_project",
        "account_deactivated",
        "access_terminated",
        "authentication_error",
        "permission_error",
        "insufficient_permissions",
        "unsupported_country_region_territory",
        "ip_not_authorized",
        "mismatched_organization",
    ];
    [code, kind].into_iter().flatten().any(|word| FAMILY.contains(&word))
}

fn sanitised(text: &str) -> String {
    let mut clean = redact_text(text);
    clean.truncate(clean.floor_char_boundary(MAX_MESSAGE_BYTES));
    clean
}

#[cfg(test)]
mod tests;
