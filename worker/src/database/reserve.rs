//! `reserve_many`: may these calls go ahead, and with how many output tokens.

use sqlx::postgres::{PgBindIterExt, PgRow};
use sqlx::{Executor, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::session::to_bigint;
use super::{DatabaseError, LimitStanding, Session};

const RESERVE_MANY: &str = "\
select request_id, verdict, reason, output_tokens, hold_tokens, hold_cost_nano_usd, expires_at,
       scope, meter, period, granted, used, reserved, remaining, period_start, resets_at, retry_after_seconds, plan,
       output_bound, needed, wait_seconds, ticket, on_disconnect
  from octroi_private.reserve_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, true)";

/// Stands for a body that was not hashed; hashes are only compared under an idempotency key.
const NO_BODY_HASH: [u8; 32] = [0; 32];

/// One call that wants to go upstream.
#[derive(Debug, Clone)]
pub struct ReserveItem {
    /// A fresh UUIDv7; the request's id from here to the usage event.
    pub request_id: Uuid,
    /// Whether nobody can have reserved this id before. A replay of it after a lost connection is then this very
    /// reservation. Not so for a job's second attempt, where the first may already have gone upstream.
    pub id_is_fresh: bool,
    /// Who pays.
    pub account_id: Uuid,
    /// The key used; none for a JWT.
    pub api_key_id: Option<Uuid>,
    /// Who acts.
    pub user_id: Uuid,
    /// The model as the client named it.
    pub model: String,
    /// `Endpoint::as_str()`.
    pub endpoint: &'static str,
    /// Upper bound of the input, in tokens.
    pub input_tokens: u64,
    /// Output tokens wanted for each choice; 0 where there is no output, as with embeddings. None leaves it to the
    /// default of account, plan or model.
    pub output_tokens: Option<u64>,
    /// How many choices (`n`) the call asks for.
    pub choices: u32,
    /// The client's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the client's body; with the key above it tells a replay from a mistake.
    pub body_hash: Option<[u8; 32]>,
}

impl AsRef<ReserveItem> for ReserveItem {
    fn as_ref(&self) -> &ReserveItem {
        self
    }
}

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
    fn read(text: Option<&str>) -> Self {
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

    fn read(text: Option<&str>) -> Self {
        [Self::Default, Self::Model, Self::Balance]
            .into_iter()
            .find(|bound| text == Some(bound.as_str()))
            .unwrap_or(Self::Asked)
    }
}

impl RefusalReason {
    fn read(text: &str) -> Self {
        match text {
            "quota_exceeded" => Self::QuotaExceeded,
            "member_budget_reached" => Self::MemberBudgetReached,
            "key_budget_reached" => Self::KeyBudgetReached,
            "model_budget_reached" => Self::ModelBudgetReached,
            "spend_cap_reached" => Self::SpendCapReached,
            "no_plan" => Self::NoPlan,
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

impl Session {
    /// Reserves a batch in one statement and one commit; verdicts come in the order of `items`. `again` says that the
    /// same batch may have been carried out before: the replay of a fresh id is then its grant, and is told as such.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; the batch then stands or falls as a whole.
    pub async fn reserve_many<T: AsRef<ReserveItem>>(
        &mut self,
        items: &[T],
        lease_seconds: i32,
        again: bool,
    ) -> Result<Vec<ReserveVerdict>, DatabaseError> {
        let each = || items.iter().map(AsRef::as_ref);
        let query = sqlx::query(RESERVE_MANY)
            .bind(each().map(|item| item.request_id).bind_iter())
            .bind(each().map(|item| item.account_id).bind_iter())
            .bind(each().map(|item| item.api_key_id).bind_iter())
            .bind(each().map(|item| item.user_id).bind_iter())
            .bind(each().map(|item| item.model.as_str()).bind_iter())
            .bind(each().map(|item| item.endpoint).bind_iter())
            .bind(each().map(|item| to_bigint(item.input_tokens)).bind_iter())
            .bind(each().map(|item| item.output_tokens.map(to_bigint)).bind_iter())
            .bind(each().map(|item| i32::try_from(item.choices).unwrap_or(i32::MAX)).bind_iter())
            .bind(each().map(|item| item.idempotency_key.as_deref()).bind_iter())
            .bind(each().map(|item| item.body_hash.as_ref().unwrap_or(&NO_BODY_HASH).as_slice()).bind_iter())
            .bind(lease_seconds);
        let rows = self.run(async |connection| connection.fetch_all(query).await).await?;
        Self::expect_rows(&rows, items.len())?;
        rows.iter()
            .zip(each())
            .map(|(row, item)| verdict(row, (again && item.id_is_fresh).then_some(item)))
            .collect()
    }
}

fn verdict(row: &PgRow, tried_before: Option<&ReserveItem>) -> Result<ReserveVerdict, DatabaseError> {
    let request_id: Uuid = row.try_get(0)?;
    let reason = row.try_get::<Option<&str>, _>(2)?.unwrap_or_default();
    match row.try_get::<&str, _>(1)? {
        "granted" => match hold(row, request_id)? {
            Some(hold) => Ok(ReserveVerdict::Granted(hold)),
            None => Err(DatabaseError::Unreadable("a grant without a hold".to_owned())),
        },
        "held" => match LimitStanding::from_row(row, 7)? {
            Some(standing) => Ok(ReserveVerdict::Held(HeldBack {
                standing,
                needed: row.try_get::<Option<i64>, _>(19)?.unwrap_or_default(),
                wait_seconds: row.try_get::<Option<i32>, _>(20)?.unwrap_or_default().max(0).unsigned_abs().into(),
                ticket: row.try_get(21)?,
            })),
            None => Err(DatabaseError::Unreadable("a call held back by no limit".to_owned())),
        },
        "refused" => Ok(ReserveVerdict::Refused(Refusal {
            request_id,
            reason: RefusalReason::read(reason),
            standing: LimitStanding::from_row(row, 7)?,
            needed: row.try_get(19)?,
            retry_after_seconds: row
                .try_get::<Option<i64>, _>(16)?
                .and_then(|seconds| u64::try_from(seconds).ok()),
        })),
        "replayed" => {
            let state = match reason {
                "open" => ReplayState::Open,
                "settled" => ReplayState::Settled,
                "expired" => ReplayState::Expired,
                "released" => ReplayState::Released,
                other => {
                    return Err(DatabaseError::Unreadable(format!("replayed request in state {other}")));
                }
            };
            if state == ReplayState::Open
                && tried_before.is_some_and(|item| item.request_id == request_id)
                && let Some(hold) = hold(row, request_id)?
            {
                return Ok(ReserveVerdict::Granted(hold));
            }
            Ok(ReserveVerdict::Replayed(Replay { request_id, state }))
        }
        other => Err(DatabaseError::Unreadable(format!("verdict {other}"))),
    }
}

/// What was granted; none in a row that grants nothing.
fn hold(row: &PgRow, request_id: Uuid) -> Result<Option<Hold>, DatabaseError> {
    let (Some(output_tokens), Some(hold_tokens)) =
        (row.try_get::<Option<i64>, _>(3)?, row.try_get::<Option<i64>, _>(4)?)
    else {
        return Ok(None);
    };
    Ok(Some(Hold {
        request_id,
        output_tokens: u64::try_from(output_tokens).unwrap_or_default(),
        output_bound: OutputBound::read(row.try_get(18)?),
        hold_tokens: u64::try_from(hold_tokens).unwrap_or_default(),
        hold_cost_nano_usd: row.try_get(5)?,
        expires_at: row.try_get(6)?,
        on_disconnect: OnDisconnect::read(row.try_get(22)?),
        standing: LimitStanding::from_row(row, 7)?,
    }))
}
