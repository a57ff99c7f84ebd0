//! The daily reconciliation.

use crate::database::Database;
use crate::queue::{Failure, Outcome};
use crate::reconciliation::reconcile;
use crate::stripe::Stripe;

/// Runs the job.
pub(super) async fn run(stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let (run, reconciled) = reconcile(database, stripe, |_, _| {}).await?;
    metrics::gauge!(crate::telemetry::UNEXPLAINED_DIFFERENCES).set(reconciled.unexplained as f64);
    if reconciled.unexplained > 0 {
        tracing::error!(
            run,
            customers = reconciled.customers,
            unexplained = reconciled.unexplained,
            "reconciliation {run} found differences without an explanation"
        );
    }
    Ok(Outcome::Done)
}
