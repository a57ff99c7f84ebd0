//! The hold before a call goes out, and the wait for it where others hold what it needs.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::CallError;
use super::waiting::{Place, Seat, WaitingCalls};
use crate::database::{Database, HeldBack, Hold, Refusal, Replay, ReserveItem, ReserveVerdict};
use crate::meter::{Meter, MeterError};
use crate::telemetry;

/// Reserves, and waits in order of arrival.
pub(super) struct Reservations {
    pub database: Database,
    pub meter: Meter,
    pub tracker: TaskTracker,
    pub waiting: WaitingCalls,
    /// The worker is about to stop, and those that wait are told so.
    pub closing: CancellationToken,
}

/// What was decided of a call.
pub(super) enum Decision {
    Granted(Hold),
    Refused(Refusal),
    Replayed(Replay),
}

/// Whether a call that others hold back stays until there is room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// As long as its plan says.
    ForRoom,
    /// It comes again by itself, and keeps its place in the worker for nobody.
    Not,
}

/// A verdict, or what still holds the call back.
type Told = Result<Decision, HeldBack>;

/// How waiting for a turn ended.
enum Ended {
    TurnCame,
    TimeIsUp,
    ClientLeft,
    Closing,
}

impl Reservations {
    /// Reserves `call`. One that only other calls under way hold back waits, for as long as its plan says, until it is
    /// granted or refused, its client leaves or the worker stops.
    ///
    /// # Errors
    /// [`CallError::Held`] when no room came, [`CallError::ClientLeft`], [`CallError::NotMetered`].
    pub async fn reserve(
        &self,
        call: ReserveItem,
        waits: Waits,
        client_left: impl Future<Output = ()>,
    ) -> Result<Decision, CallError> {
        let held = match self.ask(&call).await? {
            Ok(decision) => return Ok(decision),
            Err(held) => held,
        };
        let arrived_at = Instant::now();
        let outcome = match waits {
            Waits::ForRoom => {
                let outcome = self.wait(&call, held, client_left).await;
                metrics::histogram!(telemetry::ROOM_WAIT_SECONDS).record(arrived_at.elapsed());
                outcome
            }
            Waits::Not => Ok(Err(held)),
        };
        let held = match outcome {
            Ok(Ok(decision)) => return Ok(decision),
            Ok(Err(held)) => held,
            Err(error) => {
                self.leave(&call);
                return Err(error);
            }
        };
        self.leave(&call);
        metrics::counter!(telemetry::CALLS_HELD_BACK).increment(1);
        // The number is for people; the refusal stands without it.
        let held_calls = self.database.calls_holding(&call, &held.standing).await.inspect_err(|error| {
            tracing::warn!(%error, "the calls that hold something of a limit could not be counted");
        });
        Err(CallError::Held {
            held: Box::new(held),
            held_calls: held_calls.ok(),
            waited: arrived_at.elapsed(),
            retry_after_seconds: self.waiting.retry_after_seconds(arrived_at.elapsed()),
        })
    }

    async fn ask(&self, call: &ReserveItem) -> Result<Told, CallError> {
        let verdict = self.meter.reserve(call.clone()).await.map_err(CallError::NotMetered)?;
        Ok(match verdict {
            ReserveVerdict::Granted(hold) => Ok(Decision::Granted(hold)),
            ReserveVerdict::Refused(refusal) => Ok(Decision::Refused(refusal)),
            ReserveVerdict::Replayed(replay) => Ok(Decision::Replayed(replay)),
            ReserveVerdict::Held(held) => Err(held),
        })
    }

    /// Asks again whenever it is the call's turn, until it is decided or its time is up.
    async fn wait(
        &self,
        call: &ReserveItem,
        mut held: HeldBack,
        client_left: impl Future<Output = ()>,
    ) -> Result<Told, CallError> {
        let until = tokio::time::Instant::now() + Duration::from_secs(held.wait_seconds);
        let mut client_left = std::pin::pin!(client_left);
        let mut seat: Option<((Place, i64), Seat<'_>)> = None;
        while let Some(ticket) = held.ticket {
            let place = (Place::of(held.standing.scope, call), ticket);
            if seat.as_ref().is_none_or(|(taken, _)| *taken != place) {
                // The old one is given up first: where the queue is full it is the only one there is.
                drop(seat.take());
                let joined = self.waiting.join(call.account_id, call.request_id, place.0.clone(), ticket);
                seat = joined.map(|joined| (place, joined));
            }
            let Some((_, taken)) = &seat else { break };
            let ended = tokio::select! {
                biased;
                () = self.closing.cancelled() => Ended::Closing,
                () = client_left.as_mut() => Ended::ClientLeft,
                () = tokio::time::sleep_until(until) => Ended::TimeIsUp,
                () = taken.turn() => Ended::TurnCame,
            };
            match ended {
                Ended::Closing => return Err(CallError::NotMetered(MeterError::Closed)),
                Ended::ClientLeft => return Err(CallError::ClientLeft),
                Ended::TimeIsUp => break,
                Ended::TurnCame => {}
            }
            match self.ask(call).await? {
                Ok(decision) => return Ok(Ok(decision)),
                Err(again) => held = again,
            }
        }
        Ok(Err(held))
    }

    /// Gives the ticket back, so that those behind need not wait for it. It lapses by itself as well.
    fn leave(&self, call: &ReserveItem) {
        let (meter, request_id, account_id) = (self.meter.clone(), call.request_id, call.account_id);
        self.tracker.spawn(async move {
            if let Err(error) = meter.release(request_id, "left_the_queue").await {
                tracing::warn!(%error, request.id = %request_id, account.id = %account_id, "a place in the queue lapses by itself");
            }
        });
    }
}
