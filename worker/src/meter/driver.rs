//! Carrying a batch through: again over lost connections, apart when an account's rows are locked, in halves around an
//! item the database will not take.

use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};

use super::MeterError;
use super::patience::Patience;
use super::slow_accounts::SlowAccounts;
use super::verb::{Pending, Verb, VerbLane};
use crate::coalesce::Work;
use crate::database::{DatabaseError, Session};
use crate::telemetry;

/// First pause before a batch is tried again, in milliseconds; it doubles up to [`PAUSE_MS_MAX`].
const PAUSE_MS_FIRST: u64 = 20;
const PAUSE_MS_MAX: u64 = 1_000;

/// One lane's work.
pub(super) struct Driver<V: Verb> {
    verb: V,
    session: Session,
    patience: Patience,
    /// The lane for accounts whose rows are locked, so that they do not hold up the others; none in that lane itself.
    aside: Option<VerbLane<V>>,
    slow: SlowAccounts,
    gave_up: bool,
    batch_items: Histogram,
    batch_seconds: Histogram,
    retries: Counter,
}

/// Why a part of a batch was not carried out.
struct Failure {
    error: DatabaseError,
    /// Whether a try may have been carried out all the same.
    in_doubt: bool,
}

impl<V: Verb> Driver<V> {
    pub(super) fn new(verb: V, session: Session, patience: Patience, aside: Option<VerbLane<V>>) -> Self {
        Self {
            verb,
            session,
            patience,
            aside,
            slow: SlowAccounts::default(),
            gave_up: false,
            batch_items: metrics::histogram!(telemetry::LANE_BATCH_ITEMS, "lane" => V::NAME),
            batch_seconds: metrics::histogram!(telemetry::LANE_BATCH_SECONDS, "lane" => V::NAME),
            retries: metrics::counter!(telemetry::LANE_RETRIES, "lane" => V::NAME),
        }
    }

    /// Tries one part of a batch until it is answered, is at fault itself, or patience ends.
    async fn attempt(&mut self, part: &[Pending<V>]) -> Result<Vec<V::Answer>, Failure> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(PAUSE_MS_FIRST);
        let mut in_doubt = false;
        loop {
            let error = match self.verb.call(&mut self.session, part, in_doubt).await {
                Ok(answers) => {
                    self.batch_items.record(f64::from(u32::try_from(part.len()).unwrap_or(u32::MAX)));
                    self.batch_seconds.record(began.elapsed());
                    return Ok(answers);
                }
                Err(error) => error,
            };
            in_doubt |= error.outcome_is_unknown();
            let hopeless = !error.is_transient() || (error.is_timeout() && !self.must_wait_out(part));
            if hopeless || self.patience.ends(began, pause, self.gave_up) {
                return Err(Failure { error, in_doubt });
            }
            tracing::warn!(lane = V::NAME, items = part.len(), %error, "metering waits for the database");
            self.retries.increment(1);
            self.patience.wait(pause).await;
            pause = (pause * 2).min(Duration::from_millis(PAUSE_MS_MAX));
        }
    }

    /// Items that may not fail and have nowhere else to go wait for the lock that holds them up.
    fn must_wait_out(&self, part: &[Pending<V>]) -> bool {
        self.aside.is_none() && self.patience.lasts() && V::first_account(part) == part.len()
    }

    fn answer(&mut self, answered: impl Iterator<Item = (Pending<V>, V::Answer)>) {
        if std::mem::take(&mut self.gave_up) {
            tracing::info!(lane = V::NAME, "metering has the database back");
        }
        for (waiting, answer) in answered {
            if let Err(Ok(answer)) = waiting.answer(Ok(answer)) {
                self.verb.unclaimed(answer);
            }
        }
    }

    /// Deals with a part that failed and cannot be made smaller or simpler.
    fn give_up(&mut self, part: impl Iterator<Item = Pending<V>>, failure: &Failure) {
        let Failure { error, in_doubt } = failure;
        let mut failed_items = 0_usize;
        for waiting in part {
            let waiting = if error.is_timeout() { self.set_aside(waiting) } else { Err(waiting) };
            if let Err(waiting) = waiting {
                failed_items += 1;
                if *in_doubt {
                    self.verb.abandoned(waiting.as_ref());
                }
                // A caller that is gone needs no answer; the log has what happened.
                let _ = waiting.answer(Err(MeterError::from(error)));
            }
        }
        // During an outage every call fails; one line about it is enough.
        if failed_items > 0 && !self.gave_up {
            tracing::error!(lane = V::NAME, items = failed_items, %error, "metering gave up on items");
        }
        self.gave_up |= error.is_transient() && !error.is_timeout();
    }

    /// Sends an item to the lane for locked accounts; gives it back when there is none or it is full.
    fn set_aside(&self, waiting: Pending<V>) -> Result<(), Pending<V>> {
        match &self.aside {
            Some(aside) => aside.take_over(waiting),
            None => Err(waiting),
        }
    }

    /// Sends the items of accounts that were locked a moment ago to their own lane.
    fn divert(&mut self, batch: &mut Vec<Pending<V>>) {
        if self.slow.is_empty_at(Instant::now()) {
            return;
        }
        let (slow, quick): (Vec<_>, Vec<_>) =
            batch.drain(..).partition(|waiting| self.slow.contains(V::account(waiting.as_ref())));
        *batch = quick;
        batch.extend(slow.into_iter().filter_map(|waiting| self.set_aside(waiting).err()));
    }
}

impl<V: Verb> Work for Driver<V> {
    type Item = V::Item;
    type Answer = Result<V::Answer, MeterError>;

    /// Connects and has the server load and plan what an empty batch needs, which takes it a good part of a second.
    async fn warm(&mut self) {
        if self.aside.is_none() {
            return;
        }
        if let Err(error) = self.verb.call(&mut self.session, &[], false).await {
            tracing::warn!(lane = V::NAME, %error, "the lane starts cold");
        }
    }

    async fn run(&mut self, batch: &mut Vec<Pending<V>>) {
        self.divert(batch);
        let mut by_account = false;
        let mut width = batch.len();
        while !batch.is_empty() {
            let failure = match self.attempt(&batch[..width]).await {
                Ok(answers) => {
                    self.answer(batch.drain(..width).zip(answers));
                    width = next_width::<V>(batch, by_account);
                    continue;
                }
                Err(failure) => failure,
            };
            if failure.error.is_timeout() && V::first_account(&batch[..width]) < width {
                by_account = true;
                // Stable: what one account's callers sent first is decided first.
                batch.sort_by_key(|waiting| V::account(waiting.as_ref()));
                width = V::first_account(batch);
            } else if width > 1 && may_be_one_items_fault(&failure.error) {
                width /= 2;
            } else if width == 1 && !failure.error.is_transient() && self.verb.simplify(batch[0].item_mut()) {
                tracing::warn!(lane = V::NAME, error = %failure.error, "metering leaves out an item's extras");
            } else {
                if failure.error.is_timeout() {
                    self.slow.insert(V::account(batch[0].as_ref()), Instant::now());
                }
                self.give_up(batch.drain(..width), &failure);
                width = next_width::<V>(batch, by_account);
            }
        }
    }
}

fn next_width<V: Verb>(batch: &[Pending<V>], by_account: bool) -> usize {
    if by_account { V::first_account(batch) } else { batch.len() }
}

/// Whether fewer items could succeed where many failed. A verb that is not there and a right that is missing (SQLSTATE
/// class 42) fail them all alike.
fn may_be_one_items_fault(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Misuse { sqlstate, .. } if !sqlstate.starts_with("42"))
}
