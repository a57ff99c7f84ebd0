//! Carrying a batch through: retries over lost connections, halves around an item the database will not take.

use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use tokio::sync::watch;

use super::MeterError;
use super::verb::{Pending, Verb, VerbLane};
use crate::coalesce::Work;
use crate::database::{DatabaseError, Session};
use crate::telemetry;

/// First pause before a batch is tried again, in milliseconds; it doubles up to [`PAUSE_MS_MAX`].
const PAUSE_MS_FIRST: u64 = 20;
const PAUSE_MS_MAX: u64 = 1_000;

/// How long a lane keeps trying while the database is away.
#[derive(Debug, Clone)]
pub(super) enum Patience {
    /// So long; after giving up once, only one try a batch until one succeeds, or queued callers would wait in turn.
    For(Duration),
    /// Until the worker has to stop; none while it need not.
    UntilStop(watch::Receiver<Option<Instant>>),
}

/// One lane's work.
pub(super) struct Driver<V: Verb> {
    verb: V,
    session: Session,
    patience: Patience,
    /// Where single items go that time out, so that one locked account does not hold up the others.
    aside: Option<VerbLane<V>>,
    gave_up: bool,
    batch_items: Histogram,
    batch_seconds: Histogram,
    retries: Counter,
}

impl<V: Verb> Driver<V> {
    pub(super) fn new(verb: V, session: Session, patience: Patience, aside: Option<VerbLane<V>>) -> Self {
        Self {
            verb,
            session,
            patience,
            aside,
            gave_up: false,
            batch_items: metrics::histogram!(telemetry::LANE_BATCH_ITEMS, "lane" => V::NAME),
            batch_seconds: metrics::histogram!(telemetry::LANE_BATCH_SECONDS, "lane" => V::NAME),
            retries: metrics::counter!(telemetry::LANE_RETRIES, "lane" => V::NAME),
        }
    }

    /// Tries one part of a batch until it is answered, is at fault itself, or patience ends.
    async fn attempt(&mut self, part: &[Pending<V>]) -> Result<Vec<V::Answer>, DatabaseError> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(PAUSE_MS_FIRST);
        let mut again = false;
        loop {
            let error = match self.verb.call(&mut self.session, part, again).await {
                Ok(answers) => {
                    self.gave_up = false;
                    self.batch_items.record(f64::from(u32::try_from(part.len()).unwrap_or(u32::MAX)));
                    self.batch_seconds.record(began.elapsed());
                    return Ok(answers);
                }
                Err(error) => error,
            };
            again |= error.outcome_is_unknown();
            if !error.is_transient() || (error.is_timeout() && !self.must_wait_out(part)) {
                return Err(error);
            }
            if self.must_give_up(began, pause) {
                self.gave_up = true;
                return Err(error);
            }
            tracing::warn!(lane = V::NAME, items = part.len(), %error, "metering waits for the database");
            self.retries.increment(1);
            self.wait(pause).await;
            pause = (pause * 2).min(Duration::from_millis(PAUSE_MS_MAX));
        }
    }

    /// A single item that may not fail and has nowhere else to go waits for the lock that holds it up.
    fn must_wait_out(&self, part: &[Pending<V>]) -> bool {
        part.len() == 1 && self.is_aside()
    }

    /// Whether this is the lane for items that timed out, mostly idle and last resort of the others.
    fn is_aside(&self) -> bool {
        self.aside.is_none() && matches!(self.patience, Patience::UntilStop(_))
    }

    fn must_give_up(&self, began: Instant, pause: Duration) -> bool {
        match &self.patience {
            Patience::For(longest) => self.gave_up || began.elapsed() + pause > *longest,
            Patience::UntilStop(stop) => {
                stop.borrow().is_some_and(|deadline| Instant::now() + pause > deadline)
            }
        }
    }

    async fn wait(&mut self, pause: Duration) {
        match &mut self.patience {
            Patience::For(_) => tokio::time::sleep(pause).await,
            // A stop shortens the pause. A sender that is gone cannot: nobody will stop us then.
            Patience::UntilStop(stop) => {
                if let Ok(Err(_)) = tokio::time::timeout(pause, stop.changed()).await {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn answer(&self, answered: impl Iterator<Item = (Pending<V>, V::Answer)>) {
        for (waiting, answer) in answered {
            if let Err(Ok(answer)) = waiting.answer(Ok(answer)) {
                self.verb.unclaimed(answer);
            }
        }
    }

    fn fail(&self, waiting: Pending<V>, error: &DatabaseError) {
        if error.outcome_is_unknown() {
            self.verb.abandoned(waiting.as_ref());
        }
        // A caller that is gone needs no answer; the log has what happened.
        let _ = waiting.answer(Err(MeterError::from(error)));
    }

    /// Sends an item that timed out alone to the lane for such items; gives it back when there is none or it is full.
    fn set_aside(&self, waiting: Pending<V>) -> Result<(), Pending<V>> {
        match &self.aside {
            Some(aside) => aside.take_over(waiting),
            None => Err(waiting),
        }
    }

    /// Deals with a part that failed and cannot be made smaller or simpler.
    fn give_up(&self, part: impl Iterator<Item = Pending<V>>, error: &DatabaseError) {
        let mut failed_items = 0_usize;
        for waiting in part {
            let waiting = if error.is_timeout() { self.set_aside(waiting) } else { Err(waiting) };
            if let Err(waiting) = waiting {
                self.fail(waiting, error);
                failed_items += 1;
            }
        }
        if failed_items > 0 {
            tracing::error!(lane = V::NAME, items = failed_items, %error, "metering gave up on items");
        }
    }
}

impl<V: Verb> Work for Driver<V> {
    type Item = V::Item;
    type Answer = Result<V::Answer, MeterError>;

    /// Connects and has the server load and plan what an empty batch needs, which takes it a good part of a second.
    async fn warm(&mut self) {
        if self.is_aside() {
            return;
        }
        if let Err(error) = self.verb.call(&mut self.session, &[], false).await {
            tracing::warn!(lane = V::NAME, %error, "the lane starts cold");
        }
    }

    async fn run(&mut self, batch: &mut Vec<Pending<V>>) {
        let mut width = batch.len();
        while !batch.is_empty() {
            width = width.min(batch.len());
            match self.attempt(&batch[..width]).await {
                Ok(answers) => {
                    self.answer(batch.drain(..width).zip(answers));
                    width = batch.len();
                }
                Err(error) if width > 1 && may_be_one_items_fault(&error) => width /= 2,
                Err(error)
                    if width == 1 && !error.is_transient() && self.verb.simplify(batch[0].item_mut()) =>
                {
                    tracing::warn!(lane = V::NAME, %error, "metering tries an item again without its extras");
                }
                Err(error) => {
                    self.give_up(batch.drain(..width), &error);
                    width = batch.len();
                }
            }
        }
    }
}

/// Whether fewer items could succeed where many failed. An outage fails them all alike.
fn may_be_one_items_fault(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Misuse { .. } | DatabaseError::Timeout { .. })
}
