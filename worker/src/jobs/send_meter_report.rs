//! Reports usage to Stripe's meter, or finds out whether it was reported.

use uuid::Uuid;

use crate::database::{Database, ReportStep};
use crate::queue::{Failure, Outcome};
use crate::stripe::{MeterEvent, Stripe, StripeError};

/// Runs the job.
pub(super) async fn run(report_id: Uuid, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    match database.begin_meter_report(report_id).await? {
        ReportStep::Nothing => Ok(Outcome::Done),
        ReportStep::TooOld => {
            tracing::error!(report.id = %report_id, "meter report {report_id} is too old for Stripe");
            Ok(Outcome::Done)
        }
        ReportStep::Send(event) => send(report_id, &event, stripe, database).await,
        ReportStep::Compare(window) => {
            let total = stripe.counted(&window).await?;
            let state = database.resolve_meter_report(report_id, total).await?;
            if state == "disputed" {
                tracing::error!(report.id = %report_id, total, "Stripe counted what meter report {report_id} does not explain");
            }
            Ok(Outcome::Done)
        }
    }
}

async fn send(
    report_id: Uuid,
    event: &MeterEvent,
    stripe: &Stripe,
    database: &Database,
) -> Result<Outcome, Failure> {
    let Err(error) = stripe.report_usage(event).await else {
        database.finish_meter_report(report_id, "accepted", None).await?;
        return Ok(Outcome::Done);
    };
    let outcome = match &error {
        StripeError::Busy { .. } | StripeError::Unreachable | StripeError::Denied { .. } => "not_sent",
        StripeError::Refused { .. } | StripeError::Unnamed | StripeError::NoKey => "rejected",
        // A good status is an acceptance, whatever the body says.
        StripeError::Unreadable(_) => "accepted",
        StripeError::ServerError { .. } | StripeError::OutcomeUnknown { .. } => "unknown",
    };
    let detail = error.to_string();
    match database.finish_meter_report(report_id, outcome, Some(&detail)).await?.as_str() {
        "pending" | "unknown" => Err(error.into()),
        state => {
            tracing::warn!(report.id = %report_id, state, %error, "meter report {report_id} is {state}");
            Ok(Outcome::Done)
        }
    }
}
