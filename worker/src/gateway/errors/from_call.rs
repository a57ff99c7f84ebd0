//! From what happened to a call to what its client is told.

use http::StatusCode;

use super::{GatewayError, OUTAGE_RETRY_SECONDS, QuotaHeld, QuotaRefusal};
use crate::database::{PurchasePages, Refusal, RefusalReason, ReplayState};
use crate::meter::MeterError;
use crate::metered_call::CallError;

impl GatewayError {
    /// What the client is told of `error`; refusals at a limit point to `pages`.
    pub fn from_call(error: CallError, pages: &PurchasePages) -> Self {
        match error {
            CallError::ModelNotPriced { model } => Self::ModelNotFound { model },
            CallError::ModelElsewhere { endpoint, endpoints } => Self::ModelElsewhere { endpoint, endpoints },
            CallError::Request(error) => Self::Request(error),
            CallError::Refused { refusal, model, input_tokens, max_input_tokens }
                if refusal.reason == RefusalReason::InputTooLong =>
            {
                Self::InputTooLong { model, input_tokens, max_input_tokens }
            }
            CallError::Refused { refusal, model, .. } => Self::from_refusal(*refusal, model, pages),
            CallError::Held { held, held_calls, waited, retry_after_seconds } => {
                Self::QuotaHeld(Box::new(QuotaHeld { held: *held, held_calls, waited, retry_after_seconds }))
            }
            CallError::Repeats { state: ReplayState::Open } => Self::IdempotencyInProgress,
            CallError::Repeats { state: ReplayState::Settled } => {
                Self::IdempotencyNotKept { outcome: "settled" }
            }
            CallError::Repeats { state: ReplayState::Expired } => {
                Self::IdempotencyNotKept { outcome: "expired" }
            }
            CallError::Repeats { state: ReplayState::Released } => {
                Self::UpstreamUnavailable { retry_after_seconds: OUTAGE_RETRY_SECONDS }
            }
            CallError::NotMetered(MeterError::Overloaded) => Self::Busy,
            CallError::NotMetered(MeterError::Closed) => Self::Draining,
            CallError::NotMetered(MeterError::Unavailable | MeterError::Refused { .. })
            | CallError::DatabaseUnavailable => Self::MeteringUnavailable,
            CallError::NotSettled => Self::NotRecorded,
            CallError::RequestRefused { status, handed_on } => Self::UpstreamRefused {
                status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
                message: handed_on.message,
                param: handed_on.param,
                code: handed_on.code,
            },
            CallError::NotAccepted { retry_after } => Self::UpstreamUnavailable {
                retry_after_seconds: retry_after.map_or(OUTAGE_RETRY_SECONDS, |after| after.as_secs().max(1)),
            },
            CallError::OutcomeUnknown | CallError::ClientLeft => Self::UpstreamUnknown,
            CallError::Interrupted => Self::Internal,
        }
    }

    fn from_refusal(refusal: Refusal, model: String, pages: &PurchasePages) -> Self {
        let code = match refusal.reason {
            RefusalReason::QuotaExceeded => "quota_exceeded",
            RefusalReason::MemberBudgetReached => "member_budget_reached",
            RefusalReason::KeyBudgetReached => "key_budget_reached",
            RefusalReason::ModelBudgetReached => "model_budget_reached",
            RefusalReason::SpendCapReached => "spend_cap_reached",
            RefusalReason::NoPlan => return Self::NoPlan { upgrade_url: pages.upgrade_url.clone() },
            RefusalReason::AccountSuspended => return Self::AccountSuspended,
            RefusalReason::KeyRevoked => return Self::InvalidCredentials,
            RefusalReason::KeyExpired => return Self::ExpiredCredentials,
            RefusalReason::NotAMember => return Self::NotAMember,
            RefusalReason::ModelNotPriced => return Self::ModelNotFound { model },
            RefusalReason::ModelNotAllowed => return Self::ModelNotAllowed { model },
            RefusalReason::IdempotencyMismatch => return Self::IdempotencyMismatch,
            RefusalReason::InputTooLong | RefusalReason::Other => return Self::Forbidden,
        };
        // A limit without its standing cannot be explained, but it still refuses.
        let Some(limit) = refusal.standing else { return Self::Forbidden };
        Self::Quota(Box::new(QuotaRefusal {
            code,
            limit,
            needed: refusal.needed,
            retry_after_seconds: refusal.retry_after_seconds,
            pages: pages.clone(),
        }))
    }
}
