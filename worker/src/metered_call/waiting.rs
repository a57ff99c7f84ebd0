//! Calls of this worker that wait for room which others hold.
//!
//! SQL keeps the order: a call that waits has a ticket, and no later call of its account gets room there before it
//! (`octroi_private.waiting_call`). Here it is only decided who asks again, and when: the first in each place, as soon as
//! a call of the account ends in this worker, and every [`POLL_MILLISECONDS`] for those that end in another one. All
//! tickets are renewed every [`RENEWED_EVERY`], or SQL takes their calls for gone. Where nobody waits, nothing is done.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::database::{Database, LimitScope, ReserveItem};
use crate::telemetry;

/// Longest until room freed by another worker is noticed, milliseconds.
const POLL_MILLISECONDS: u64 = 75;
/// Time between two renewals of the tickets: well within the time that SQL keeps one.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// Calls of one account that wait in this worker; one more is told at once that it may come again.
const MAX_WAITING_PER_ACCOUNT: usize = 128;
/// Calls that wait in this worker; once half of the places are taken, an account has a share of the others only.
const MAX_WAITING: usize = 1_024;
const MAX_WAITING_PER_ACCOUNT_WHEN_BUSY: usize = 16;
/// How long a hold lasts as far as this worker knows when it starts, milliseconds.
const TYPICAL_HOLD_MILLISECONDS: u64 = 2_000;
/// Longest and shortest wait that a client is told, seconds: OpenAI's SDKs follow no longer one.
const RETRY_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;

/// What a call waits at: those that wait at the same limit ask one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Account,
    Member(Uuid),
    ApiKey(Option<Uuid>),
    Model(String),
}

/// A call in the queue.
struct Waiter {
    request_id: Uuid,
    place: Place,
    ticket: i64,
    wake: Notify,
}

/// The waiting calls, by account and in the order of their tickets, and how long holds last.
#[derive(Default)]
pub(super) struct WaitingCalls {
    accounts: Mutex<HashMap<Uuid, Vec<Arc<Waiter>>>>,
    /// A moving average; 0 until a hold has ended.
    hold_milliseconds: AtomicU64,
}

/// A place in the queue, given up on drop.
pub(super) struct Seat<'w> {
    waiting: &'w WaitingCalls,
    account_id: Uuid,
    waiter: Arc<Waiter>,
}

impl Place {
    /// Where a call waits that is held back by a limit of `scope`.
    pub fn of(scope: LimitScope, call: &ReserveItem) -> Self {
        match scope {
            LimitScope::Account => Self::Account,
            LimitScope::Member => Self::Member(call.user_id),
            LimitScope::ApiKey => Self::ApiKey(call.api_key_id),
            LimitScope::Model => Self::Model(call.model.clone()),
        }
    }
}

impl WaitingCalls {
    /// Joins the queue; none when it is full. Verdicts of one batch come in any order, so it is the ticket that counts:
    /// who is not first in SQL would ask in vain.
    pub fn join(&self, account_id: Uuid, request_id: Uuid, place: Place, ticket: i64) -> Option<Seat<'_>> {
        let waiter = Arc::new(Waiter { request_id, place, ticket, wake: Notify::new() });
        let mut accounts = self.lock();
        let in_all: usize = accounts.values().map(Vec::len).sum();
        let queue = accounts.entry(account_id).or_default();
        let most = if in_all < MAX_WAITING / 2 {
            MAX_WAITING_PER_ACCOUNT
        } else {
            MAX_WAITING_PER_ACCOUNT_WHEN_BUSY
        };
        if in_all >= MAX_WAITING || queue.len() >= most {
            if queue.is_empty() {
                accounts.remove(&account_id);
            }
            return None;
        }
        let index = queue.partition_point(|earlier| earlier.ticket < ticket);
        queue.insert(index, Arc::clone(&waiter));
        metrics::gauge!(telemetry::CALLS_WAITING).increment(1.0);
        Some(Seat { waiting: self, account_id, waiter })
    }

    /// A call of the account has ended after `held`: the first in each place ask again.
    pub fn room_freed(&self, account_id: Uuid, held: Duration) {
        let held = u64::try_from(held.as_millis()).unwrap_or(u64::MAX).max(1);
        // Two that end at once may lose one of both; it is an average.
        let before = self.hold_milliseconds.load(Ordering::Relaxed);
        let after = if before == 0 { held } else { before - before / 8 + held / 8 };
        self.hold_milliseconds.store(after.max(1), Ordering::Relaxed);
        self.wake_first(account_id);
    }

    /// When room is to be expected by a call that has waited so long in vain, seconds: once holds have lasted as long as
    /// they do on the whole, and where those it waits for have lasted longer, once they have lasted as long again.
    pub fn retry_after_seconds(&self, waited: Duration) -> u64 {
        let typical = match self.hold_milliseconds.load(Ordering::Relaxed) {
            0 => TYPICAL_HOLD_MILLISECONDS,
            known => known,
        };
        let typical = typical.div_ceil(1_000).max(waited.as_secs());
        typical.clamp(*RETRY_SECONDS.start(), *RETRY_SECONDS.end())
    }

    /// Renews the tickets of those that wait, for as long as it is polled.
    pub async fn renew_tickets(&self, database: &Database) {
        let mut ticks = tokio::time::interval(RENEWED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let waiting: Vec<Uuid> = self.lock().values().flatten().map(|waiter| waiter.request_id).collect();
            if waiting.is_empty() {
                continue;
            }
            if let Err(error) = database.renew_tickets(&waiting).await {
                tracing::warn!(%error, calls = waiting.len(), "the places of calls that wait were not renewed");
            }
        }
    }

    fn wake_first(&self, account_id: Uuid) {
        let accounts = self.lock();
        let Some(queue) = accounts.get(&account_id) else { return };
        for (index, waiter) in queue.iter().enumerate() {
            if is_first(queue, index) {
                waiter.wake.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Arc<Waiter>>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_first(queue: &[Arc<Waiter>], index: usize) -> bool {
    queue[..index].iter().all(|earlier| earlier.place != queue[index].place)
}

impl Seat<'_> {
    /// Done when it is this call's turn to ask again.
    pub async fn turn(&self) {
        let poll = Duration::from_millis(POLL_MILLISECONDS);
        if self.is_first() {
            // Woken or not, it asks: another worker's room is told by nobody.
            let _ = tokio::time::timeout(poll, self.waiter.wake.notified()).await;
            return;
        }
        loop {
            self.waiter.wake.notified().await;
            if self.is_first() {
                return;
            }
        }
    }

    fn is_first(&self) -> bool {
        let accounts = self.waiting.lock();
        let queue = accounts.get(&self.account_id).map(Vec::as_slice).unwrap_or_default();
        queue
            .iter()
            .position(|waiter| Arc::ptr_eq(waiter, &self.waiter))
            .is_none_or(|index| is_first(queue, index))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut accounts = self.waiting.lock();
        if let Some(queue) = accounts.get_mut(&self.account_id) {
            queue.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
            if queue.is_empty() {
                accounts.remove(&self.account_id);
            }
        }
        drop(accounts);
        metrics::gauge!(telemetry::CALLS_WAITING).decrement(1.0);
        self.waiting.wake_first(self.account_id);
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
