//! What `reserve` says of a call. A refusal is data, not an error.

use time::OffsetDateTime;
use uuid::Uuid;

use super::LimitStanding;

/// The verdict on one [`ReserveItem`]. A refusal is data, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReserveVerdict {
    /// The call may go upstream, within the hold.
    Granted(Hold),
    /// It fits, but not beside what calls under way hold: ask again when some have ended.
    Held(HeldBack),
    /// It may not.
    Refused(Refusal),
    /// The same call was made before; nothing new was held.
    Replayed(Replay),
}

/// What a granted call may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The reserved request.
    pub request_id: Uuid,
    /// Output tokens each choice may have at most; send this upstream as the output limit.
    pub output_tokens: u64,
    /// What that is bounded by.
    pub output_bound: OutputBound,
    /// Tokens held in all.
    pub hold_tokens: u64,
    /// Nano-USD held in all.
    pub hold_cost_nano_usd: i64,
    /// When the hold lapses unless it is settled or released.
    pub expires_at: OffsetDateTime,
    /// What becomes of a stream whose client leaves.
    pub on_disconnect: OnDisconnect,
    /// The strictest limit, for response headers; none when no limit applies.
    pub standing: Option<LimitStanding>,
}

/// What the output of a call is bounded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputBound {
    /// What the call asked for.
    Asked,
    /// What a call gets that asks for nothing.
    Default,
    /// The most that the model gives.
    Model,
    /// What is left of a limit.
    Balance,
}

/// A call that waits for others to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    /// The limit that has no room beside what is held.
    pub standing: LimitStanding,
    /// What the call needs of it, in its unit.
    pub needed: i64,
    /// How long it may wait for room, by its plan.
    pub wait_seconds: u64,
    /// Its place among the waiting calls of its account; none where it may not wait.
    pub ticket: Option<i64>,
}

/// What becomes of a stream whose client leaves. SQL decides it, from the plan and the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is closed at the provider, and charged as far as it came.
    Cancel,
    /// It is read to its end, and charged as the provider counts it.
    Drain,
}

impl OnDisconnect {
    /// Nothing but a clear `cancel` gives up the provider's own count.
    pub(super) fn read(text: Option<&str>) -> Self {
        if text == Some("cancel") { Self::Cancel } else { Self::Drain }
    }
}

/// Why a call may not go upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The refused request.
    pub request_id: Uuid,
    /// Which rule refused it.
    pub reason: RefusalReason,
    /// The limit that refused it, when it was a limit.
    pub standing: Option<LimitStanding>,
    /// What the call needs at least of that limit, in its unit.
    pub needed: Option<i64>,
    /// Seconds until the call could succeed; none means waiting does not help.
    pub retry_after_seconds: Option<u64>,
}

/// The rules that refuse, as `reserve` names them. Each maps to one row of `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The account's limit.
    QuotaExceeded,
    /// The member's share.
    MemberBudgetReached,
    /// The key's budget.
    KeyBudgetReached,
    /// The model's share.
    ModelBudgetReached,
    /// The account's limit in money.
    SpendCapReached,
    /// The account has no plan.
    NoPlan,
    /// The team has more members than its plan has seats, and the user has none of them.
    NoSeat,
    /// The account is suspended, or its user.
    AccountSuspended,
    /// The key was revoked after it was authenticated.
    KeyRevoked,
    /// The key expired after it was authenticated.
    KeyExpired,
    /// The user is not, or no longer, a member of the account.
    NotAMember,
    /// No price is known for the model.
    ModelNotPriced,
    /// The plan does not include the model.
    ModelNotAllowed,
    /// The input is longer than the model, or its price, allows for.
    InputTooLong,
    /// The idempotency key was used before with another body.
    IdempotencyMismatch,
    /// A reason of a newer migration than this worker; refused all the same.
    Other,
}

/// The earlier call that this one repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The first call's request id.
    pub request_id: Uuid,
    /// What became of it.
    pub state: ReplayState,
}

/// What became of a call that is being repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// Still under way.
    Open,
    /// Done; its answer may be stored.
    Settled,
    /// Its hold lapsed before it was settled.
    Expired,
    /// It did not happen and its hold went back.
    Released,
}

impl OutputBound {
    /// The word used in SQL and in the headers of an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Default => "default",
            Self::Model => "model",
            Self::Balance => "balance",
        }
    }

    /// Whether the caller did not choose it: an answer that ends there was cut short here.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Default | Self::Balance)
    }

    pub(super) fn read(text: Option<&str>) -> Self {
        [Self::Default, Self::Model, Self::Balance]
            .into_iter()
            .find(|bound| text == Some(bound.as_str()))
            .unwrap_or(Self::Asked)
    }
}

impl RefusalReason {
    pub(super) fn read(text: &str) -> Self {
        match text {
            "quota_exceeded" => Self::QuotaExceeded,
            "member_budget_reached" => Self::MemberBudgetReached,
            "key_budget_reached" => Self::KeyBudgetReached,
            "model_budget_reached" => Self::ModelBudgetReached,
            "spend_cap_reached" => Self::SpendCapReached,
            "no_plan" => Self::NoPlan,
            "no_seat" => Self::NoSeat,
            "account_suspended" => Self::AccountSuspended,
            "key_revoked" => Self::KeyRevoked,
            "key_expired" => Self::KeyExpired,
            "not_a_member" => Self::NotAMember,
            "model_not_priced" => Self::ModelNotPriced,
            "model_not_allowed" => Self::ModelNotAllowed,
            "input_too_long" => Self::InputTooLong,
            "idempotency_mismatch" => Self::IdempotencyMismatch,
            _ => Self::Other,
        }
    }
}
