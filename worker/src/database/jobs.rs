//! The job table's verbs: claim with a lease, extend, finish behind a fence, hand back.

use sqlx::types::Json;
use sqlx::{Connection, Row};
use time::OffsetDateTime;

use super::{Database, DatabaseError, Session};

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
    /// When it was due; with the id, its place in the queue.
    pub run_at: OffsetDateTime,
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct FinishedJob {
    /// The job's row.
    pub id: i64,
    /// The attempt that ended.
    pub attempt: i32,
    /// How it ended.
    pub finished_as: FinishedAs,
    /// Why, in words fit for the row.
    pub detail: Option<String>,
    /// Before it may run again, in seconds.
    pub delay_seconds: i32,
}

/// How an attempt ended, as `finish_jobs` takes it.
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
    /// Leases up to `max` due jobs of the given kinds, oldest first, skipping rows another worker has locked. With `after`,
    /// only those that stand after that place in the queue.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn claim_jobs(
        &self,
        worker: &str,
        kinds: &[&str],
        max: i32,
        lease_seconds: i32,
        after: Option<(OffsetDateTime, i64)>,
    ) -> Result<Vec<ClaimedJob>, DatabaseError> {
        let query = sqlx::query(
            "select id, kind, args, attempt, max_attempts, run_at
             from octroi_private.claim_jobs($1, $2, $3, $4, $5, $6)",
        )
        .bind(worker)
        .bind(kinds)
        .bind(max)
        .bind(lease_seconds)
        .bind(after.map(|(run_at, _)| run_at))
        .bind(after.map(|(_, id)| id));
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        let claimed: Result<Vec<_>, sqlx::Error> = rows
            .iter()
            .map(|row| {
                Ok(ClaimedJob {
                    id: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    args: row.try_get::<Json<serde_json::Value>, _>(2)?.0,
                    attempt: row.try_get(3)?,
                    max_attempts: row.try_get(4)?,
                    run_at: row.try_get(5)?,
                })
            })
            .collect();
        let mut claimed = claimed?;
        // An update returns rows in no order.
        claimed.sort_unstable_by_key(|job| (job.run_at, job.id));
        Ok(claimed)
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

impl Session {
    /// Ends attempts in one commit; returns the jobs that were still ours.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_jobs(&mut self, finished: &[&FinishedJob]) -> Result<Vec<i64>, DatabaseError> {
        let ids: Vec<i64> = finished.iter().map(|job| job.id).collect();
        let attempts: Vec<i32> = finished.iter().map(|job| job.attempt).collect();
        let outcomes: Vec<&str> = finished.iter().map(|job| job.finished_as.as_str()).collect();
        let details: Vec<Option<&str>> = finished.iter().map(|job| job.detail.as_deref()).collect();
        let delays: Vec<i32> = finished.iter().map(|job| job.delay_seconds).collect();
        self.run(async |connection| {
            sqlx::query_scalar("select id from octroi_private.finish_jobs($1, $2, $3, $4, $5) as id")
                .bind(&ids)
                .bind(&attempts)
                .bind(&outcomes)
                .bind(&details)
                .bind(&delays)
                .fetch_all(connection)
                .await
        })
        .await
    }

    /// Has jobs announced from now on, for as long as this connection lives. Waits while transactions are under way that
    /// were not told to announce theirs, so look once more afterwards.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; a timeout when they took longer than [`super::SessionLimits::STAND_BY`] allows.
    pub async fn stand_by_for_jobs(&mut self) -> Result<(), DatabaseError> {
        self.run(async |connection| {
            sqlx::query("select octroi_private.stand_by_for_jobs()").execute(connection).await.map(drop)
        })
        .await
    }

    /// Ends what [`Self::stand_by_for_jobs`] began.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn stop_standing_by(&mut self) -> Result<(), DatabaseError> {
        self.run(async |connection| {
            sqlx::query("select octroi_private.stop_standing_by()").execute(connection).await.map(drop)
        })
        .await
    }

    /// Asks whether the connection is alive; opens another one when there is none.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; what was held by a lost connection is lost with it.
    pub async fn ping(&mut self) -> Result<(), DatabaseError> {
        self.run(async |connection| connection.ping().await).await
    }
}
