//! The job table's verbs: claim with a lease, extend, finish behind a fence, hand back.

use sqlx::Row;
use sqlx::types::Json;

use super::{Database, DatabaseError};

/// A job leased to this worker. `attempt` is the fence: only its holder can extend or finish the job.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// The job's row.
    pub id: i64,
    /// Its kind, one of those asked for.
    pub kind: String,
    /// Its arguments.
    pub args: serde_json::Value,
    /// Which attempt this is, from 1; counted before the job runs.
    pub attempt: i32,
    /// After how many attempts the job is given up.
    pub max_attempts: i32,
}

/// How an attempt ended, as `finish_job` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishedAs {
    /// The job is done.
    Done,
    /// It failed and runs again, unless its attempts are used up: then it is dead.
    Retry,
    /// It runs again later and the attempt is not counted.
    Snooze,
    /// It failed and will never run again.
    Cancel,
}

impl FinishedAs {
    /// The word used in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Snooze => "snooze",
            Self::Cancel => "cancel",
        }
    }
}

impl Database {
    /// Leases up to `max` due jobs of the given kinds, skipping rows another worker has locked.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn claim_jobs(
        &self,
        worker: &str,
        kinds: &[&str],
        max: i32,
        lease_seconds: i32,
    ) -> Result<Vec<ClaimedJob>, DatabaseError> {
        let query = sqlx::query(
            "select id, kind, args, attempt, max_attempts from octroi_private.claim_jobs($1, $2, $3, $4)",
        )
        .bind(worker)
        .bind(kinds)
        .bind(max)
        .bind(lease_seconds);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(ClaimedJob {
                    id: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    args: row.try_get::<Json<serde_json::Value>, _>(2)?.0,
                    attempt: row.try_get(3)?,
                    max_attempts: row.try_get(4)?,
                })
            })
            .collect()
    }

    /// Extends leases; returns the ids that are still ours. Ids and attempts are parallel.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn extend_jobs(
        &self,
        ids: &[i64],
        attempts: &[i32],
        lease_seconds: i32,
    ) -> Result<Vec<i64>, DatabaseError> {
        let query = sqlx::query_scalar("select id from octroi_private.extend_jobs($1, $2, $3) as id")
            .bind(ids)
            .bind(attempts)
            .bind(lease_seconds);
        self.answer(query.fetch_all(self.pool())).await
    }

    /// Ends an attempt; false when another attempt has begun and this one no longer counts.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_job(
        &self,
        id: i64,
        attempt: i32,
        finished_as: FinishedAs,
        detail: Option<&str>,
        delay_seconds: i32,
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_job($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(attempt)
            .bind(finished_as.as_str())
            .bind(detail)
            .bind(delay_seconds);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Hands unfinished jobs back to the queue without counting the attempt. Ids and attempts are parallel.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn release_jobs(&self, ids: &[i64], attempts: &[i32]) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.release_jobs($1, $2)").bind(ids).bind(attempts);
        self.answer(query.execute(self.pool())).await?;
        Ok(())
    }
}
