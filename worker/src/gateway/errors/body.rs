//! The body of an error: OpenAI's envelope, plus `quota` where a limit is the reason.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::quota::{QuotaStanding, rfc3339};
use super::{GatewayError, RetryAdvice};
use crate::gateway::headers::X_QUOTA_RESET;

const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// Longest wait told in `Retry-After` with a final refusal, seconds: some clients sleep through whatever they are told
/// before they raise it. A later reset stands in `x-quota-reset` and `error.quota`.
const TOLD_RETRY_SECONDS_MAX: u64 = 60;

const INVALID_REQUEST: &str = "invalid_request_error";

/// `{"error": {…}}` as every OpenAI SDK parses it; all four keys are always there.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Debug, Serialize)]
struct ErrorDetail {
    message: String,
    r#type: &'static str,
    param: Option<String>,
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaStanding>,
}

impl GatewayError {
    /// The JSON told to the client; also what a queued completion that failed shows its owner.
    pub fn body(&self) -> ErrorBody {
        let (r#type, code) = self.names();
        ErrorBody {
            error: ErrorDetail {
                message: self.message(),
                r#type,
                param: self.param(),
                code: code.map(str::to_owned),
                quota: match self {
                    Self::Quota(refusal) => Some(refusal.standing()),
                    Self::QuotaHeld(held) => Some(held.standing()),
                    _ => None,
                },
            },
        }
        .with_upstream_code(self)
    }

    fn names(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::MissingCredentials | Self::InvalidCredentials => (INVALID_REQUEST, Some("invalid_api_key")),
            Self::ExpiredCredentials => (INVALID_REQUEST, Some("expired_api_key")),
            Self::AccountSuspended => (INVALID_REQUEST, Some("account_suspended")),
            Self::NotAMember => (INVALID_REQUEST, Some("not_a_member")),
            Self::Forbidden => (INVALID_REQUEST, Some("refused")),
            Self::Quota(refusal) => ("insufficient_quota", Some(refusal.code)),
            Self::QuotaHeld(_) => ("rate_limit_exceeded", Some("quota_held")),
            Self::NoPlan { .. } => ("billing_required", Some("no_plan")),
            Self::ModelNotAllowed { .. } => (INVALID_REQUEST, Some("model_not_allowed")),
            Self::EndpointNotAllowed { .. } => (INVALID_REQUEST, Some("endpoint_not_allowed")),
            Self::InputTooLong { .. } => (INVALID_REQUEST, Some("context_length_exceeded")),
            Self::ModelNotFound { .. } | Self::ModelElsewhere { .. } => {
                (INVALID_REQUEST, Some("model_not_found"))
            }
            Self::Request(error) => (INVALID_REQUEST, Some(error.code())),
            Self::Header { .. } => (INVALID_REQUEST, Some("invalid_header")),
            Self::BodyInterrupted => (INVALID_REQUEST, Some("body_interrupted")),
            Self::BodyTimeout => (INVALID_REQUEST, Some("body_timeout")),
            Self::BodyTooLarge { .. } => (INVALID_REQUEST, Some("body_too_large")),
            Self::ContentType => (INVALID_REQUEST, Some("unsupported_content_type")),
            Self::ContentEncoding => (INVALID_REQUEST, Some("unsupported_content_encoding")),
            Self::UnknownPath => (INVALID_REQUEST, Some("unknown_url")),
            Self::MethodNotAllowed { .. } => (INVALID_REQUEST, Some("method_not_allowed")),
            Self::IdempotencyMismatch => ("idempotency_error", Some("idempotency_key_reused")),
            Self::IdempotencyInProgress => ("idempotency_error", Some("request_in_progress")),
            Self::IdempotencyNotKept { .. } => ("idempotency_error", Some("response_not_kept")),
            Self::Concurrency { .. } => ("rate_limit_exceeded", Some("concurrency")),
            Self::Busy => ("server_error", Some("server_busy")),
            Self::UpstreamRefused { .. } => (INVALID_REQUEST, None),
            Self::UpstreamUnavailable { .. } => ("upstream_unavailable", Some("upstream_unavailable")),
            Self::UpstreamUnknown => ("upstream_unavailable", Some("upstream_outcome_unknown")),
            Self::MeteringUnavailable => ("metering_unavailable", Some("metering_unavailable")),
            Self::NotRecorded => ("metering_unavailable", Some("usage_not_recorded")),
            Self::AuthUnavailable => ("server_error", Some("auth_unavailable")),
            Self::Draining => ("server_error", Some("shutting_down")),
            Self::Internal => ("server_error", Some("internal_error")),
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Request(error) => error.param().map(str::to_owned),
            Self::ModelNotAllowed { .. } | Self::ModelNotFound { .. } | Self::ModelElsewhere { .. } => {
                Some("model".to_owned())
            }
            Self::UpstreamRefused { param, .. } => param.clone(),
            _ => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Quota(refusal) => refusal.message(),
            Self::QuotaHeld(held) => held.message(),
            Self::Request(error) => error.message(),
            Self::UpstreamRefused { message, .. } => message.clone(),
            Self::NoPlan { upgrade_url } => {
                let advice =
                    upgrade_url.as_deref().map(|url| format!(" Choose one at {url}.")).unwrap_or_default();
                format!("The account has no plan that allows this call.{advice}")
            }
            Self::ModelNotAllowed { model } => {
                format!("The model `{model}` is not part of this account's plan or of this key's models.")
            }
            Self::EndpointNotAllowed { endpoint } => format!("This key may not call `{endpoint}`."),
            Self::InputTooLong { model, input_tokens, max_input_tokens } => {
                input_too_long(model, *input_tokens, *max_input_tokens)
            }
            Self::ModelNotFound { model } => {
                format!(
                    "The model `{model}` does not exist or is not offered here. GET /v1/models lists those that are."
                )
            }
            Self::ModelElsewhere { endpoint, endpoints } => {
                let paths: Vec<_> = endpoints.iter().map(|at| format!("/v1{}", at.path())).collect();
                let called = endpoint.path();
                format!("This model is only supported in {} and not in /v1{called}.", paths.join(" and "))
            }
            Self::MethodNotAllowed { allowed } => format!("This URL takes {allowed} and no other method."),
            Self::Header { name, message } => format!("The header `{name}` {message}."),
            Self::BodyTooLarge { max_bytes } => format!("The request body is larger than {max_bytes} bytes."),
            Self::IdempotencyNotKept { outcome } => format!(
                "The first call with this Idempotency-Key ended ({outcome}), but its response is not kept; use a new \
                 key to make a new call."
            ),
            Self::Concurrency { limit } => {
                format!("This account has {limit} calls in flight, the most it may have at once here.")
            }
            _ => self.fixed_message().to_owned(),
        }
    }

    fn fixed_message(&self) -> &'static str {
        match self {
            Self::MissingCredentials => {
                "You didn't provide an API key. Send it in the header Authorization: Bearer YOUR_KEY."
            }
            Self::InvalidCredentials => "Incorrect API key or access token provided.",
            Self::ExpiredCredentials => "The API key or access token has expired.",
            Self::AccountSuspended => "This account, or its user, is suspended.",
            Self::NotAMember => "OpenAI-Organization does not name an account you are a member of.",
            Self::Forbidden => "This account may not make this call.",
            Self::BodyInterrupted => "The connection ended before the whole request body had arrived.",
            Self::BodyTimeout => "The request body did not arrive in time.",
            Self::ContentType => "The request body must have Content-Type: application/json.",
            Self::ContentEncoding => "Compressed request bodies are not accepted; send the JSON as it is.",
            Self::UnknownPath => {
                "Unknown request URL. This gateway serves chat/completions, responses, \
                                  embeddings and models under /v1."
            }
            Self::IdempotencyMismatch => "This Idempotency-Key was first used with another request body.",
            Self::IdempotencyInProgress => "The first call with this Idempotency-Key is still running.",
            Self::Busy => "The gateway has no room for another call right now.",
            Self::UpstreamUnavailable { .. } => {
                "The model provider is not taking this call; nothing was charged."
            }
            Self::UpstreamUnknown => {
                "The model provider broke off; what it had done may be charged. Retrying makes a new call."
            }
            Self::MeteringUnavailable => {
                "Usage cannot be recorded right now: nothing was called and nothing was charged."
            }
            Self::NotRecorded => {
                "The call was made, but its usage could not be recorded, so its answer is withheld."
            }
            Self::AuthUnavailable => "Access tokens cannot be checked right now.",
            Self::Draining => "This gateway is shutting down; connect again.",
            _ => "The gateway failed to handle this call.",
        }
    }
}

/// The opening is OpenAI's own, which some clients look for.
fn input_too_long(model: &str, input_tokens: u64, max_input_tokens: Option<u64>) -> String {
    let Some(most) = max_input_tokens else {
        return format!("The input is longer than `{model}` takes here: up to {input_tokens} tokens.");
    };
    format!(
        "This model's maximum context length is {most} tokens of input here. However, your input for `{model}` may \
         have {input_tokens} tokens. Please reduce the length of the input."
    )
}

impl ErrorBody {
    fn with_upstream_code(mut self, error: &GatewayError) -> Self {
        if let GatewayError::UpstreamRefused { code, .. } = error {
            self.error.code.clone_from(code);
        }
        self
    }

    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and integers under string keys always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let seconds = match self.retry() {
            RetryAdvice::Unsaid => None,
            RetryAdvice::No(seconds) => {
                headers.insert(X_SHOULD_RETRY, HeaderValue::from_static("false"));
                seconds.filter(|seconds| *seconds <= TOLD_RETRY_SECONDS_MAX)
            }
            RetryAdvice::After(seconds) => {
                headers.insert(X_SHOULD_RETRY, HeaderValue::from_static("true"));
                headers.insert(RETRY_AFTER_MS, HeaderValue::from(seconds.saturating_mul(1000)));
                Some(seconds)
            }
        };
        if let Some(seconds) = seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let resets_at = match self {
            Self::Quota(ref refusal) => refusal.limit.resets_at,
            Self::QuotaHeld(ref held) => held.held.standing.resets_at,
            _ => None,
        };
        if let Some(reset) = resets_at.and_then(rfc3339).and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(X_QUOTA_RESET, reset);
        }
        (status, headers, self.body().to_json()).into_response()
    }
}
