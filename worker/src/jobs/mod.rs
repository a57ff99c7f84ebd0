//! What each job does: one file per kind.

mod complete_request;

use std::time::Duration;

use crate::database::Database;
use crate::metered_call::MeteredCalls;
use crate::queue::{Failure, Job, Outcome};

/// What jobs work with.
#[derive(Clone)]
pub struct JobContext {
    /// The verbs.
    pub database: Database,
    /// Metered calls to OpenAI.
    pub calls: MeteredCalls,
    /// Longest call upstream.
    pub upstream_timeout: Duration,
    /// Where a refused caller can buy more.
    pub upgrade_url: Option<std::sync::Arc<str>>,
}

/// What a job may need beyond its call upstream, in seconds: look-ups, reserve, settle.
const MARGIN_SECONDS: u64 = 60;

/// How long a job of this kind may run.
pub(crate) fn time_limit(job: &Job, context: &JobContext) -> Duration {
    match job {
        Job::CompleteRequest { .. } => context.upstream_timeout + Duration::from_secs(MARGIN_SECONDS),
    }
}

/// Runs a job to its outcome.
pub(crate) async fn run(job: Job, context: JobContext) -> Result<Outcome, Failure> {
    match job {
        Job::CompleteRequest { completion_id } => complete_request::run(completion_id, &context).await,
    }
}
