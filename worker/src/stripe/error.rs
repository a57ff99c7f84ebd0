//! Why a call to Stripe failed, sorted by what is known of its effect.

use std::time::Duration;

use thiserror::Error;

/// A failed call to Stripe. Its text is fit for logs: no key, no parameters, no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StripeError {
    /// Stripe refused the call, which had no effect. Repeating it unchanged is useless.
    #[error("Stripe refused the call with status {status}, {code}")]
    Refused {
        /// The HTTP status, 400 to 499.
        status: u16,
        /// Stripe's code, or its type of error where there is no code.
        code: String,
        /// Why a card's issuer said no.
        decline_code: Option<String>,
        /// The parameter at fault.
        param: Option<String>,
        /// Stripe's sentence for the developer, which may quote parameters: not for logs.
        message: String,
    },
    /// The key is wrong, or lacks a permission. An operator has to act; the call had no effect.
    #[error("Stripe does not take the key for this call, status {status}, {code}")]
    Denied {
        /// 401 or 403.
        status: u16,
        /// Stripe's code.
        code: String,
    },
    /// Stripe had no time for the call (429, or a lock: 409). It had no effect.
    #[error("Stripe has no time for the call, status {status}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// How long Stripe asks to wait.
        retry_after: Option<Duration>,
    },
    /// No connection could be made. The call had no effect.
    #[error("Stripe cannot be reached")]
    Unreachable,
    /// Stripe failed by itself. Whether the call had an effect is not known, and its key will answer the same for a day.
    #[error("Stripe answered with an error of its own, status {status}")]
    ServerError {
        /// The HTTP status, 500 or above.
        status: u16,
    },
    /// The call was sent, and whether it had an effect is not known.
    #[error("the outcome of a call to Stripe is not known: {stage}")]
    OutcomeUnknown {
        /// How far it got.
        stage: &'static str,
    },
    /// The call succeeded, and its answer is not what this API version's answers look like.
    #[error("Stripe answered something this worker cannot read: {0}")]
    Unreadable(String),
    /// An id that cannot be one of Stripe's. The call was not sent.
    #[error("that is no id of an object at Stripe")]
    Unnamed,
    /// A call that could have an effect has no idempotency key. It was not sent.
    #[error("a call that changes something has no idempotency key")]
    NoKey,
}

impl StripeError {
    /// Whether the object of the call does not exist, or not any more.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. } | Self::Unnamed)
            || matches!(self, Self::Refused { code, .. } if code == "resource_missing")
    }

    /// Whether Stripe refused the call's content.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unnamed)
    }

    /// Whether the call was surely not carried out, and is to be made another time.
    pub fn was_not_taken(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable | Self::Denied { .. })
    }

    /// Whether the call may have been carried out although it failed here.
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self, Self::ServerError { .. } | Self::OutcomeUnknown { .. } | Self::Unreadable(_))
    }

    /// Stripe's code for a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } | Self::Denied { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl stripe_client_core::StripeClientErr for StripeError {
    fn deserialize_err(problem: impl std::fmt::Display) -> Self {
        Self::Unreadable(problem.to_string())
    }
}
