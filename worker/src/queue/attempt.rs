//! One attempt of one job: run it apart, decide what follows, write that down behind the fence.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::{Failure, Job, Outcome, retry};
use crate::database::{ClaimedJob, DatabaseError, FinishedAs};
use crate::jobs::{self, JobContext};
use crate::telemetry;

/// How often an outcome is tried to be written before the lease is left to run out.
const FINISH_TRIES: u32 = 20;
/// Pause between those tries, in seconds.
const FINISH_PAUSE_SECONDS: u64 = 2;

/// Runs the job and records what became of it.
pub(super) async fn carry_out(context: &JobContext, job: &ClaimedJob) {
    let (outcome, detail) = match run_apart(context, job).await {
        Ok(outcome) => (outcome, None),
        Err(failure) => (retry::decide(&failure), Some(failure.to_string())),
    };
    let (finished_as, pause, detail) = match outcome {
        Outcome::Done => (FinishedAs::Done, Duration::ZERO, None),
        Outcome::Retry => {
            let spread = u64::try_from(job.id).unwrap_or_default();
            (FinishedAs::Retry, retry::backoff(job.attempt, spread), detail)
        }
        Outcome::Snooze(pause) => (FinishedAs::Snooze, pause, detail),
        Outcome::Cancel(why) => (FinishedAs::Cancel, Duration::ZERO, Some(why)),
    };
    report(job, finished_as, detail.as_deref());
    match finish(context, job, finished_as, detail.as_deref(), pause).await {
        Ok(true) => {}
        Ok(false) => {
            metrics::counter!(telemetry::JOB_LEASES_LOST).increment(1);
            tracing::warn!(job.id = job.id, "job {} was finished by another attempt", job.id);
        }
        Err(error) => {
            tracing::error!(job.id = job.id, %error, "the outcome of job {} was not recorded", job.id)
        }
    }
}

/// Runs the job in a task of its own, so that a panic or an endless loop ends with it.
async fn run_apart(context: &JobContext, claimed: &ClaimedJob) -> Result<Outcome, Failure> {
    let job = Job::read(&claimed.kind, claimed.args.clone()).map_err(|_| Failure::BadArguments)?;
    let longest = jobs::time_limit(&job, context);
    let task = AbortOnDropHandle::new(tokio::spawn(jobs::run(job, context.clone())));
    match tokio::time::timeout(longest, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) => Err(Failure::TimedOut),
    }
}

async fn finish(
    context: &JobContext,
    job: &ClaimedJob,
    finished_as: FinishedAs,
    detail: Option<&str>,
    pause: Duration,
) -> Result<bool, DatabaseError> {
    // Rounded up: a job must not come back before its pause is over.
    let delay_seconds = i32::try_from(pause.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let mut tries = 1;
    loop {
        let result =
            context.database.finish_job(job.id, job.attempt, finished_as, detail, delay_seconds).await;
        match result {
            Err(error) if error.is_transient() && tries < FINISH_TRIES => {
                tracing::warn!(job.id = job.id, %error, "the outcome of job {} is being written again", job.id);
                tries += 1;
                tokio::time::sleep(Duration::from_secs(FINISH_PAUSE_SECONDS)).await;
            }
            // Once a try may have been carried out, "no longer ours" can be its own doing.
            Ok(false) if tries > 1 => return Ok(true),
            result => return result,
        }
    }
}

fn report(job: &ClaimedJob, finished_as: FinishedAs, detail: Option<&str>) {
    let outcome = finished_as.as_str();
    metrics::counter!(telemetry::JOBS_FINISHED, "kind" => job.kind.clone(), "outcome" => outcome)
        .increment(1);
    let (id, kind, attempt) = (job.id, job.kind.as_str(), job.attempt);
    match finished_as {
        FinishedAs::Done => tracing::debug!(job.id = id, job.kind = kind, "job {id} is done"),
        FinishedAs::Snooze => tracing::info!(job.id = id, job.kind = kind, detail, "job {id} waits"),
        FinishedAs::Retry if attempt >= job.max_attempts => {
            tracing::error!(job.id = id, job.kind = kind, job.attempt = attempt, detail, "job {id} is dead");
        }
        FinishedAs::Retry => {
            tracing::warn!(
                job.id = id,
                job.kind = kind,
                job.attempt = attempt,
                detail,
                "job {id} will be retried"
            );
        }
        FinishedAs::Cancel => {
            tracing::error!(
                job.id = id,
                job.kind = kind,
                job.attempt = attempt,
                detail,
                "job {id} was cancelled"
            );
        }
    }
}
