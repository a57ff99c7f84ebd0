//! How many calls may be in flight at once: in all, per account, and in bytes of request bodies.
//!
//! These protect the worker, they are no rule of any plan: plans are judged in SQL.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Calls in flight in this worker; one more is answered 503.
const MAX_CALLS: usize = 2_048;
/// Calls in flight for one account; one more is answered 429 `concurrency`.
const MAX_CALLS_PER_ACCOUNT: u32 = 512;
/// Request bodies being read or parsed, KiB in all, if no single one may be larger; one more is answered 503.
const MAX_BODIES_KIB: usize = 524_288;

/// Why a call was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// The worker as a whole is full.
    Worker,
    /// This account has too many calls in flight.
    Account {
        /// Calls one account may have in flight.
        limit: u32,
    },
}

/// The counters, shared by all connections.
#[derive(Clone)]
pub struct Admission {
    calls: Arc<Semaphore>,
    bodies_kib: Arc<Semaphore>,
    per_account: Arc<Mutex<HashMap<Uuid, u32>>>,
}

/// A place among the calls in flight, given back on drop.
pub struct CallPermit {
    _call: OwnedSemaphorePermit,
    account_id: Uuid,
    per_account: Arc<Mutex<HashMap<Uuid, u32>>>,
}

/// Room for one request body, given back on drop.
pub struct BodyPermit {
    _kib: OwnedSemaphorePermit,
}

impl Admission {
    /// Nobody is in; single bodies have at most `max_body_bytes`.
    pub fn new(max_body_bytes: usize) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
            bodies_kib: Arc::new(Semaphore::new(MAX_BODIES_KIB.max(max_body_bytes.div_ceil(1024)))),
            per_account: Arc::default(),
        }
    }

    /// Lets one call of `account_id` in, or says what is full. Never waits: a queue here would only hide overload.
    ///
    /// # Errors
    /// [`Crowded`] names the limit that is reached.
    pub fn admit_call(&self, account_id: Uuid) -> Result<CallPermit, Crowded> {
        let call = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| Crowded::Worker)?;
        let mut per_account = self.per_account.lock().unwrap_or_else(PoisonError::into_inner);
        let in_flight = per_account.entry(account_id).or_insert(0);
        if *in_flight >= MAX_CALLS_PER_ACCOUNT {
            return Err(Crowded::Account { limit: MAX_CALLS_PER_ACCOUNT });
        }
        *in_flight += 1;
        drop(per_account);
        Ok(CallPermit { _call: call, account_id, per_account: Arc::clone(&self.per_account) })
    }

    /// Room for a body of at most `max_bytes`.
    ///
    /// # Errors
    /// [`Crowded::Worker`] when bodies already being read fill the memory set aside for them.
    pub fn admit_body(&self, max_bytes: usize) -> Result<BodyPermit, Crowded> {
        let kib = u32::try_from(max_bytes.div_ceil(1024)).map_err(|_| Crowded::Worker)?;
        let permit = Arc::clone(&self.bodies_kib).try_acquire_many_owned(kib).map_err(|_| Crowded::Worker)?;
        Ok(BodyPermit { _kib: permit })
    }

    /// Calls in flight now.
    pub fn calls_in_flight(&self) -> usize {
        MAX_CALLS - self.calls.available_permits()
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let mut per_account = self.per_account.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(in_flight) = per_account.get_mut(&self.account_id) {
            *in_flight -= 1;
            if *in_flight == 0 {
                per_account.remove(&self.account_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_cannot_take_every_place() {
        let admission = Admission::new(1024);
        let (greedy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let held: Vec<_> =
            (0..MAX_CALLS_PER_ACCOUNT).map_while(|_| admission.admit_call(greedy).ok()).collect();
        assert_eq!(held.len(), MAX_CALLS_PER_ACCOUNT as usize);
        let refusal = admission.admit_call(greedy).err();
        assert_eq!(refusal, Some(Crowded::Account { limit: MAX_CALLS_PER_ACCOUNT }));
        assert!(admission.admit_call(other).is_ok());
    }

    #[test]
    fn places_come_back_and_idle_accounts_are_forgotten() {
        let admission = Admission::new(1024);
        let account_id = Uuid::from_u128(1);
        drop(admission.admit_call(account_id));
        assert_eq!(admission.calls_in_flight(), 0);
        assert!(admission.per_account.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    }

    #[test]
    fn bodies_share_a_fixed_amount_of_memory() {
        let admission = Admission::new(1024);
        let all = admission.admit_body(MAX_BODIES_KIB * 1024);
        assert!(all.is_ok());
        assert_eq!(admission.admit_body(1).err(), Some(Crowded::Worker));
        drop(all);
        assert!(admission.admit_body(1).is_ok());
    }

    #[test]
    fn a_body_as_large_as_the_operator_allows_fits() {
        let max_body_bytes = 2 * MAX_BODIES_KIB * 1024;
        assert!(Admission::new(max_body_bytes).admit_body(max_body_bytes).is_ok());
    }
}
