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
use super::{Answer, CallError, Completed, NewCall};
use crate::database::{Database, Hold, LimitStanding, RefusedCall, Replay, ReplayState, ReserveVerdict};
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
    database: Database,
    meter: Meter,
    upstream: Upstream,
    identity: IdentityKey,
    models: ModelCache,
    refused_at_limit: RefusedAtLimit,
    patience: Patience,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// What goes upstream under a hold, and what to do with what comes back.
pub(super) struct Sending {
    pub endpoint: Endpoint,
    pub body: Bytes,
    pub client_wants_usage: bool,
    pub keep_bytes: Option<usize>,
    pub standing: Option<LimitStanding>,
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
        let shared = Shared {
            models: ModelCache::new(database.clone()),
            refused_at_limit: RefusedAtLimit::new(database.clone()),
            patience: Patience::new(stop.clone()),
            tracker: TaskTracker::new(),
            database,
            meter,
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
        let prepared = prepare(&self.shared.models, call, keep_bytes).await?;
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        self.shared.tracker.spawn(async move { shared.answer(prepared, answer).await });
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
        let mut prepared = prepare(&self.shared.models, call, Some(MAX_COMPLETION_BYTES)).await?;
        prepared.reserve.id_is_fresh = false;
        let shared = Arc::clone(&self.shared);
        let task = self.shared.tracker.spawn(async move { shared.complete(prepared).await });
        task.await.unwrap_or(Err(CallError::Interrupted))
    }

    /// Calls under way, drained ones included.
    pub fn under_way(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Waits for the calls under way; those that outlast `patience` are cut off and settled as far as they came.
    pub async fn drain(&self, patience: Duration) {
        self.shared.tracker.close();
        if tokio::time::timeout(patience, self.shared.tracker.wait()).await.is_ok() {
            return;
        }
        tracing::warn!(calls = self.under_way(), "calls are cut off by the shutdown");
        self.shared.stop.cancel();
        let last_settles = Duration::from_secs(LAST_SETTLES_SECONDS);
        if tokio::time::timeout(last_settles, self.shared.tracker.wait()).await.is_err() {
            tracing::error!(calls = self.under_way(), "calls were left unsettled; their holds will lapse");
        }
    }
}

impl Shared {
    async fn answer(&self, prepared: PreparedCall, mut answer: oneshot::Sender<Result<Answer, CallError>>) {
        match self.reserve(prepared).await {
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
        match self.reserve(prepared).await? {
            Verdict::Send { open, sending, .. } => {
                let answer = exchange(&self.upstream, &self.patience, open, sending, pending()).await?;
                Ok(Completed::Now(answer.settlement))
            }
            Verdict::Replay(_) => Ok(Completed::Before),
        }
    }

    async fn reserve(&self, prepared: PreparedCall) -> Result<Verdict, CallError> {
        let PreparedCall { caller, request, model, input_bound, reserve, keep_bytes } = prepared;
        let wanted_output_tokens = reserve.output_tokens;
        let started_at = Instant::now();
        match self.meter.reserve(reserve).await.map_err(CallError::NotMetered)? {
            ReserveVerdict::Granted(Hold { request_id, output_tokens, standing, .. }) => {
                let bounds = CallBounds {
                    input_tokens: input_bound,
                    output_tokens: output_tokens.saturating_mul(u64::from(request.choices)),
                    encoding: model.encoding,
                };
                let (meter, tracker) = (self.meter.clone(), self.tracker.clone());
                let metrics = CallMetrics::start(&request.model);
                let open =
                    OpenCall::new(meter, tracker, request_id, caller.account_id, bounds, started_at, metrics);
                let cache_key = request.client_cache_key.as_deref();
                let identity = self.identity.for_caller(caller.account_id, caller.user_id, cache_key);
                let sending = Sending {
                    endpoint: request.endpoint,
                    body: request.upstream_body(output_tokens, &identity),
                    client_wants_usage: request.client_wants_usage,
                    keep_bytes,
                    standing,
                };
                Ok(Verdict::Send { open, sending, stream: request.stream })
            }
            ReserveVerdict::Refused(refusal) => {
                let call = RefusedCall {
                    account_id: caller.account_id,
                    model: request.model.clone(),
                    input_tokens: input_bound,
                    output_tokens: wanted_output_tokens,
                    choices: request.choices,
                };
                self.refused_at_limit.tell(&refusal, call, &self.tracker).await;
                Err(CallError::Refused { refusal: Box::new(refusal), model: request.model })
            }
            ReserveVerdict::Replayed(replay) => self.replay(replay).await.map(Verdict::Replay),
        }
    }

    async fn replay(&self, Replay { request_id, state }: Replay) -> Result<Answer, CallError> {
        if state != ReplayState::Settled {
            return Err(CallError::Repeats { state });
        }
        let stored = self.database.stored_response(request_id).await.map_err(|error| {
            tracing::warn!(%error, "reading a kept response failed");
            CallError::DatabaseUnavailable
        })?;
        stored.map(|response| Answer::Replay { request_id, response }).ok_or(CallError::Repeats { state })
    }
}
