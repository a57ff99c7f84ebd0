//! Every way a call can fail, and what its caller is told: the table is `docs/errors.md`.
//!
//! Texts are written here or come from the request's own parser; nothing internal (SQL, upstream credentials, paths)
//! has a way into a body.

mod body;
mod from_call;
mod quota;
mod quota_held;

use std::sync::Arc;

use http::StatusCode;

pub use body::ErrorBody;
pub use quota::{QuotaRefusal, rfc3339};
pub use quota_held::QuotaHeld;

use crate::openai::{Endpoint, EndpointSet, RequestError};

/// Seconds after which a call refused for lack of room may be tried again.
pub const BUSY_RETRY_SECONDS: u64 = 1;
/// Seconds after which a call refused because Postgres or the provider is away may be tried again.
pub const OUTAGE_RETRY_SECONDS: u64 = 5;
/// Seconds after which the outcome of a call still in flight may be asked for again.
pub const IN_PROGRESS_RETRY_SECONDS: u64 = 2;

/// A refusal or failure as the client sees it.
#[derive(Debug, Clone)]
pub enum GatewayError {
    /// No `Authorization: Bearer …` header.
    MissingCredentials,
    /// A key or token that is malformed, unknown, revoked or badly signed.
    InvalidCredentials,
    /// A key or token whose time is over.
    ExpiredCredentials,
    /// The account may not call at all.
    AccountSuspended,
    /// The user of a good token whom Octroi has not taken in yet.
    NoAccount,
    /// The account named by `OpenAI-Organization` is not one of the caller's; unknown ones look the same.
    NotAMember,
    /// Refused for a reason this version cannot explain.
    Forbidden,
    /// A limit of a plan, member, key or model is reached.
    Quota(Box<QuotaRefusal>),
    /// Only calls under way hold what this one needs.
    QuotaHeld(Box<QuotaHeld>),
    /// The account has no plan that allows calls.
    NoPlan {
        /// Where to get one.
        upgrade_url: Option<Arc<str>>,
    },
    /// The team has more members than its plan has seats, and the caller has none of them.
    NoSeat {
        /// Where to get a bigger plan.
        upgrade_url: Option<Arc<str>>,
    },
    /// The account's plan or key does not include this model.
    ModelNotAllowed {
        /// The model asked for.
        model: String,
    },
    /// The key is not for this endpoint.
    EndpointNotAllowed {
        /// The endpoint called.
        endpoint: Endpoint,
    },
    /// The input is longer than this model takes here.
    InputTooLong {
        /// The model asked for.
        model: String,
        /// The bound of the input, tokens.
        input_tokens: u64,
        /// The most it takes, tokens, if that is known.
        max_input_tokens: Option<u64>,
    },
    /// Something unknown, or not offered: without a price, or shut down by its provider.
    ModelNotFound {
        /// The model asked for.
        model: String,
    },
    /// The model answers at other endpoints.
    ModelElsewhere {
        /// Where it was called.
        endpoint: Endpoint,
        /// Where it answers.
        endpoints: EndpointSet,
    },
    /// The body is not a request this endpoint takes.
    Request(RequestError),
    /// A header this gateway reads is malformed.
    Header {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        message: &'static str,
    },
    /// The connection ended inside the body.
    BodyInterrupted,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is larger than this gateway takes.
    BodyTooLarge {
        /// The limit, bytes.
        max_bytes: usize,
    },
    /// Not `application/json`.
    ContentType,
    /// A compressed body.
    ContentEncoding,
    /// No such path.
    UnknownPath,
    /// The path exists, the method does not.
    MethodNotAllowed {
        /// Those that do, as a text.
        allowed: &'static str,
    },
    /// The `Idempotency-Key` was used for another body.
    IdempotencyMismatch,
    /// The first call with this `Idempotency-Key` is still running.
    IdempotencyInProgress,
    /// The first call with this `Idempotency-Key` ended, but its response was not kept.
    IdempotencyNotKept {
        /// How it ended, in the words of the ledger: settled or expired.
        outcome: &'static str,
    },
    /// The account has too many calls in flight in this worker.
    Concurrency {
        /// How many it may have.
        limit: u32,
    },
    /// The worker is full.
    Busy,
    /// The provider refused this request, and the reason lies in the request.
    UpstreamRefused {
        /// The provider's status, 4xx.
        status: StatusCode,
        /// The provider's words, cleaned of the operator's identifiers.
        message: String,
        /// The parameter the provider names.
        param: Option<String>,
        /// The provider's code.
        code: Option<String>,
    },
    /// The provider did not take the request; nothing was spent.
    UpstreamUnavailable {
        /// When to try again, seconds.
        retry_after_seconds: u64,
    },
    /// The request was sent and no usable answer came; it may have been spent, so it must not be repeated blindly.
    UpstreamUnknown,
    /// Postgres is away: fail closed.
    MeteringUnavailable,
    /// The answer came, but its usage could not be made durable; it is withheld.
    NotRecorded,
    /// The keys that tokens are checked with cannot be fetched.
    AuthUnavailable,
    /// The worker is shutting down.
    Draining,
    /// A defect; the log has it.
    Internal,
}

/// What the client should do next; rendered as `x-should-retry` and `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAdvice {
    /// Say nothing: the status alone is understood by every SDK.
    Unsaid,
    /// Do not repeat; the time when it would work again is told if there is one, seconds.
    No(Option<u64>),
    /// Repeat after so many seconds.
    After(u64),
}

impl GatewayError {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::Header { .. } | Self::BodyInterrupted | Self::InputTooLong { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::MissingCredentials | Self::InvalidCredentials | Self::ExpiredCredentials => {
                StatusCode::UNAUTHORIZED
            }
            Self::NoPlan { .. } => StatusCode::PAYMENT_REQUIRED,
            Self::AccountSuspended
            | Self::NoAccount
            | Self::NotAMember
            | Self::NoSeat { .. }
            | Self::Forbidden
            | Self::ModelNotAllowed { .. }
            | Self::EndpointNotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::ModelNotFound { .. } | Self::ModelElsewhere { .. } | Self::UnknownPath => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::IdempotencyMismatch | Self::IdempotencyInProgress | Self::IdempotencyNotKept { .. } => {
                StatusCode::CONFLICT
            }
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Quota(_) | Self::QuotaHeld(_) | Self::Concurrency { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UpstreamRefused { status, .. } => *status,
            Self::UpstreamUnknown => StatusCode::BAD_GATEWAY,
            Self::Busy
            | Self::UpstreamUnavailable { .. }
            | Self::MeteringUnavailable
            | Self::NotRecorded
            | Self::AuthUnavailable
            | Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the client should do next.
    pub fn retry(&self) -> RetryAdvice {
        match self {
            Self::Quota(refusal) => RetryAdvice::No(refusal.retry_after_seconds),
            Self::NoPlan { .. }
            | Self::IdempotencyMismatch
            | Self::IdempotencyNotKept { .. }
            | Self::UpstreamUnknown
            | Self::NotRecorded => RetryAdvice::No(None),
            Self::IdempotencyInProgress => RetryAdvice::After(IN_PROGRESS_RETRY_SECONDS),
            Self::QuotaHeld(held) => RetryAdvice::After(held.retry_after_seconds),
            Self::Concurrency { .. } | Self::Busy => RetryAdvice::After(BUSY_RETRY_SECONDS),
            Self::UpstreamUnavailable { retry_after_seconds } => RetryAdvice::After(*retry_after_seconds),
            Self::MeteringUnavailable | Self::AuthUnavailable | Self::Draining => {
                RetryAdvice::After(OUTAGE_RETRY_SECONDS)
            }
            _ => RetryAdvice::Unsaid,
        }
    }
}

#[cfg(test)]
mod tests;
