//! What each job does: one file per kind.

mod complete_request;
mod send_mail;

use std::time::Duration;

use crate::database::Database;
use crate::mail::Post;
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
    /// How mail leaves; none when this worker sends none.
    pub post: Option<Post>,
}

/// What a job may need beyond its call to the outside, in seconds: look-ups, reserve, settle.
const MARGIN_SECONDS: u64 = 60;

/// The kinds of job this worker can run as it is configured. It claims no others: they wait for one that can.
pub(crate) fn kinds(context: &JobContext) -> Vec<&'static str> {
    let can_run = |kind: &&str| *kind != "send_mail" || context.post.is_some();
    Job::KINDS.into_iter().filter(can_run).collect()
}

/// How long a job of this kind may run.
pub(crate) fn time_limit(job: &Job, context: &JobContext) -> Duration {
    let outside = match job {
        Job::CompleteRequest { .. } => context.upstream_timeout,
        Job::SendMail { .. } => context.post.as_ref().map(|post| post.longest).unwrap_or_default(),
    };
    outside + Duration::from_secs(MARGIN_SECONDS)
}

/// Runs a job to its outcome.
pub(crate) async fn run(job: Job, context: JobContext) -> Result<Outcome, Failure> {
    match job {
        Job::CompleteRequest { completion_id } => complete_request::run(completion_id, &context).await,
        Job::SendMail { mail_id } => send_mail::run(mail_id, &context).await,
    }
}
