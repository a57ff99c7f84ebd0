//! Erases an account's customer at Stripe: cancel, bill what was used, wait until it is paid or waived, delete. Of a team
//! that goes on the customer stays, without whoever left it.
//!
//! SQL says what is next from what Stripe has, which is fetched anew before it is asked. Each attempt takes one step that
//! may be repeated, so it may die anywhere.

use std::time::Duration;

use super::sync;
use crate::database::{Database, ErasureStep};
use crate::queue::{Failure, Outcome};
use crate::stripe::Stripe;

/// Pause before what a step changed is looked at, in seconds.
const NEXT_SECONDS: u64 = 1;
/// Pause while another job has an object of the customer, in seconds.
const BUSY_SECONDS: u64 = 2;

/// Runs the job.
pub(super) async fn run(step_id: i64, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let Some(customer) = database.erasure_customer(step_id).await? else { return Ok(Outcome::Done) };
    if !look(&customer.id, stripe, database).await? {
        return Ok(Outcome::Snooze(Duration::from_secs(BUSY_SECONDS)));
    }
    match database.erasure_step(step_id).await? {
        ErasureStep::Done => return Ok(Outcome::Done),
        ErasureStep::Finish => {
            database.finish_erasure_step(step_id).await?;
            return Ok(Outcome::Done);
        }
        ErasureStep::Wait { seconds } => return Ok(Outcome::Snooze(Duration::from_secs(seconds))),
        ErasureStep::Cancel { subscription, schedule } => {
            // A page that is still open could begin another.
            for session in &customer.session_ids {
                stripe.expire_checkout(session).await?;
            }
            if let Some(schedule) = &schedule {
                stripe.release_schedule(schedule).await?;
            }
            stripe.cancel_now(&subscription).await?;
        }
        ErasureStep::Waive(invoices) => {
            for invoice in &invoices {
                stripe.waive_invoice(&invoice.id, invoice.is_draft).await?;
            }
            tracing::warn!(
                step.id = step_id,
                invoices = invoices.len(),
                "waived what an erased customer owed"
            );
        }
        ErasureStep::Delete => {
            for session in &customer.session_ids {
                stripe.expire_checkout(session).await?;
            }
            stripe.delete_customer(&customer.id).await?;
        }
        ErasureStep::HandOver(handover) => {
            for session in &customer.session_ids {
                stripe.expire_checkout(session).await?;
            }
            stripe.hand_over(&customer.id, &handover).await?;
            // What pays now is known from here on; a webhook says it too.
            sync("customer", &customer.id, stripe, database).await?;
            database.finish_erasure_step(step_id).await?;
            return Ok(Outcome::Done);
        }
    }
    Ok(Outcome::Snooze(Duration::from_secs(NEXT_SECONDS)))
}

/// Writes down everything Stripe has of the customer; false while another job is at some of it.
async fn look(customer: &str, stripe: &Stripe, database: &Database) -> Result<bool, Failure> {
    let mut objects = vec![("customer", customer.to_owned())];
    match stripe.objects_of(customer).await {
        Ok(theirs) => objects.extend(theirs),
        Err(error) if error.is_missing() => {}
        Err(error) => return Err(error.into()),
    }
    let mut is_whole = true;
    for (kind, id) in objects {
        is_whole &= sync(kind, &id, stripe, database).await?.is_some();
    }
    Ok(is_whole)
}
