//! Accounts whose rows were locked a moment ago, by a transaction that records usage in SQL, or by an operator.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How long an account stays apart after its rows were found locked, in seconds.
const APART_SECONDS: u64 = 5;

/// Most accounts kept apart; further ones wait in the common lane.
const ACCOUNTS_MAX: usize = 1_024;

/// Accounts whose rows were locked a moment ago.
#[derive(Debug, Default)]
pub(super) struct SlowAccounts(HashMap<Uuid, Instant>);

impl SlowAccounts {
    /// Keeps an account apart from `now` on.
    pub(super) fn insert(&mut self, account_id: Uuid, now: Instant) {
        if self.0.len() < ACCOUNTS_MAX {
            self.0.insert(account_id, now + Duration::from_secs(APART_SECONDS));
        }
    }

    /// Forgets those whose time is over; true when none is left.
    pub(super) fn is_empty_at(&mut self, now: Instant) -> bool {
        if !self.0.is_empty() {
            self.0.retain(|_, until| *until > now);
        }
        self.0.is_empty()
    }

    /// Whether an account is kept apart.
    pub(super) fn contains(&self, account_id: Uuid) -> bool {
        self.0.contains_key(&account_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_kept_apart_for_a_while() {
        let mut slow = SlowAccounts::default();
        let (locked, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let now = Instant::now();
        assert!(slow.is_empty_at(now));
        slow.insert(locked, now);
        assert!(!slow.is_empty_at(now) && slow.contains(locked) && !slow.contains(other));
        assert!(slow.is_empty_at(now + Duration::from_secs(APART_SECONDS)) && !slow.contains(locked));
    }

    #[test]
    fn only_so_many_are_kept_apart() {
        let mut slow = SlowAccounts::default();
        for id in 0..=ACCOUNTS_MAX as u128 {
            slow.insert(Uuid::from_u128(id), Instant::now());
        }
        assert!(!slow.contains(Uuid::from_u128(ACCOUNTS_MAX as u128)));
    }
}
