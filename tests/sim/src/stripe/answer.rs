//! A call is answered: first by the faults, then by its idempotency key, then by its endpoint.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::request::Parts;

use super::api::events::Origin;
use super::api::meter_events::Pair;
use super::errors::ApiError;
use super::expand::expand;
use super::faults::{Fault, FaultKind};
use super::idempotency::{Begun, Kept, Slot};
use super::params::Params;
use super::request::Call;
use super::state::Sim;
use crate::http::{Aborted, Connection};

/// An answer before it is sent.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) body: String,
    /// Headers besides the usual ones.
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answered {
    pub(super) fn refusal(error: &ApiError, request_id: &str) -> Self {
        let body = format!("{:#}", error.body(request_id));
        Self { status: error.status, body, headers: Vec::new() }
    }
}

/// Keeps a customer's meter busy until the answer is sent, or nobody waits for it any more.
struct Busy(Arc<Sim>, Pair);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.world().meter_events.end(&self.1);
    }
}

impl Sim {
    /// Answers a call, as far as the fault lets it.
    pub(super) async fn answer(
        self: &Arc<Self>,
        parts: &Parts,
        call: Call,
        fault: Option<&Fault>,
        request_id: &str,
        connection: &Connection,
    ) -> Result<Answered, Aborted> {
        let kinds: Vec<&FaultKind> = fault.into_iter().flat_map(Fault::kinds).collect();
        if let Some(answered) = before(&kinds, request_id, connection)? {
            return Ok(answered);
        }
        let answered = match self.begin(&call, parts) {
            Err(error) => return Ok(Answered::refusal(&error, request_id)),
            Ok(Some(Begun::Again(kept))) => again(kept),
            Ok(Some(Begun::First(slot))) => self.work(call, Some(slot), &kinds, request_id).await,
            Ok(None) => self.work(call, None, &kinds, request_id).await,
        };
        self.stall(&kinds, true).await;
        let lost = kinds.iter().find_map(|kind| match kind {
            FaultKind::HangUp { committed: true, reset } => Some(*reset),
            _ => None,
        });
        lost.map_or(Ok(answered), |reset| Err(hang_up(connection, reset)))
    }

    /// Looks whether the call was made before.
    fn begin(&self, call: &Call, parts: &Parts) -> Result<Option<Begun>, ApiError> {
        let Some(key) = &call.key else { return Ok(None) };
        let now = {
            let mut world = self.world();
            world.catch_up();
            world.now
        };
        self.keys.begin(key, call.fingerprint(parts), now).map(Some)
    }

    /// Does a call that was not made before, and keeps its answer.
    async fn work(
        self: &Arc<Self>,
        call: Call,
        slot: Option<Slot>,
        kinds: &[&FaultKind],
        request_id: &str,
    ) -> Answered {
        self.stall(kinds, false).await;
        let latency_ms = self.world().settings.latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        let (answered, keep, busy) = self.run(call, kinds, request_id);
        if let (Some(slot), true) = (slot, keep) {
            let (status, body) = (answered.status, answered.body.clone());
            slot.keep(Kept { status, body, request_id: request_id.to_owned() });
        }
        let busy = busy.map(|pair| Busy(Arc::clone(self), pair));
        if busy.is_some() {
            let ms = self.world().settings.meter_event_ms;
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        answered
    }

    /// Does what the call asks for. Says whether the answer is kept, and which meter it keeps busy.
    fn run(&self, call: Call, kinds: &[&FaultKind], request_id: &str) -> (Answered, bool, Option<Pair>) {
        let failure = ApiError { kept: true, ..ApiError::of_status(500, None) };
        if kinds.contains(&&FaultKind::KeptError) {
            return (Answered::refusal(&failure, request_id), true, None);
        }
        let mut world = self.world();
        world.catch_up();
        world.origin = Origin { request: Some(request_id.to_owned()), idempotency_key: call.key };
        let mut params = Params::new(call.members);
        let answer = params.texts("expand").and_then(|paths| {
            let mut answer = call.endpoint.run(&mut world, &mut params)?;
            paths.iter().try_for_each(|path| expand(&world, &mut answer, path))?;
            Ok(answer)
        });
        world.origin = Origin::default();
        let busy = world.meter_events.take_started();
        drop(world);
        let answer = match answer {
            Ok(_) if kinds.contains(&&FaultKind::ErrorAfterCommit) => Err(failure),
            answer => answer,
        };
        match answer {
            Ok(value) => {
                let answered =
                    Answered { status: StatusCode::OK, body: format!("{value:#}"), headers: Vec::new() };
                (answered, true, busy)
            }
            Err(error) => (Answered::refusal(&error, request_id), error.kept, busy),
        }
    }

    async fn stall(&self, kinds: &[&FaultKind], after: bool) {
        for kind in kinds {
            match kind {
                FaultKind::Stall { committed, for_ms: None } if *committed == after => {
                    self.holds.wait().await
                }
                FaultKind::Stall { committed, for_ms: Some(ms) } if *committed == after => {
                    // Running out of time is the other way a stall ends.
                    let _ = tokio::time::timeout(Duration::from_millis(*ms), self.holds.wait()).await;
                }
                _ => {}
            }
        }
    }
}

/// The answer that a key's first request got.
fn again(kept: Kept) -> Answered {
    let headers = vec![("idempotent-replayed", "true".to_owned()), ("original-request", kept.request_id)];
    Answered { status: kept.status, body: kept.body, headers }
}

/// Faults that strike before anything is done, and before idempotency.
fn before(
    kinds: &[&FaultKind],
    request_id: &str,
    connection: &Connection,
) -> Result<Option<Answered>, Aborted> {
    for kind in kinds {
        match kind {
            FaultKind::Status { status, code, should_retry } => {
                let mut answered =
                    Answered::refusal(&ApiError::of_status(*status, code.as_deref()), request_id);
                answered.headers.extend(should_retry.map(|retry| ("stripe-should-retry", retry.to_string())));
                return Ok(Some(answered));
            }
            FaultKind::Answer { status, body } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok(Some(Answered { status, body: body.clone(), headers: Vec::new() }));
            }
            FaultKind::HangUp { committed: false, reset } => return Err(hang_up(connection, *reset)),
            _ => {}
        }
    }
    Ok(None)
}

fn hang_up(connection: &Connection, reset: bool) -> Aborted {
    if reset {
        connection.reset_at_end();
    }
    Aborted
}
