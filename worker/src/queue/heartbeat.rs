//! The leases this worker holds, and the heartbeat that extends them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::telemetry;

/// How long a job is ours without a heartbeat, in seconds.
pub(super) const LEASE_SECONDS: i32 = 60;
/// How often leases are extended, in seconds: two may fail before one runs out.
const HEARTBEAT_SECONDS: u64 = 20;

/// The leases this worker holds.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<i64, Lease>>);

#[derive(Debug)]
struct Lease {
    attempt: i32,
    lost: CancellationToken,
}

impl Leases {
    /// Adds a lease; the token is cancelled when it is lost.
    pub(super) fn add(&self, id: i64, attempt: i32) -> CancellationToken {
        let lost = CancellationToken::new();
        let lease = Lease { attempt, lost: lost.clone() };
        if let Some(older) = self.held().insert(id, lease) {
            // We were given the job again, so our earlier attempt has lost it.
            older.lost.cancel();
        }
        lost
    }

    /// Drops a lease whose attempt has ended.
    pub(super) fn remove(&self, id: i64, attempt: i32) {
        let mut held = self.held();
        if held.get(&id).is_some_and(|lease| lease.attempt == attempt) {
            held.remove(&id);
        }
    }

    /// Takes every lease away from its attempt and returns them as parallel ids and attempts.
    pub(super) fn take_all(&self) -> (Vec<i64>, Vec<i32>) {
        self.held()
            .drain()
            .map(|(id, lease)| {
                lease.lost.cancel();
                (id, lease.attempt)
            })
            .unzip()
    }

    /// Extends the leases until `stop`.
    pub(super) async fn keep(&self, database: &Database, stop: CancellationToken) {
        let pause = Duration::from_secs(HEARTBEAT_SECONDS);
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            if let Err(error) = self.extend(database).await {
                tracing::warn!(%error, "leases of running jobs were not extended");
            }
        }
    }

    async fn extend(&self, database: &Database) -> Result<(), DatabaseError> {
        let (ids, attempts): (Vec<i64>, Vec<i32>) =
            self.held().iter().map(|(&id, lease)| (id, lease.attempt)).unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let ours = database.extend_jobs(&ids, &attempts, LEASE_SECONDS).await?;
        let held = self.held();
        for (id, attempt) in ids.iter().zip(&attempts).filter(|(id, _)| !ours.contains(id)) {
            // An attempt that has ended meanwhile has no lease to lose.
            if let Some(lease) = held.get(id).filter(|lease| lease.attempt == *attempt) {
                lease.lost.cancel();
                metrics::counter!(telemetry::JOB_LEASES_LOST).increment(1);
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<i64, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_comes_back_takes_the_lease_from_its_earlier_attempt() {
        let leases = Leases::default();
        let first = leases.add(1, 1);
        let second = leases.add(1, 2);
        assert!(first.is_cancelled() && !second.is_cancelled());

        leases.remove(1, 1);
        assert_eq!(
            leases.take_all(),
            (vec![1], vec![2]),
            "the earlier attempt cannot drop the later one's lease"
        );
        assert!(second.is_cancelled());
    }

    #[test]
    fn an_attempt_that_ended_is_not_handed_back() {
        let leases = Leases::default();
        leases.add(1, 1);
        leases.remove(1, 1);
        assert_eq!(leases.take_all(), (vec![], vec![]));
    }
}
