//! A call with a hold: it can be settled or released, once, and is never forgotten.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::CallError;
use super::charge::{Charge, ChargeSource};
use super::reservation::Reservations;
use crate::database::{SettleItem, SettleOutcome, Settlement, StoredResponse};
use crate::openai::{Encoding, InputTokens};
use crate::telemetry;

/// What a call can cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallBounds {
    /// The input: held at the most, charged at what is likely where nobody counted.
    pub input: InputTokens,
    /// All choices at their clamp, tokens.
    pub output_tokens: u64,
    /// For estimates.
    pub encoding: Encoding,
}

/// A hold and what has been observed under it. Dropped unresolved (a panic), it settles itself at the hold.
pub(super) struct OpenCall {
    reservations: Arc<Reservations>,
    request_id: Uuid,
    account_id: Uuid,
    bounds: CallBounds,
    started_at: Instant,
    first_token_ms: Option<u32>,
    upstream_request_id: Option<String>,
    resolved: bool,
}

impl OpenCall {
    /// Takes charge of a hold that was just granted.
    pub fn new(
        reservations: Arc<Reservations>,
        request_id: Uuid,
        account_id: Uuid,
        bounds: CallBounds,
        started_at: Instant,
    ) -> Self {
        Self {
            reservations,
            request_id,
            account_id,
            bounds,
            started_at,
            first_token_ms: None,
            upstream_request_id: None,
            resolved: false,
        }
    }

    /// The request, as in the ledger.
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// What it can cost at most.
    pub fn bounds(&self) -> &CallBounds {
        &self.bounds
    }

    /// The provider's id of this call.
    pub fn saw_reply(&mut self, upstream_request_id: Option<String>) {
        self.upstream_request_id = upstream_request_id;
    }

    /// Output has begun; only the first time counts.
    pub fn saw_output(&mut self) {
        if self.first_token_ms.is_none() {
            self.first_token_ms = Some(milliseconds_since(self.started_at));
        }
    }

    /// Whether output has begun.
    pub fn has_output(&self) -> bool {
        self.first_token_ms.is_some()
    }

    /// Records what the call cost; returns once that is durable.
    ///
    /// # Errors
    /// [`CallError::NotSettled`]: the hold will lapse, the operator bears the cost, and the log names the request.
    pub async fn settle(
        mut self,
        charge: Charge,
        stored: Option<StoredResponse>,
    ) -> Result<Settlement, CallError> {
        let item = self.settle_item(charge, stored);
        self.resolved = true;
        let request_id = self.request_id;
        let settled = self.reservations.meter.settle(item).await;
        self.free_room();
        match settled {
            Ok(settlement) => {
                report(request_id, &settlement);
                Ok(settlement)
            }
            Err(error) => {
                metrics::counter!(telemetry::SETTLE_FAILURES).increment(1);
                tracing::error!(%error, request.id = %request_id, "request {request_id} was not settled; its hold will lapse");
                Err(CallError::NotSettled)
            }
        }
    }

    /// Gives the hold back: nothing was spent.
    pub async fn release(mut self, reason: &'static str) {
        self.resolved = true;
        let request_id = self.request_id;
        let released = self.reservations.meter.release(request_id, reason).await;
        self.free_room();
        if let Err(error) = released {
            tracing::error!(%error, request.id = %request_id, "request {request_id} was not released; its hold will lapse");
        }
    }

    /// Lets those ask again who wait for what this call held.
    fn free_room(&self) {
        self.reservations.waiting.room_freed(self.account_id, self.started_at.elapsed());
    }

    fn settle_item(&mut self, charge: Charge, stored: Option<StoredResponse>) -> SettleItem {
        if charge.source == ChargeSource::Hold {
            metrics::counter!(telemetry::SETTLED_AT_HOLD).increment(1);
            tracing::warn!(request.id = %self.request_id, "request {} is settled at its hold: usage unknown", self.request_id);
        }
        if charge.source == ChargeSource::Estimated {
            let held = self.bounds.input.most.saturating_add(self.bounds.output_tokens);
            let charged = charge.usage.input_tokens.saturating_add(charge.usage.output_tokens);
            metrics::counter!(telemetry::UNCONFIRMED_TOKENS).increment(held.saturating_sub(charged));
        }
        SettleItem {
            request_id: self.request_id,
            account_id: self.account_id,
            usage: charge.usage,
            source: charge.source.into(),
            response_model: charge.model,
            service_tier: charge.service_tier,
            raw_usage: charge.raw,
            latency_ms: Some(milliseconds_since(self.started_at)),
            first_token_ms: self.first_token_ms,
            upstream_request_id: self.upstream_request_id.take(),
            stored,
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.resolved {
            return;
        }
        let (request_id, meter) = (self.request_id, self.reservations.meter.clone());
        tracing::error!(request.id = %request_id, "request {request_id} was abandoned by a defect");
        let item = self.settle_item(Charge::hold(&self.bounds), None);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.reservations.tracker.spawn_on(
                async move {
                    if let Err(error) = meter.settle(item).await {
                        tracing::error!(%error, request.id = %request_id, "request {request_id} was not settled");
                    }
                },
                &runtime,
            );
        }
    }
}

fn report(request_id: Uuid, settlement: &Settlement) {
    match settlement.outcome {
        SettleOutcome::Settled | SettleOutcome::Replayed => {}
        SettleOutcome::SettledLate => {
            tracing::warn!(request.id = %request_id, "request {request_id} was settled after its hold had lapsed");
        }
        SettleOutcome::Conflict | SettleOutcome::Unknown => {
            tracing::error!(request.id = %request_id, outcome = ?settlement.outcome, "request {request_id} could not be settled");
        }
    }
    if settlement.overrun_tokens > 0 {
        metrics::counter!(telemetry::OVERRUN_TOKENS).increment(settlement.overrun_tokens.unsigned_abs());
        tracing::error!(
            request.id = %request_id,
            overrun_tokens = settlement.overrun_tokens,
            "the provider used more for request {request_id} than was held"
        );
    }
}

fn milliseconds_since(started_at: Instant) -> u32 {
    u32::try_from(started_at.elapsed().as_millis()).unwrap_or(u32::MAX)
}
