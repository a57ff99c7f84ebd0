//! What each job does: one file per kind.

mod close_cycle;
mod complete_request;
mod erase_at_stripe;
mod list_missed_events;
mod push_contact;
mod read_meter_errors;
mod reconcile;
mod remove_usage;
mod run_billing_request;
mod send_breach_notices;
mod send_mail;
mod send_meter_report;
mod sync_stripe_object;

use std::time::Duration;

use crate::database::{ClaimedJob, Database};
use crate::gateway::KnownPages;
use crate::mail::Post;
use crate::metered_call::MeteredCalls;
use crate::queue::{Begun, Failure, Handler, Job, Outcome};
use crate::refused_calls::RefusedCalls;
use crate::stripe::Stripe;

pub(crate) use sync_stripe_object::sync;

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
    pub pages: KnownPages,
    /// What was refused, for whoever helps the caller.
    pub refused_calls: RefusedCalls,
    /// The way to Stripe; none when this worker bills nothing.
    pub stripe: Option<Stripe>,
    /// How mail leaves; none when this worker sends none.
    pub post: Option<Post>,
}

/// What a job may need beyond its call to the outside, in seconds: look-ups, reserve, settle.
const MARGIN_SECONDS: u64 = 60;
/// Longest job of a few calls to Stripe, in seconds.
const STRIPE_SECONDS: u64 = 600;
/// Longest job that goes through everything there is at Stripe, in seconds.
const STRIPE_WHOLE_SECONDS: u64 = 6 * 3600;
/// Longest attempt at queueing the notices of a breach, in seconds; the next one goes on where it ended.
const NOTICES_SECONDS: u64 = 3600;

/// Longest attempt to remove an erased person's calls, in seconds; what it has not done the next one does.
const REMOVAL_SECONDS: u64 = 600;

impl Handler for JobContext {
    fn kinds(&self) -> Vec<&'static str> {
        let can_run = |kind: &&str| match *kind {
            "complete_request" | "remove_usage" | "send_breach_notices" => true,
            "send_mail" => self.post.is_some(),
            _ => self.stripe.is_some(),
        };
        Job::KINDS.into_iter().filter(can_run).collect()
    }

    fn begin(&self, claimed: &ClaimedJob) -> Result<Begun, Failure> {
        let job = Job::read(&claimed.kind, claimed.args.clone()).map_err(|_| Failure::BadArguments)?;
        Ok(Begun { longest: time_limit(&job, self), work: Box::pin(run(job, self.clone())) })
    }
}

/// How long a job of this kind may run.
fn time_limit(job: &Job, context: &JobContext) -> Duration {
    let outside = match job {
        Job::CompleteRequest { .. } => context.upstream_timeout,
        Job::RunBillingRequest { .. }
        | Job::SyncStripeObject { .. }
        | Job::ReadMeterErrors { .. }
        | Job::SendMeterReport { .. }
        | Job::PushContact { .. }
        | Job::CloseCycle { .. }
        | Job::EraseAtStripe { .. } => Duration::from_secs(STRIPE_SECONDS),
        Job::SendBreachNotices { .. } => Duration::from_secs(NOTICES_SECONDS),
        Job::ListMissedEvents {} | Job::Reconcile {} => Duration::from_secs(STRIPE_WHOLE_SECONDS),
        Job::RemoveUsage { .. } => Duration::from_secs(REMOVAL_SECONDS),
        Job::SendMail { .. } => context.post.as_ref().map(|post| post.longest).unwrap_or_default(),
    };
    outside + Duration::from_secs(MARGIN_SECONDS)
}

/// Runs a job to its outcome.
async fn run(job: Job, context: JobContext) -> Result<Outcome, Failure> {
    let database = &context.database;
    let stripe = || context.stripe.as_ref().ok_or(Failure::NotConfigured);
    match job {
        Job::CompleteRequest { completion_id } => complete_request::run(completion_id, &context).await,
        Job::RunBillingRequest { billing_request_id } => {
            run_billing_request::run(billing_request_id, stripe()?, database).await
        }
        Job::SyncStripeObject { kind, id } => sync_stripe_object::run(&kind, &id, stripe()?, database).await,
        Job::ReadMeterErrors { event_id } => read_meter_errors::run(&event_id, stripe()?, database).await,
        Job::SendMeterReport { report_id } => send_meter_report::run(report_id, stripe()?, database).await,
        Job::CloseCycle { invoice_id } => close_cycle::run(&invoice_id, stripe()?, database).await,
        Job::ListMissedEvents {} => list_missed_events::run(stripe()?, database).await,
        Job::Reconcile {} => reconcile::run(stripe()?, database).await,
        Job::PushContact { contact_change_id } => {
            push_contact::run(contact_change_id, stripe()?, database).await
        }
        Job::SendMail { mail_id } => send_mail::run(mail_id, &context).await,
        Job::RemoveUsage { receipt_id } => remove_usage::run(receipt_id, database).await,
        Job::EraseAtStripe { step_id } => erase_at_stripe::run(step_id, stripe()?, database).await,
        Job::SendBreachNotices { breach_id } => send_breach_notices::run(breach_id, database).await,
    }
}
