//! Reads an event about reports that Stripe accepted and then found invalid.

use crate::database::Database;
use crate::queue::{Failure, Outcome};
use crate::stripe::Stripe;

/// Runs the job.
pub(super) async fn run(event_id: &str, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let rejected = match stripe.rejected_reports(event_id).await {
        Err(error) if error.is_missing() => {
            database.finish_stripe_event(event_id, "quarantined", Some("Stripe does not know it")).await?;
            return Ok(Outcome::Done);
        }
        rejected => rejected?,
    };
    for report in &rejected {
        let identifiers = std::slice::from_ref(&report.identifier);
        let ours = database.reject_meter_reports(identifiers, &report.reason).await?;
        tracing::error!(
            identifier = report.identifier,
            reason = report.reason,
            ours,
            "Stripe rejected a meter report"
        );
    }
    database.finish_stripe_event(event_id, "done", None).await?;
    Ok(Outcome::Done)
}
