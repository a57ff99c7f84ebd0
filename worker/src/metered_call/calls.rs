//! The flow of a call from its preparation to its answer.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call_metrics::CallMetrics;
use super::exchange::exchange;
use super::model_cache::ModelCache;
use super::open_call::{CallBounds, OpenCall};
use super::patience::Patience;
use super::preparation::{PreparedCall, prepare};
use super::pump::stream;
use super::refused_at_limit::RefusedAtLimit;
use super::reservation::{Decision, Reservations, Waits};
use super::unpriced_models::UnpricedModels;
use super::waiting::WaitingCalls;
use super::{Answer, CallError, Completed, NewCall, OutputLimit};
use crate::database::{
    Database, Hold, LimitStanding, OnDisconnect, RefusalReason, RefusedCall, Replay, ReplayState,
};
use crate::meter::Meter;
use crate::openai::{Endpoint, IdentityKey, Upstream};

/// Largest response kept for an `Idempotency-Key`, bytes; a larger one cannot be replayed.
const MAX_REPLAY_BYTES: usize = 1024 * 1024;
/// Largest response of a queued completion, bytes; it waits in the database for its owner.
const MAX_COMPLETION_BYTES: usize = 8 * 1024 * 1024;
/// Time for the last settlements after running calls were told to stop, seconds.
const LAST_SETTLES_SECONDS: u64 = 10;

/// Makes metered calls. Cloning shares everything.
#[derive(Clone)]
pub struct MeteredCalls {
    shared: Arc<Shared>,
}

struct Shared {
    reservations: Arc<Reservations>,
    upstream: Upstream,
    identity: IdentityKey,
    models: ModelCache,
    refused_at_limit: RefusedAtLimit,
    unpriced_models: UnpricedModels,
    patience: Patience,
    stop: CancellationToken,
}

/// What goes upstream under a hold, and what to do with what comes back.
pub(super) struct Sending {
    pub endpoint: Endpoint,
    pub body: Bytes,
    pub client_wants_usage: bool,
    pub keep_bytes: Option<usize>,
    pub on_disconnect: OnDisconnect,
    pub standing: Option<LimitStanding>,
    pub output_limit: OutputLimit,
}

/// What the reservation led to.
enum Verdict {
    Send { open: OpenCall, sending: Sending, stream: bool },
    Replay(Answer),
}

impl MeteredCalls {
    /// Calls metered by `meter` and sent to `upstream`.
    pub fn new(database: Database, meter: Meter, upstream: Upstream, identity: IdentityKey) -> Self {
        let stop = CancellationToken::new();
        let reservations = Arc::new(Reservations {
            database: database.clone(),
            meter,
            tracker: TaskTracker::new(),
            waiting: WaitingCalls::default(),
            closing: CancellationToken::new(),
        });
        // Until nobody waits any more; the tracker is for calls, which a shutdown waits for.
        tokio::spawn({
            let (reservations, closing) = (Arc::clone(&reservations), reservations.closing.clone());
            async move {
                closing.run_until_cancelled(reservations.waiting.renew_tickets(&reservations.database)).await
            }
        });
        let shared = Shared {
            models: ModelCache::new(database.clone()),
            refused_at_limit: RefusedAtLimit::new(database.clone()),
            unpriced_models: UnpricedModels::new(database),
            patience: Patience::new(stop.clone()),
            reservations,
            upstream,
            identity,
            stop,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes a call for a client who waits. Dropping the future, or the pieces of a streamed answer, means the client
    /// has left; the call itself goes on and is settled.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn start(&self, call: NewCall) -> Result<Answer, CallError> {
        let keep_bytes = call.idempotency.is_some().then_some(MAX_REPLAY_BYTES);
        let prepared = self.shared.prepare(call, keep_bytes).await?;
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        self.shared.reservations.tracker.spawn(async move { shared.answer(prepared, answer).await });
        answered.await.unwrap_or(Err(CallError::Interrupted))
    }

    /// Makes a queued completion's call; its response is kept by the settlement under the request's id.
    ///
    /// Called again with the same id it never sends twice: it finds the earlier call's outcome.
    ///
    /// # Errors
    /// Any [`CallError`]; [`CallError::Repeats`] when an earlier attempt is open, expired or was not kept.
    pub async fn run_to_completion(&self, mut call: NewCall) -> Result<Completed, CallError> {
        call.request.stream = false;
        let mut prepared = self.shared.prepare(call, Some(MAX_COMPLETION_BYTES)).await?;
        prepared.reserve.id_is_fresh = false;
        let shared = Arc::clone(&self.shared);
        let task = self.shared.reservations.tracker.spawn(async move { shared.complete(prepared).await });
        task.await.unwrap_or(Err(CallError::Interrupted))
    }

    /// Calls under way, drained ones included.
    pub fn under_way(&self) -> usize {
        self.shared.reservations.tracker.len()
    }

    /// Waits for the calls under way; those that outlast `patience` are cut off and settled as far as they came.
    pub async fn drain(&self, patience: Duration) {
        // Who waits for room would only wait longer; another worker has a place for them.
        self.shared.reservations.closing.cancel();
        self.shared.reservations.tracker.close();
        if tokio::time::timeout(patience, self.shared.reservations.tracker.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(calls = self.under_way(), "calls are cut off by the shutdown");
        self.shared.stop.cancel();
        let last_settles = Duration::from_secs(LAST_SETTLES_SECONDS);
        if tokio::time::timeout(last_settles, self.shared.reservations.tracker.wait()).await.is_err() {
            tracing::error!(calls = self.under_way(), "calls were left unsettled; their holds will lapse");
        }
    }
}

impl Shared {
    async fn prepare(&self, call: NewCall, keep_bytes: Option<usize>) -> Result<PreparedCall, CallError> {
        let prepared = prepare(&self.models, call, keep_bytes).await;
        if let Err(CallError::ModelNotPriced { model }) = &prepared {
            self.unpriced_models.count(model, &self.reservations.tracker);
        }
        prepared
    }

    async fn answer(&self, prepared: PreparedCall, mut answer: oneshot::Sender<Result<Answer, CallError>>) {
        match self.reserve(prepared, Waits::ForRoom, answer.closed()).await {
            Ok(Verdict::Send { open, .. }) if answer.is_closed() => open.release("client_left").await,
            Ok(Verdict::Send { open, sending, stream: true }) => {
                stream(&self.upstream, &self.patience, open, sending, answer).await;
            }
            Ok(Verdict::Send { open, sending, stream: false }) => {
                let result = exchange(&self.upstream, &self.patience, open, sending, answer.closed()).await;
                let _ = answer.send(result.map(Answer::Whole));
            }
            Ok(Verdict::Replay(replay)) => {
                let _ = answer.send(Ok(replay));
            }
            Err(error) => {
                let _ = answer.send(Err(error));
            }
        }
    }

    async fn complete(&self, prepared: PreparedCall) -> Result<Completed, CallError> {
        // Its job is put off instead: places for jobs are few, and Stripe's and mails are among those who want one.
        match self.reserve(prepared, Waits::Not, pending()).await? {
            Verdict::Send { open, sending, .. } => {
                let answer = exchange(&self.upstream, &self.patience, open, sending, pending()).await?;
                Ok(Completed::Now(answer.settlement))
            }
            Verdict::Replay(_) => Ok(Completed::Before),
        }
    }

    async fn reserve(
        &self,
        prepared: PreparedCall,
        waits: Waits,
        client_left: impl Future<Output = ()>,
    ) -> Result<Verdict, CallError> {
        let PreparedCall { caller, request, model, input, reserve, keep_bytes } = prepared;
        let wanted_output_tokens = reserve.output_tokens;
        match self.reservations.reserve(reserve, waits, client_left).await? {
            Decision::Granted(hold) => {
                let Hold { request_id, output_tokens, output_bound, on_disconnect, standing, .. } = hold;
                let bounds = CallBounds {
                    input,
                    output_tokens: output_tokens.saturating_mul(u64::from(request.choices)),
                    encoding: model.encoding,
                };
                let reservations = Arc::clone(&self.reservations);
                let metrics = CallMetrics::start(&request.model);
                let open = OpenCall::new(
                    reservations,
                    request_id,
                    caller.account_id,
                    bounds,
                    Instant::now(),
                    metrics,
                );
                let cache_key = request.client_cache_key.as_deref();
                let identity = self.identity.for_caller(caller.account_id, caller.user_id, cache_key);
                let sending = Sending {
                    endpoint: request.endpoint,
                    body: request.upstream_body(output_tokens, &identity),
                    client_wants_usage: request.client_wants_usage,
                    keep_bytes,
                    on_disconnect,
                    standing,
                    output_limit: OutputLimit { tokens: output_tokens, bound: output_bound },
                };
                Ok(Verdict::Send { open, sending, stream: request.stream })
            }
            Decision::Refused(refusal) => {
                // its price ended after it was looked up
                if refusal.reason == RefusalReason::ModelNotPriced {
                    self.unpriced_models.count(&request.model, &self.reservations.tracker);
                }
                let call = RefusedCall {
                    account_id: caller.account_id,
                    user_id: caller.user_id,
                    model: request.model.clone(),
                    input_tokens: input.most,
                    output_tokens: wanted_output_tokens,
                    choices: request.choices,
                    reasoning: request.reasoning,
                };
                self.refused_at_limit.tell(&refusal, call, &self.reservations.tracker).await;
                Err(CallError::Refused {
                    refusal: Box::new(refusal),
                    model: request.model,
                    input_tokens: input.most,
                    max_input_tokens: model.max_input_tokens,
                })
            }
            Decision::Replayed(replay) => self.replay(replay).await.map(Verdict::Replay),
        }
    }

    async fn replay(&self, Replay { request_id, state }: Replay) -> Result<Answer, CallError> {
        if state != ReplayState::Settled {
            return Err(CallError::Repeats { state });
        }
        let stored = self.reservations.database.stored_response(request_id).await.map_err(|error| {
            tracing::warn!(%error, "reading a kept response failed");
            CallError::DatabaseUnavailable
        })?;
        stored.map(|response| Answer::Replay { request_id, response }).ok_or(CallError::Repeats { state })
    }
}
