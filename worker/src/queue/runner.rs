//! Claiming due jobs and running each in a task of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::heartbeat::{LEASE_SECONDS, Leases};
use super::place::Place;
use super::recorder::Recorder;
use super::stand_by::StandBy;
use super::{Handler, attempt};
use crate::database::{ClaimedJob, Database, DatabaseError};
use crate::telemetry;

/// Most jobs claimed in one statement, so that several workers share a backlog.
const CLAIM_JOBS_MAX: usize = 500;
/// How long places may gather while there is a backlog, in milliseconds, so that quick jobs are claimed many at a time.
const GATHER_MS: u64 = 5;
/// Pause after which a worker that found jobs looks again, in milliseconds. Before that nobody needs to announce any.
const LOOK_AGAIN_MS: u64 = 2;
/// How often the table is looked at without a nudge, in seconds: the floor under lost notifications, and how precisely
/// a delayed job is on time.
const POLL_SECONDS: u64 = 2;
/// Longest pause between looks while the database is away, in seconds.
const POLL_SECONDS_MAX: u64 = 30;

/// Runs jobs until it is told to stop.
pub struct Runner<H> {
    handler: Arc<H>,
    database: Database,
    leases: Arc<Leases>,
    places: Arc<Semaphore>,
    concurrency: usize,
    running: TaskTracker,
    stand_by: StandBy,
    /// What this worker can run.
    kinds: Vec<&'static str>,
    /// Distinguishes this worker in the rows it leases.
    name: String,
}

/// What a claim found.
enum Found {
    Nothing,
    /// Fewer jobs than there were places.
    Some,
    /// A job for each place; the last of them.
    Full(ClaimedJob),
}

impl<H: Handler> Runner<H> {
    /// A runner of at most `concurrency` jobs at once.
    pub fn new(handler: H, database: Database, concurrency: usize) -> Self {
        Self {
            kinds: handler.kinds(),
            handler: Arc::new(handler),
            database,
            leases: Arc::default(),
            places: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            running: TaskTracker::new(),
            stand_by: StandBy::default(),
            name: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()),
        }
    }

    /// Claims and runs jobs until `stop`; then lets those running finish for at most `drain` and hands the rest back.
    pub async fn run(&self, wake: &Notify, stop: CancellationToken, drain: Duration) {
        let drained = CancellationToken::new();
        tokio::join!(
            self.leases.keep(&self.database, drained.clone()),
            self.stand_by.keep(&self.database, wake, stop.clone()),
            async {
                self.claim_until(&stop, wake).await;
                self.hand_over(drain).await;
                drained.cancel();
            }
        );
    }

    /// Stops between claims, never inside one: jobs leased by an answer nobody reads would wait out their lease.
    async fn claim_until(&self, stop: &CancellationToken, wake: &Notify) {
        let recorder = Recorder::start(&self.database);
        let poll = Duration::from_secs(POLL_SECONDS);
        let (mut place, mut pause, mut is_behind) = (Place::default(), poll, false);
        while let Some(places) = stop.run_until_cancelled(self.free_places(is_behind)).await {
            let found = self.claim(places, &place, &recorder).await;
            is_behind = false;
            match found {
                Ok(Found::Full(last)) => {
                    self.stand_by.set(false);
                    place.read_on(&last);
                    is_behind = true;
                    continue;
                }
                Ok(_) if place.go_back() => continue,
                Ok(Found::Some) => {
                    self.stand_by.set(false);
                    pause = Duration::from_millis(LOOK_AGAIN_MS);
                }
                Ok(Found::Nothing) => {
                    self.stand_by.set(true);
                    pause = poll;
                }
                Err(error) => {
                    tracing::warn!(%error, "no jobs could be claimed");
                    pause = (pause * 2).clamp(poll, Duration::from_secs(POLL_SECONDS_MAX));
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

    /// Waits for a free place and takes as many as one claim may fill. Of a backlog many are taken at a time.
    async fn free_places(&self, is_behind: bool) -> OwnedSemaphorePermit {
        let most = CLAIM_JOBS_MAX.min(self.concurrency);
        if is_behind {
            let gathered = Arc::clone(&self.places).acquire_many_owned(at_most_u32(most.div_ceil(2)));
            if let Ok(Ok(places)) = tokio::time::timeout(Duration::from_millis(GATHER_MS), gathered).await {
                return self.with_more(places, most);
            }
        }
        match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => self.with_more(place, most),
            // The semaphore lives as long as the runner and is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    fn with_more(&self, mut places: OwnedSemaphorePermit, most: usize) -> OwnedSemaphorePermit {
        let more = most.saturating_sub(places.num_permits()).min(self.places.available_permits());
        if let Ok(more) = Arc::clone(&self.places).try_acquire_many_owned(at_most_u32(more)) {
            places.merge(more);
        }
        places
    }

    /// Claims a job for each place.
    async fn claim(
        &self,
        mut places: OwnedSemaphorePermit,
        place: &Place,
        recorder: &Recorder,
    ) -> Result<Found, DatabaseError> {
        let max = i32::try_from(places.num_permits()).unwrap_or(i32::MAX);
        let claimed =
            self.database.claim_jobs(&self.name, &self.kinds, max, LEASE_SECONDS, place.after()).await?;
        let found = match claimed.last() {
            None => Found::Nothing,
            Some(last) if claimed.len() == places.num_permits() => Found::Full(last.clone()),
            Some(_) => Found::Some,
        };
        for job in claimed {
            if let Some(place) = places.split(1) {
                self.start(job, place, recorder.clone());
            }
        }
        Ok(found)
    }

    fn start(&self, job: ClaimedJob, place: OwnedSemaphorePermit, recorder: Recorder) {
        let lost = self.leases.add(job.id, job.attempt);
        let (handler, leases) = (Arc::clone(&self.handler), Arc::clone(&self.leases));
        self.running.spawn(async move {
            let began = Instant::now();
            metrics::gauge!(telemetry::JOBS_RUNNING).increment(1);
            let attempt = attempt::carry_out(&*handler, &recorder, &job, place);
            let ended = lost.run_until_cancelled(attempt).await;
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
        });
    }

    async fn hand_over(&self, drain: Duration) {
        self.running.close();
        if tokio::time::timeout(drain, self.running.wait()).await.is_ok() {
            return;
        }
        let (ids, attempts) = self.leases.take_all();
        self.running.wait().await;
        match self.database.release_jobs(&ids, &attempts).await {
            Ok(()) => tracing::info!(jobs = ids.len(), "unfinished jobs were handed back"),
            Err(error) => {
                tracing::warn!(%error, jobs = ids.len(), "unfinished jobs wait for their leases to end")
            }
        }
    }
}

fn at_most_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
