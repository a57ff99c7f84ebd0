//! The verbs as SQL users call them, one struct per argument list.

use serde::Deserialize;
use sqlx::postgres::PgPool;
use sqlx::types::Json;
use sqlx::{Executor, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cast::Caller;

/// A call that asks to be let through.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its id.
    pub request_id: Uuid,
    /// Who calls.
    pub caller: Caller,
    /// The model asked for.
    pub model: String,
    /// Upper bound of the input, tokens.
    pub input_tokens: i64,
    /// Output wanted per choice, tokens; `None` is the model's most.
    pub output_tokens: Option<i64>,
    /// Answers wanted.
    pub choices: i32,
    /// The client's key, if it sent one.
    pub idempotency_key: Option<String>,
    /// Hash of the body.
    pub body_hash: Vec<u8>,
}

impl Call {
    /// A call of the model that tests use unless they say otherwise.
    pub fn new(caller: Caller, input_tokens: i64, output_tokens: i64) -> Self {
        Self {
            request_id: Uuid::now_v7(),
            caller,
            model: "gpt-5.4-mini".to_owned(),
            input_tokens,
            output_tokens: Some(output_tokens),
            choices: 1,
            idempotency_key: None,
            body_hash: vec![1; 32],
        }
    }

    /// The same call of another model.
    #[must_use]
    pub fn of(self, model: &str) -> Self {
        Self { model: model.to_owned(), ..self }
    }

    /// The same call, asking for several answers.
    #[must_use]
    pub fn choices(self, choices: i32) -> Self {
        Self { choices, ..self }
    }

    /// The same call under an idempotency key.
    #[must_use]
    pub fn keyed(self, key: &str, body: u8) -> Self {
        Self { idempotency_key: Some(key.to_owned()), body_hash: vec![body; 32], ..self }
    }
}

/// What a call was told.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[allow(missing_docs, reason = "the columns of octroi_private.reserve_many, documented there")]
pub struct Verdict {
    pub request_id: Uuid,
    pub verdict: String,
    pub reason: Option<String>,
    pub output_tokens: Option<i64>,
    pub hold_tokens: Option<i64>,
    pub hold_cost_nano_usd: Option<i64>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    pub scope: Option<String>,
    pub meter: Option<String>,
    pub period: Option<String>,
    pub granted: Option<i64>,
    pub used: Option<i64>,
    pub reserved: Option<i64>,
    pub remaining: Option<i64>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub period_start: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
    pub retry_after_seconds: Option<i64>,
    pub plan: Option<String>,
    pub output_bound: Option<String>,
    pub needed: Option<i64>,
    pub wait_seconds: Option<i32>,
    pub ticket: Option<i64>,
}

impl Verdict {
    /// Whether the call may go ahead.
    pub fn is_granted(&self) -> bool {
        self.verdict == "granted"
    }

    /// Why not, or the state of the call it repeats.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }

    /// The limit named: scope, meter, period.
    pub fn limit(&self) -> (&str, &str, &str) {
        (
            self.scope.as_deref().unwrap_or_default(),
            self.meter.as_deref().unwrap_or_default(),
            self.period.as_deref().unwrap_or_default(),
        )
    }
}

/// What a call used.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the arguments of octroi_private.settle_many, documented there")]
pub struct Usage {
    pub request_id: Uuid,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub cache_write_tokens: i64,
    pub cache_write_12h_tokens: i64,
    pub audio_input_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    pub audio_output_tokens: i64,
    pub response_model: Option<String>,
    pub source: String,
    pub response_body: Option<Vec<u8>>,
}

impl Usage {
    /// What the provider counted.
    pub fn new(request_id: Uuid, input_tokens: i64, output_tokens: i64) -> Self {
        Self {
            request_id,
            input_tokens,
            cached_input_tokens: 0,
            cache_write_tokens: 0,
            cache_write_12h_tokens: 0,
            audio_input_tokens: 0,
            output_tokens,
            reasoning_tokens: 0,
            audio_output_tokens: 0,
            response_model: None,
            source: "provider".to_owned(),
            response_body: None,
        }
    }

    /// No usage came with the answer: the hold stands in for it.
    pub fn unknown(request_id: Uuid) -> Self {
        Self { source: "hold".to_owned(), ..Self::new(request_id, 0, 0) }
    }
}

/// What became of a settle.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[allow(missing_docs, reason = "the columns of octroi_private.settle_many, documented there")]
pub struct Outcome {
    pub request_id: Uuid,
    pub outcome: String,
    pub total_tokens: Option<i64>,
    pub cost_nano_usd: Option<i64>,
    pub overrun_tokens: Option<i64>,
    pub remaining: Option<i64>,
}

const RESERVE_MANY: &str = "select to_jsonb(v)
    from octroi_private.reserve_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) as v";
const SETTLE_MANY: &str = "select to_jsonb(o) from octroi_private.settle_many(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) as o";
/// Long enough that no hold expires unless the test moves the clock.
const LEASE_SECONDS: i32 = 660;

/// Reserves calls in one statement.
pub async fn try_reserve_many(
    db: impl Executor<'_, Database = Postgres>,
    calls: &[Call],
) -> Result<Vec<Verdict>, sqlx::Error> {
    fn each<T>(calls: &[Call], field: impl Fn(&Call) -> T) -> Vec<T> {
        calls.iter().map(field).collect()
    }
    let verdicts: Vec<Json<Verdict>> = sqlx::query_scalar(RESERVE_MANY)
        .bind(each(calls, |c| c.request_id))
        .bind(each(calls, |c| c.caller.account_id))
        .bind(each(calls, |c| c.caller.api_key_id))
        .bind(each(calls, |c| c.caller.user_id))
        .bind(each(calls, |c| c.model.clone()))
        .bind(each(calls, |_| "chat.completions".to_owned()))
        .bind(each(calls, |c| c.input_tokens))
        .bind(each(calls, |c| c.output_tokens))
        .bind(each(calls, |c| c.choices))
        .bind(each(calls, |c| c.idempotency_key.clone()))
        .bind(each(calls, |c| c.body_hash.clone()))
        .bind(LEASE_SECONDS)
        .fetch_all(db)
        .await?;
    Ok(verdicts.into_iter().map(|Json(verdict)| verdict).collect())
}

/// Settles calls in one statement.
pub async fn try_settle_many(
    db: impl Executor<'_, Database = Postgres>,
    usages: &[Usage],
) -> Result<Vec<Outcome>, sqlx::Error> {
    fn each<T>(usages: &[Usage], field: impl Fn(&Usage) -> T) -> Vec<T> {
        usages.iter().map(field).collect()
    }
    let no_texts: Vec<Option<String>> = usages.iter().map(|_| None).collect();
    let no_numbers: Vec<Option<i32>> = usages.iter().map(|_| None).collect();
    let no_json: Vec<Option<serde_json::Value>> = usages.iter().map(|_| None).collect();
    let statuses = each(usages, |u| u.response_body.is_some().then_some(200_i16));
    let outcomes: Vec<Json<Outcome>> = sqlx::query_scalar(SETTLE_MANY)
        .bind(each(usages, |u| u.request_id))
        .bind(each(usages, |u| u.input_tokens))
        .bind(each(usages, |u| u.cached_input_tokens))
        .bind(each(usages, |u| u.cache_write_tokens))
        .bind(each(usages, |u| u.audio_input_tokens))
        .bind(each(usages, |u| u.output_tokens))
        .bind(each(usages, |u| u.reasoning_tokens))
        .bind(each(usages, |u| u.audio_output_tokens))
        .bind(each(usages, |u| u.response_model.clone()))
        .bind(&no_texts)
        .bind(each(usages, |u| u.source.clone()))
        .bind(no_json)
        .bind(&no_numbers)
        .bind(&no_numbers)
        .bind(&no_texts)
        .bind(statuses)
        .bind(&no_texts)
        .bind(each(usages, |u| u.response_body.clone()))
        .bind(each(usages, |u| u.cache_write_12h_tokens))
        .fetch_all(db)
        .await?;
    Ok(outcomes.into_iter().map(|Json(outcome)| outcome).collect())
}

/// Reserves one call.
pub async fn reserve(pool: &PgPool, call: &Call) -> Verdict {
    try_reserve_many(pool, std::slice::from_ref(call)).await.unwrap().remove(0)
}

/// Settles one call.
pub async fn settle(pool: &PgPool, usage: &Usage) -> Outcome {
    try_settle_many(pool, std::slice::from_ref(usage)).await.unwrap().remove(0)
}

/// Releases one call.
pub async fn release(pool: &PgPool, request_id: Uuid) -> String {
    sqlx::query_scalar("select octroi_private.release($1, 'test')")
        .bind(request_id)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Expires what is due; how many.
pub async fn expire_due(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select octroi_private.expire_due(1000)").fetch_one(pool).await.unwrap()
}
