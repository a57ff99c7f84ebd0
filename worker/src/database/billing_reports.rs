//! Meter reports: usage beyond plan and top-ups, on its way to Stripe.

use sqlx::Row;
use uuid::Uuid;

use super::{Database, DatabaseError};
use crate::stripe::{MeterEvent, MeterWindow};

/// What to do about a report. Asking commits the intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportStep {
    /// Nothing: it is finished, or another of the same customer and meter is in flight.
    Nothing,
    /// Send exactly this.
    Send(MeterEvent),
    /// Whether it arrived has been unknown for too long to send it again: ask what Stripe has counted.
    Compare(MeterWindow),
    /// Stripe takes nothing so old; it is booked and listed.
    TooOld,
}

impl Database {
    /// Begins a report, or goes on with it.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn begin_meter_report(&self, report_id: Uuid) -> Result<ReportStep, DatabaseError> {
        let query = sqlx::query(
            "select action, identifier, event_name, customer_id, value, timestamp_s, meter_id, window_start_s,
                    window_end_s
             from octroi_private.begin_meter_report($1)",
        )
        .bind(report_id);
        let Some(row) = self.answer(query.fetch_optional(self.pool())).await? else {
            return Ok(ReportStep::Nothing);
        };
        match row.try_get::<&str, _>("action")? {
            "send" => Ok(ReportStep::Send(MeterEvent {
                identifier: row.try_get("identifier")?,
                event_name: row.try_get("event_name")?,
                customer: row.try_get("customer_id")?,
                value: row.try_get("value")?,
                timestamp_s: row.try_get("timestamp_s")?,
            })),
            "compare" => Ok(ReportStep::Compare(MeterWindow {
                meter_id: row.try_get("meter_id")?,
                customer: row.try_get("customer_id")?,
                start_s: row.try_get("window_start_s")?,
                end_s: row.try_get("window_end_s")?,
            })),
            "too_old" => Ok(ReportStep::TooOld),
            other => Err(DatabaseError::Unreadable(format!("the step {other} of a report"))),
        }
    }

    /// Writes down how the sending ended: `accepted`, `not_sent`, `unknown` or `rejected`. The report's state now.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_meter_report(
        &self,
        report_id: Uuid,
        outcome: &str,
        detail: Option<&str>,
    ) -> Result<String, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_meter_report($1, $2, $3)")
            .bind(report_id)
            .bind(outcome)
            .bind(detail);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Writes down what Stripe has counted in the window of a report in doubt: `accepted`, `resent` or `disputed`.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn resolve_meter_report(
        &self,
        report_id: Uuid,
        stripe_total: i64,
    ) -> Result<String, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.resolve_meter_report($1, $2)")
            .bind(report_id)
            .bind(stripe_total);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Marks reports that Stripe found invalid after all; how many were ours.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reject_meter_reports(
        &self,
        identifiers: &[String],
        reason: &str,
    ) -> Result<i64, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.reject_meter_reports($1, $2)")
            .bind(identifiers)
            .bind(reason);
        self.answer(query.fetch_one(self.pool())).await
    }
}
