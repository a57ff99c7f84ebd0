//! What the ledger says, read as an operator would read it.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cast::{Caller, act_as};
use crate::deadline::eventually;
use crate::stage::Stage;

/// One limit in one period.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[allow(missing_docs, reason = "the columns of octroi_private.balance, documented there")]
pub struct Balance {
    pub scope: String,
    pub subject: String,
    pub meter: String,
    pub period: String,
    #[serde(with = "time::serde::rfc3339")]
    pub period_start: OffsetDateTime,
    pub granted: i64,
    pub used: i64,
    pub reserved: i64,
}

/// One settled call.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[allow(missing_docs, reason = "the columns of octroi_private.usage_event, documented there")]
pub struct UsageEvent {
    pub id: Uuid,
    pub endpoint: String,
    pub model: String,
    pub response_model: Option<String>,
    pub source: String,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub cache_write_tokens: i64,
    pub cache_write_12h_tokens: i64,
    pub audio_input_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    pub audio_output_tokens: i64,
    pub total_tokens: i64,
    pub cost_nano_usd: i64,
    pub overrun_tokens: i64,
    pub overrun_cost_nano_usd: i64,
    pub overrun_requests: i16,
    pub upstream_request_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
}

impl Stage {
    /// The balances of an account, oldest period first.
    pub async fn balances(&self, caller: Caller) -> Vec<Balance> {
        let rows: Vec<Json<Balance>> = sqlx::query_scalar(
            "select to_jsonb(b) || jsonb_build_object('granted', granted + overage)
             from octroi_private.balance as b where account_id = $1
             order by period_start, scope, subject, meter, period",
        )
        .bind(caller.account_id)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().map(|Json(balance)| balance).collect()
    }

    /// The account's newest balance of one meter and period.
    pub async fn balance(&self, caller: Caller, meter: &str, period: &str) -> Balance {
        let balances = self.balances(caller).await;
        let wanted = |b: &&Balance| b.scope == "account" && b.meter == meter && b.period == period;
        balances.iter().rfind(wanted).expect("the account has such a balance").clone()
    }

    /// Every settled call, oldest first.
    pub async fn usage_events(&self) -> Vec<UsageEvent> {
        let rows: Vec<Json<UsageEvent>> = sqlx::query_scalar(
            "select to_jsonb(e) from octroi_private.usage_event as e order by occurred_at, id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().map(|Json(event)| event).collect()
    }

    /// The settled call of this id.
    pub async fn usage_event(&self, request_id: Uuid) -> UsageEvent {
        let events = self.usage_events().await;
        events.into_iter().find(|event| event.id == request_id).expect("the call was settled")
    }

    /// How many requests are in each state: open, settled, released, expired.
    pub async fn requests(&self) -> RequestCounts {
        let Json(counts) = sqlx::query_scalar(
            "select jsonb_build_object(
               'open', count(*) filter (where state = 'open'), 'settled', count(*) filter (where state = 'settled'),
               'released', count(*) filter (where state = 'released'),
               'expired', count(*) filter (where state = 'expired'))
             from octroi_private.request",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        counts
    }

    /// What one user sees of their limits.
    pub async fn my_quota(&self, caller: Caller) -> Vec<Balance> {
        let mut transaction = self.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let rows: Vec<Json<Balance>> = sqlx::query_scalar("select to_jsonb(q) from octroi.my_quota() as q")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        rows.into_iter().map(|Json(balance)| balance).collect()
    }
}

/// Requests by state.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the states")]
pub struct RequestCounts {
    pub open: i64,
    pub settled: i64,
    pub released: i64,
    pub expired: i64,
}

/// One line of a bill: input, cached, written to the cache, of these for twelve hours, audio in, output, reasoning, audio
/// out.
pub type Pools = [i64; 8];

/// The provider's bill, by our request's id; what it refused is not on it.
pub fn provider_bill(sim: &octroi_sim::openai::Handle) -> BTreeMap<Uuid, Pools> {
    let charged = |entry: &octroi_sim::openai::LedgerEntry| {
        let c = entry.charged;
        [
            c.input_tokens,
            c.cached_input_tokens,
            c.cache_write_tokens,
            c.cache_write_12h_tokens,
            c.audio_input_tokens,
            c.output_tokens,
            c.reasoning_tokens,
            c.audio_output_tokens,
        ]
        .map(|tokens| tokens as i64)
    };
    let id =
        |text: &Option<String>| text.as_deref().expect("our id goes upstream").parse().expect("as a UUID");
    let bill = sim.ledger().into_iter().filter(|entry| entry.state != octroi_sim::openai::State::Refused);
    bill.map(|entry| (id(&entry.client_request_id), charged(&entry))).collect()
}

impl Stage {
    /// Our own bill, by request.
    pub async fn our_bill(&self) -> BTreeMap<Uuid, Pools> {
        let pools = |event: &UsageEvent| {
            [
                event.input_tokens,
                event.cached_input_tokens,
                event.cache_write_tokens,
                event.cache_write_12h_tokens,
                event.audio_input_tokens,
                event.output_tokens,
                event.reasoning_tokens,
                event.audio_output_tokens,
            ]
        };
        self.usage_events().await.iter().map(|event| (event.id, pools(event))).collect()
    }

    /// Waits until no call is open any more, so that the bills are final.
    pub async fn assert_billed_as_by(&self, sim: &octroi_sim::openai::Handle) {
        self.when_quiet().await;
        assert_eq!(
            self.our_bill().await,
            provider_bill(sim),
            "to the token: ours on the left, the provider's on the right"
        );
    }

    /// Waits until every request has ended.
    pub async fn when_quiet(&self) {
        eventually("every request has ended", async || (self.requests().await.open == 0).then_some(())).await;
    }
}
