//! `reserve_many`: may these calls go ahead, and with how many output tokens.

use sqlx::postgres::{PgBindIterExt, PgRow};
use sqlx::{Executor, Row};
use uuid::Uuid;

use super::session::to_bigint;
use super::{
    DatabaseError, HeldBack, Hold, LimitStanding, OnDisconnect, OutputBound, Refusal, RefusalReason, Replay,
    ReplayState, ReserveVerdict, Session,
};

const RESERVE_MANY: &str = "\
select request_id, verdict, reason, output_tokens, hold_tokens, hold_cost_nano_usd, expires_at,
       scope, meter, period, granted, used, reserved, remaining, period_start, resets_at, retry_after_seconds, plan,
       output_bound, needed, wait_seconds, ticket, on_disconnect, set_by
  from octroi_private.reserve_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, true, $13)";

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
    /// Whether the model is to reason; none leaves it to the model.
    pub reasoning: Option<bool>,
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
            .bind(lease_seconds)
            .bind(each().map(|item| item.reasoning).bind_iter());
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
                wait_seconds: row
                    .try_get::<Option<i32>, _>(20)?
                    .unwrap_or_default()
                    .max(0)
                    .unsigned_abs()
                    .into(),
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
