//! One request from its headers to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use time::OffsetDateTime;

use super::answered::{Answered, response};
use super::api::events::Origin;
use super::api::meter_events::Pair;
use super::errors::ApiError;
use super::expand::expand;
use super::faults::{self, Fault, FaultKind, Target};
use super::idempotency::{Begun, Kept, Slot};
use super::params::Params;
use super::request::Call;
use super::state::Sim;
use super::world::World;
use super::{control, pages};
use crate::http::{Aborted, Connection, MAX_BODY_BYTES, Responder, SimBody};
use crate::received::ReceivedRequest;

impl Responder for Sim {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if path.starts_with("/sim/") {
            return Ok(control::answer(&self, &parts, body).await);
        }
        if !path.starts_with("/v1/") && !path.starts_with("/v2/") {
            return Ok(pages::answer(&self, &parts));
        }
        self.serve(&parts, body, &connection).await
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
    async fn serve(
        self: Arc<Self>,
        parts: &Parts,
        body: Incoming,
        connection: &Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let request_id = super::world::fresh_id("req_");
        let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else { return Err(Aborted) };
        let body = body.to_bytes();
        self.keep(parts, &body);
        let call = match Call::read(&self, parts, &body) {
            Ok(call) => call,
            Err(error) => {
                return Ok(response(Answered::refusal(&error, &request_id), None, &request_id, None));
            }
        };
        self.count(call.endpoint.name);
        let target = Target {
            endpoint: call.endpoint.name,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            body: &body,
            key: call.key.as_deref(),
        };
        let fault = faults::take(&self.faults, &target);
        let key = call.key.clone();
        let answered = self.answer(parts, call, fault.as_ref(), &request_id, connection).await?;
        let cut = fault.iter().flat_map(Fault::kinds).find_map(|kind| match kind {
            FaultKind::CutAtByte { offset } => Some(*offset),
            _ => None,
        });
        Ok(response(answered, key.as_deref(), &request_id, cut))
    }

    fn keep(&self, parts: &Parts, body: &Bytes) {
        self.received.keep(ReceivedRequest {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: body.clone(),
            received_at: OffsetDateTime::now_utc(),
        });
    }

    /// Answers a call, as far as the fault lets it.
    async fn answer(
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
        let now = {
            let mut world = self.world();
            world.catch_up();
            world.now
        };
        let slot = match &call.key {
            None => None,
            Some(key) => match self.keys.begin(key, call.fingerprint(parts), now) {
                Err(error) => return Ok(Answered::refusal(&error, request_id)),
                Ok(Begun::Again(kept)) => {
                    let headers = vec![
                        ("idempotent-replayed", "true".to_owned()),
                        ("original-request", kept.request_id),
                    ];
                    return Ok(Answered { status: kept.status, body: kept.body, headers });
                }
                Ok(Begun::First(slot)) => Some(slot),
            },
        };
        self.stall(&kinds, false).await;
        let latency_ms = self.world().settings.latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        let (answered, busy) = self.run(call, &kinds, request_id, slot);
        let busy = busy.map(|pair| Busy(Arc::clone(self), pair));
        if busy.is_some() {
            let ms = self.world().settings.meter_event_ms;
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        self.stall(&kinds, true).await;
        if let Some(reset) = kinds.iter().find_map(|kind| match kind {
            FaultKind::HangUp { committed: true, reset } => Some(*reset),
            _ => None,
        }) {
            return Err(hang_up(connection, reset));
        }
        Ok(answered)
    }

    /// Does what the call asks for. Says which meter it keeps busy.
    fn run(
        &self,
        call: Call,
        kinds: &[&FaultKind],
        request_id: &str,
        slot: Option<Slot>,
    ) -> (Answered, Option<Pair>) {
        let failure = ApiError { kept: true, ..ApiError::of_status(500, None) };
        let mut world = self.world();
        if kinds.contains(&&FaultKind::KeptError) {
            return (keep(&mut world, slot, Answered::refusal(&failure, request_id), request_id), None);
        }
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
        let answer = match answer {
            Ok(_) if kinds.contains(&&FaultKind::ErrorAfterCommit) => Err(failure),
            answer => answer,
        };
        let kept = answer.as_ref().err().is_none_or(|error| error.kept);
        let answered = match answer {
            Ok(value) => Answered { status: StatusCode::OK, body: format!("{value:#}"), headers: Vec::new() },
            Err(error) => Answered::refusal(&error, request_id),
        };
        let slot = slot.filter(|_| kept);
        (keep(&mut world, slot, answered, request_id), busy)
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

/// Keeps an answer under its key, in the same moment as what was done: the state file has both or neither.
fn keep(world: &mut World, slot: Option<Slot>, answered: Answered, request_id: &str) -> Answered {
    if let Some(slot) = slot {
        let (status, body) = (answered.status, answered.body.clone());
        slot.keep(Kept { status, body, request_id: request_id.to_owned() });
        world.other_changes += 1;
    }
    answered
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
