//! `settle_many` and what it keeps: the usage a call really had, and its answer when it must be readable later.

use bytes::Bytes;
use sqlx::postgres::{PgBindIterExt, PgRow};
use sqlx::types::Json;
use sqlx::{Executor, Row};
use uuid::Uuid;

use super::session::to_bigint;
use super::{DatabaseError, Session};

const SETTLE_MANY: &str = "\
select request_id, outcome, total_tokens, cost_nano_usd, overrun_tokens, remaining
  from octroi_private.settle_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

/// The end of one granted call.
#[derive(Debug, Clone)]
pub struct SettleItem {
    /// The reserved request.
    pub request_id: Uuid,
    /// Who pays. SQL knows by itself; here it keeps apart what waits for one account's rows.
    pub account_id: Uuid,
    /// Token counts as reported or estimated.
    pub usage: SettledUsage,
    /// Where the counts come from.
    pub source: SettleSource,
    /// The model that answered, which prices the call; none falls back to the one reserved.
    pub response_model: Option<String>,
    /// The service tier that answered.
    pub service_tier: Option<String>,
    /// The provider's usage object as it came, kept as evidence.
    pub raw_usage: Option<serde_json::Value>,
    /// From reserve to the last byte, in milliseconds.
    pub latency_ms: Option<u32>,
    /// From reserve to the first byte, in milliseconds.
    pub first_token_ms: Option<u32>,
    /// The provider's `x-request-id`.
    pub upstream_request_id: Option<String>,
    /// The answer, when it must be kept for a replay or for its owner to read.
    pub stored: Option<StoredResponse>,
}

/// Token counts of a call. The cached, cache-write and audio inputs are parts of `input_tokens`; reasoning and audio
/// outputs are parts of `output_tokens`. SQL makes the parts disjoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettledUsage {
    /// All input tokens.
    pub input_tokens: u64,
    /// Input tokens read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's cache.
    pub cache_write_tokens: u64,
    /// Of these, tokens kept there for twelve hours.
    pub cache_write_12h_tokens: u64,
    /// Input tokens of audio.
    pub audio_input_tokens: u64,
    /// All output tokens.
    pub output_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// Output tokens of audio.
    pub audio_output_tokens: u64,
}

/// Where token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleSource {
    /// The provider's own usage object.
    Provider,
    /// Counted from what was relayed, because the answer broke off.
    Estimated,
    /// Unknown; the whole hold is charged and the event is flagged.
    Hold,
}

/// An answer kept in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// The body as the client gets it.
    pub body: Bytes,
}

/// What settling did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The settled request.
    pub request_id: Uuid,
    /// What became of it.
    pub outcome: SettleOutcome,
    /// Tokens charged.
    pub total_tokens: i64,
    /// Nano-USD charged.
    pub cost_nano_usd: i64,
    /// Tokens used beyond the hold; always 0 unless the provider broke its own limit.
    pub overrun_tokens: i64,
    /// What is left of the strictest limit, in its unit.
    pub remaining: Option<i64>,
}

/// What became of a settled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleOutcome {
    /// Charged now.
    Settled,
    /// Recorded after its hold had lapsed.
    SettledLate,
    /// Had been settled with the same usage; nothing changed.
    Replayed,
    /// Had been settled with another usage or released; nothing changed.
    Conflict,
    /// No such request.
    Unknown,
}

impl AsRef<SettleItem> for SettleItem {
    fn as_ref(&self) -> &SettleItem {
        self
    }
}

impl SettleSource {
    /// The word used in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::Hold => "hold",
        }
    }
}

impl Session {
    /// Settles a batch in one statement and one commit; settlements come in the order of `items`. Calling it again
    /// with the same arguments changes nothing.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; the batch then stands or falls as a whole.
    pub async fn settle_many<T: AsRef<SettleItem>>(
        &mut self,
        items: &[T],
    ) -> Result<Vec<Settlement>, DatabaseError> {
        let each = || items.iter().map(AsRef::as_ref);
        let stored = || each().map(|item| item.stored.as_ref());
        let query = sqlx::query(SETTLE_MANY)
            .bind(each().map(|item| item.request_id).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.input_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.cached_input_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.cache_write_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.audio_input_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.output_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.reasoning_tokens)).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.audio_output_tokens)).bind_iter())
            .bind(each().map(|item| item.response_model.as_deref()).bind_iter())
            .bind(each().map(|item| item.service_tier.as_deref()).bind_iter())
            .bind(each().map(|item| item.source.as_str()).bind_iter())
            .bind(each().map(|item| item.raw_usage.as_ref().map(Json)).bind_iter())
            .bind(each().map(|item| item.latency_ms.map(to_integer)).bind_iter())
            .bind(each().map(|item| item.first_token_ms.map(to_integer)).bind_iter())
            .bind(each().map(|item| item.upstream_request_id.as_deref()).bind_iter())
            .bind(stored().map(|stored| stored.map(|kept| to_smallint(kept.status))).bind_iter())
            .bind(stored().map(|stored| stored.map(|kept| kept.content_type.as_str())).bind_iter())
            .bind(stored().map(|stored| stored.map(|kept| kept.body.as_ref())).bind_iter())
            .bind(each().map(|item| to_bigint(item.usage.cache_write_12h_tokens)).bind_iter());
        let rows = self.run(async |connection| connection.fetch_all(query).await).await?;
        Self::expect_rows(&rows, items.len())?;
        rows.iter().map(settlement).collect()
    }
}

fn settlement(row: &PgRow) -> Result<Settlement, DatabaseError> {
    let outcome = match row.try_get::<&str, _>(1)? {
        "settled" => SettleOutcome::Settled,
        "settled_late" => SettleOutcome::SettledLate,
        "replayed" => SettleOutcome::Replayed,
        "conflict" => SettleOutcome::Conflict,
        "unknown" => SettleOutcome::Unknown,
        other => return Err(DatabaseError::Unreadable(format!("settle outcome {other}"))),
    };
    Ok(Settlement {
        request_id: row.try_get(0)?,
        outcome,
        total_tokens: row.try_get::<Option<i64>, _>(2)?.unwrap_or_default(),
        cost_nano_usd: row.try_get::<Option<i64>, _>(3)?.unwrap_or_default(),
        overrun_tokens: row.try_get::<Option<i64>, _>(4)?.unwrap_or_default(),
        remaining: row.try_get(5)?,
    })
}

fn to_integer(milliseconds: u32) -> i32 {
    i32::try_from(milliseconds).unwrap_or(i32::MAX)
}

fn to_smallint(status: u16) -> i16 {
    i16::try_from(status).unwrap_or(i16::MAX)
}
