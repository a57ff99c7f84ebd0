//! Corrects at Stripe what somebody corrected here. What they gave is forgotten here as soon as Stripe has it.

use std::time::Duration;

use uuid::Uuid;

use crate::database::Database;
use crate::queue::{Failure, Outcome};
use crate::stripe::Stripe;

/// Pause while what an earlier owner left at Stripe is removed, in seconds.
const WAIT_SECONDS: u64 = 2;

/// Runs the job. Each call sets what is to be, under a key that names the version, so repeating it changes nothing.
pub(super) async fn run(change_id: Uuid, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let Some(change) = database.load_contact_change(change_id).await? else {
        database
            .finish_contact_change(change_id, None, Some("Stripe does not know this customer any more"))
            .await?;
        return Ok(Outcome::Done);
    };
    if change.must_wait {
        return Ok(Outcome::Snooze(Duration::from_secs(WAIT_SECONDS)));
    }
    let problem =
        match stripe.correct_customer(&change.customer_id, &change.details, &change.idempotency_key).await {
            Ok(()) => None,
            // Stripe's sentences repeat what was given; its codes do not.
            Err(error) if error.is_refusal() => Some(error.code().unwrap_or("no_such_customer").to_owned()),
            Err(error) => return Err(error.into()),
        };
    if let Some(code) = &problem {
        tracing::warn!(contact_change.id = %change_id, code, "Stripe refused contact change {change_id}");
    }
    if database.finish_contact_change(change_id, Some(change.version), problem.as_deref()).await? {
        return Ok(Outcome::Done);
    }
    // Corrected once more meanwhile: that version goes now.
    Ok(Outcome::Snooze(Duration::ZERO))
}
