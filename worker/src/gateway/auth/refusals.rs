//! How often access was refused, counted here and told to the database every few seconds: a flood of bad credentials
//! must not become a flood of statements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{Database, RefusalCount};

/// Counters kept between two tellings; what comes beyond is counted as nobody's.
const MAX_COUNTERS: usize = 4096;
/// Pause between two tellings, seconds.
const FLUSH_SECONDS: u64 = 10;

/// Why access was refused, as `octroi_private.refused_access` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    UnknownKey,
    RevokedKey,
    ExpiredKey,
    BadToken,
    Suspended,
    NotAMember,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown_key",
            Self::RevokedKey => "revoked_key",
            Self::ExpiredKey => "expired_key",
            Self::BadToken => "bad_token",
            Self::Suspended => "suspended",
            Self::NotAMember => "not_a_member",
        }
    }
}

/// Whose access was refused, as far as is known: account and key.
type Whose = (Option<Uuid>, Option<Uuid>);

/// The counters of one gateway.
#[derive(Debug, Default)]
pub struct Refusals {
    counters: Mutex<HashMap<(Reason, Whose), i64>>,
}

impl Refusals {
    pub(super) fn count(&self, reason: Reason, whose: Whose) {
        self.add(reason, whose, 1);
    }

    fn add(&self, reason: Reason, whose: Whose, count: i64) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counters.len() >= MAX_COUNTERS && !counters.contains_key(&(reason, whose));
        let whose = if is_full { (None, None) } else { whose };
        let counter = counters.entry((reason, whose)).or_default();
        *counter = counter.saturating_add(count);
    }

    fn take(&self) -> HashMap<(Reason, Whose), i64> {
        std::mem::take(&mut *self.counters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the database what was counted, until `stop` and once more then.
    pub async fn flush_until(&self, database: &Database, stop: CancellationToken) {
        let pause = Duration::from_secs(FLUSH_SECONDS);
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            self.flush(database).await;
        }
        self.flush(database).await;
    }

    async fn flush(&self, database: &Database) {
        let taken = self.take();
        if taken.is_empty() {
            return;
        }
        let counts: Vec<RefusalCount> = taken
            .iter()
            .map(|((reason, (account_id, api_key_id)), count)| RefusalCount {
                reason: reason.as_str(),
                account_id: *account_id,
                api_key_id: *api_key_id,
                count: *count,
            })
            .collect();
        if let Err(error) = database.count_refusals(&counts).await {
            tracing::warn!(%error, "refusals could not be told and are kept");
            for ((reason, whose), count) in taken {
                self.add(reason, whose, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason_and_by_whom_they_concern() {
        let refusals = Refusals::default();
        let whose = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        for _ in 0..3 {
            refusals.count(Reason::RevokedKey, whose);
        }
        refusals.count(Reason::BadToken, (None, None));
        let taken = refusals.take();
        assert_eq!(taken[&(Reason::RevokedKey, whose)], 3);
        assert_eq!(taken[&(Reason::BadToken, (None, None))], 1);
        assert!(refusals.take().is_empty(), "what was taken is not told twice");
    }

    #[test]
    fn whoever_makes_up_callers_fills_one_counter_and_not_the_memory() {
        let refusals = Refusals::default();
        for number in 0..(MAX_COUNTERS as u128 + 500) {
            refusals.count(Reason::Suspended, (Some(Uuid::from_u128(number)), None));
        }
        let taken = refusals.take();
        assert_eq!(taken.len(), MAX_COUNTERS + 1);
        assert_eq!(taken[&(Reason::Suspended, (None, None))], 500);
    }
}
