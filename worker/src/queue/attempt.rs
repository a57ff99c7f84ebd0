//! One attempt of one job: run it apart, decide what follows, write that down behind the fence.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use super::recorder::Recorder;
use super::{Failure, Handler, Outcome, retry};
use crate::database::{ClaimedJob, FinishedAs, FinishedJob};
use crate::telemetry;

/// Runs the job and records what became of it. Its place is free as soon as the outcome waits to be written.
pub(super) async fn carry_out(
    handler: &impl Handler,
    recorder: &Recorder,
    job: &ClaimedJob,
    place: OwnedSemaphorePermit,
) {
    let (outcome, detail) = match run_apart(handler, job).await {
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
    // Rounded up: a job must not come back before its pause is over.
    let delay_seconds = i32::try_from(pause.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let finished = FinishedJob { id: job.id, attempt: job.attempt, finished_as, detail, delay_seconds };
    let room = recorder.room().await;
    drop(place);
    match recorder.record(finished).await {
        Ok(true) => {}
        Ok(false) => {
            metrics::counter!(telemetry::JOB_LEASES_LOST).increment(1);
            tracing::warn!(job.id = job.id, "job {} was finished by another attempt", job.id);
        }
        Err(error) => {
            tracing::error!(job.id = job.id, %error, "the outcome of job {} was not recorded", job.id)
        }
    }
    drop(room);
}

/// Runs the job in a task of its own, so that a panic or an endless loop ends with it.
async fn run_apart(handler: &impl Handler, claimed: &ClaimedJob) -> Result<Outcome, Failure> {
    let begun = handler.begin(claimed)?;
    let task = AbortOnDropHandle::new(tokio::spawn(begun.work));
    match tokio::time::timeout(begun.longest, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) => Err(Failure::TimedOut),
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
