//! Asks Stripe for the events that never reached the webhook door, and takes them in.

use crate::database::{Database, EVENTS_MAX};
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
    for events in events.chunks(EVENTS_MAX) {
        for (event, verdict) in events.iter().zip(database.receive_stripe_events(events).await?) {
            queued += usize::from(verdict.state == "queued");
            if verdict.state == "refused" {
                let reason = verdict.reason.unwrap_or_default();
                tracing::error!(event.id = event.id, reason, "event {} was not taken in", event.id);
            }
        }
    }
    if queued > 0 {
        tracing::warn!(events = queued, "took in events that the webhook door had missed");
    }
    Ok(Outcome::Done)
}
