//! Looks at an object of Stripe's and writes down what it is now.
//!
//! An event only says that something changed. The lock is taken before the object is fetched, so of two fetches the later
//! one is written last, whatever the order of events.

use std::time::Duration;

use crate::database::{Applied, Database};
use crate::queue::{Failure, Outcome};
use crate::stripe::{Stripe, StripeError, Synced};

/// How long an object is ours without being written, in seconds: longer than all its pages take.
const LEASE_SECONDS: i32 = 120;
/// Pause while another has the object, in seconds.
const LOCKED_SNOOZE_SECONDS: u64 = 1;

/// Runs the job.
pub(super) async fn run(
    kind: &str,
    id: &str,
    stripe: &Stripe,
    database: &Database,
) -> Result<Outcome, Failure> {
    match sync(kind, id, stripe, database).await? {
        None => Ok(Outcome::Snooze(Duration::from_secs(LOCKED_SNOOZE_SECONDS))),
        Some(Applied::Taken) => Ok(Outcome::Done),
        Some(Applied::Fenced) => Ok(Outcome::Retry),
        Some(Applied::Quarantined { problem }) => {
            tracing::warn!(kind, object.id = id, problem, "{kind} {id} was put aside");
            Ok(Outcome::Done)
        }
    }
}

/// Fetches an object and writes it down; none while another has it.
///
/// # Errors
/// A [`Failure`]; the object is unlocked then.
pub(crate) async fn sync(
    kind: &str,
    id: &str,
    stripe: &Stripe,
    database: &Database,
) -> Result<Option<Applied>, Failure> {
    let Some(fence) = database.lock_stripe_object(kind, id, LEASE_SECONDS).await? else { return Ok(None) };
    match fetch(kind, id, stripe).await {
        Ok(object) => Ok(Some(database.apply_stripe_object(kind, id, fence, &object).await?)),
        Err(failure) => {
            database.unlock_stripe_object(kind, id, fence).await?;
            Err(failure)
        }
    }
}

async fn fetch(kind: &str, id: &str, stripe: &Stripe) -> Result<Synced, Failure> {
    let fetched = match kind {
        "customer" => stripe.customer(id).await,
        "subscription" => stripe.subscription(id).await,
        "invoice" => stripe.invoice(id).await,
        "checkout_session" => stripe.checkout_session(id).await,
        "charge" => stripe.charge(id).await,
        "dispute" => stripe.dispute(id).await,
        _ => return Err(Failure::BadArguments),
    };
    match fetched {
        Err(error) if error.is_missing() => Ok(Synced::Deleted { deleted: true }),
        Err(StripeError::Unreadable(what)) => {
            tracing::error!(kind, object.id = id, what, "{kind} {id} cannot be read");
            Err(Failure::Stripe(StripeError::Unreadable(what)))
        }
        fetched => Ok(fetched?),
    }
}
