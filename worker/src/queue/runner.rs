//! Claiming due jobs and running each in a task of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt;
use super::heartbeat::{LEASE_SECONDS, Leases};
use crate::database::{ClaimedJob, Database, DatabaseError};
use crate::jobs::{self, JobContext};
use crate::telemetry;

/// Most jobs claimed in one statement, so that several workers share a backlog.
const CLAIM_JOBS_MAX: usize = 16;
/// How often the table is looked at without a nudge, in seconds: the floor under lost notifications, and how precisely
/// a delayed job is on time.
const POLL_SECONDS: u64 = 2;
/// Longest pause between looks while the database is away, in seconds.
const POLL_SECONDS_MAX: u64 = 30;

/// Runs jobs until it is told to stop.
pub struct Runner {
    context: Arc<JobContext>,
    leases: Arc<Leases>,
    places: Arc<Semaphore>,
    running: TaskTracker,
    /// What this worker can run.
    kinds: Vec<&'static str>,
    /// Distinguishes this worker in the rows it leases.
    name: String,
}

impl Runner {
    /// A runner of at most `concurrency` jobs at once.
    pub fn new(context: JobContext, concurrency: usize) -> Self {
        Self {
            kinds: jobs::kinds(&context),
            context: Arc::new(context),
            leases: Arc::default(),
            places: Arc::new(Semaphore::new(concurrency)),
            running: TaskTracker::new(),
            name: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()),
        }
    }

    /// Claims and runs jobs until `stop`; then lets those running finish for at most `drain` and hands the rest back.
    pub async fn run(&self, wake: &Notify, stop: CancellationToken, drain: Duration) {
        let drained = CancellationToken::new();
        tokio::join!(self.leases.keep(self.database(), drained.clone()), async {
            self.claim_until(&stop, wake).await;
            self.hand_over(drain).await;
            drained.cancel();
        });
    }

    /// Stops between claims, never inside one: jobs leased by an answer nobody reads would wait out their lease.
    async fn claim_until(&self, stop: &CancellationToken, wake: &Notify) {
        let mut pause = Duration::from_secs(POLL_SECONDS);
        while let Some(places) = stop.run_until_cancelled(self.free_places()).await {
            match self.claim(places).await {
                Ok(more_may_be_due) => {
                    pause = Duration::from_secs(POLL_SECONDS);
                    if more_may_be_due {
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no jobs could be claimed");
                    pause = (pause * 2).min(Duration::from_secs(POLL_SECONDS_MAX));
                }
            }
            // A nudge that came while we were looking is kept by `wake`, so none is lost between looking and waiting.
            tokio::select! {
                () = stop.cancelled() => return,
                () = wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Waits for a free place and takes as many as one claim may fill.
    async fn free_places(&self) -> Vec<OwnedSemaphorePermit> {
        let mut places: Vec<_> = Arc::clone(&self.places).acquire_owned().await.into_iter().collect();
        while places.len() < CLAIM_JOBS_MAX {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { break };
            places.push(place);
        }
        places
    }

    /// Claims a job for each place. True when there may be more.
    async fn claim(&self, places: Vec<OwnedSemaphorePermit>) -> Result<bool, DatabaseError> {
        let max = i32::try_from(places.len()).unwrap_or(i32::MAX);
        let jobs = self.database().claim_jobs(&self.name, &self.kinds, max, LEASE_SECONDS).await?;
        let more_may_be_due = jobs.len() == places.len();
        for (job, place) in jobs.into_iter().zip(places) {
            self.start(job, place);
        }
        Ok(more_may_be_due)
    }

    fn start(&self, job: ClaimedJob, place: OwnedSemaphorePermit) {
        let lost = self.leases.add(job.id, job.attempt);
        let (context, leases) = (Arc::clone(&self.context), Arc::clone(&self.leases));
        self.running.spawn(async move {
            let began = Instant::now();
            metrics::gauge!(telemetry::JOBS_RUNNING).increment(1);
            let ended = lost.run_until_cancelled(attempt::carry_out(&context, &job)).await;
            if ended.is_none() {
                tracing::warn!(
                    job.id = job.id,
                    job.attempt = job.attempt,
                    "job {} is no longer ours",
                    job.id
                );
            }
            leases.remove(job.id, job.attempt);
            metrics::gauge!(telemetry::JOBS_RUNNING).decrement(1);
            metrics::histogram!(telemetry::JOB_SECONDS, "kind" => job.kind).record(began.elapsed());
            drop(place);
        });
    }

    async fn hand_over(&self, drain: Duration) {
        self.running.close();
        if tokio::time::timeout(drain, self.running.wait()).await.is_ok() {
            return;
        }
        let (ids, attempts) = self.leases.take_all();
        self.running.wait().await;
        match self.database().release_jobs(&ids, &attempts).await {
            Ok(()) => tracing::info!(jobs = ids.len(), "unfinished jobs were handed back"),
            Err(error) => {
                tracing::warn!(%error, jobs = ids.len(), "unfinished jobs wait for their leases to end")
            }
        }
    }

    fn database(&self) -> &Database {
        &self.context.database
    }
}
