//! Asks Stripe for the events that never reached the webhook door, and takes them in.

use crate::database::Database;
use crate::queue::{Failure, Outcome};
use crate::stripe::Stripe;

/// What thin events' types begin with: Stripe lists only its own.
const THIN: [&str; 2] = ["v1.", "v2."];

/// Runs the job.
pub(super) async fn run(stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let mut types = database.subscribed_event_types().await?;
    types.retain(|kind| !THIN.iter().any(|prefix| kind.starts_with(prefix)));
    let events = stripe.undelivered_events(&types).await?;
    let mut queued = 0_usize;
    for event in &events {
        match database.receive_stripe_event(event).await {
            Ok(state) => queued += usize::from(state == "queued"),
            // One event that cannot be taken must not keep out the others.
            Err(error) if !error.is_transient() => {
                tracing::error!(event.id = event.id, %error, "event {} was not taken in", event.id);
            }
            Err(error) => return Err(error.into()),
        }
    }
    if queued > 0 {
        tracing::warn!(events = queued, "took in events that the webhook door had missed");
    }
    Ok(Outcome::Done)
}
