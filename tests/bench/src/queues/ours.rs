//! The worker's own queue, with jobs that do nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use octroi_worker::config::DatabaseConfig;
use octroi_worker::database::{ClaimedJob, Database};
use octroi_worker::queue::{self, Begun, Failure, Handler, Outcome, Runner};
use sqlx::PgConnection;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::rig::Rig;

/// A kind that no worker of a user's knows.
pub const KIND: &str = "bench_no_op";
/// Of the worker's pool.
const CONNECTIONS: u32 = 4;
/// Jobs that end at once are best run many at a time; the most that `OCTROI_JOB_CONCURRENCY` takes.
const CONCURRENCY: usize = 1_024;
/// Longest job, and longest end of a worker.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest wait for jobs to be done.
const DONE_SECONDS: u64 = 300;
/// Pause between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// When jobs were started.
pub type Starts = Arc<Mutex<HashMap<i64, Instant>>>;

/// Does nothing, counts, and may take note of when it was asked to.
struct NoOp {
    starts: Option<Starts>,
    begun: Arc<AtomicU64>,
}

impl Handler for NoOp {
    fn kinds(&self) -> Vec<&'static str> {
        vec![KIND]
    }

    fn begin(&self, claimed: &ClaimedJob) -> Result<Begun, Failure> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let (starts, id) = (self.starts.clone(), claimed.id);
        let work = async move {
            if let Some(starts) = starts {
                starts.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
            }
            Ok(Outcome::Done)
        };
        Ok(Begun { longest: LONGEST, work: Box::pin(work) })
    }
}

/// A worker at work.
pub struct Worker {
    stop: CancellationToken,
    task: JoinHandle<()>,
    begun: Arc<AtomicU64>,
}

impl Worker {
    /// Starts one, with its listener.
    pub fn start(rig: &Rig, starts: Option<Starts>) -> Result<Self> {
        let url = rig.args.worker_database_url.clone().into();
        let database = Database::new(&DatabaseConfig { url, connections: CONNECTIONS })?;
        let begun = Arc::new(AtomicU64::new(0));
        let handler = NoOp { starts, begun: Arc::clone(&begun) };
        let runner = Runner::new(handler, database.clone(), CONCURRENCY);
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::join!(
                queue::listen(database, Arc::clone(&wake), stopped.clone()),
                runner.run(&wake, stopped, LONGEST)
            );
        });
        Ok(Self { stop, task, begun })
    }

    /// Waits until it has begun so many jobs. The database is not asked: that would be a load of its own.
    async fn has_begun(&self, jobs: u32) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(DONE_SECONDS);
        while self.begun.load(Ordering::Relaxed) < u64::from(jobs) {
            if Instant::now() > deadline {
                bail!("not all of {jobs} jobs were begun within {DONE_SECONDS} s");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Ends it, once every job it has begun is durably done.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        self.task.await.context("the worker broke")
    }
}

/// Puts so many jobs into the queue, in one statement.
pub async fn add(connection: &mut PgConnection, jobs: u32) -> Result<()> {
    sqlx::query("insert into octroi_private.job (kind, args) select $1, '{}' from generate_series(1, $2)")
        .bind(KIND)
        .bind(i32::try_from(jobs)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Waits until every job is durably done.
pub async fn done(connection: &mut PgConnection) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(DONE_SECONDS);
    loop {
        // By the partial indexes: jobs that are done cost nothing here.
        let is_left: bool = sqlx::query_scalar(
            "select exists (select from octroi_private.job where state = 'queued')
               or exists (select from octroi_private.job where state = 'running')",
        )
        .fetch_one(&mut *connection)
        .await?;
        if !is_left {
            break;
        }
        if Instant::now() > deadline {
            bail!("jobs are left after {DONE_SECONDS} s");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let lost: i64 = sqlx::query_scalar("select count(*) from octroi_private.job where state <> 'done'")
        .fetch_one(connection)
        .await?;
    if lost > 0 {
        bail!("{lost} jobs were given up");
    }
    Ok(())
}

/// Drains a queue of so many jobs; from the start of a worker until the last job is durably done, in seconds.
pub async fn drain(rig: &Rig, connection: &mut PgConnection, jobs: u32) -> Result<f64> {
    let started = Instant::now();
    let worker = Worker::start(rig, None)?;
    worker.has_begun(jobs).await?;
    worker.stop().await?;
    let seconds = started.elapsed().as_secs_f64();
    done(connection).await?;
    Ok(seconds)
}

/// Empties the table; no section needs what another has left there.
pub async fn clear(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("truncate octroi_private.job").execute(&mut *connection).await?;
    sqlx::query("checkpoint").execute(connection).await?;
    Ok(())
}
