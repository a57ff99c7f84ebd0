//! Reports that Stripe accepted and later found invalid. They come as thin events of API v2, which async-stripe does not
//! know: the event names nothing, and is read for its samples.

use serde::{Deserialize, Serialize};

use super::{Stripe, StripeError};

/// What is wrong with a report of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedReport {
    /// The report's identifier.
    pub identifier: String,
    /// Stripe's code.
    pub reason: String,
}

/// A call without parameters.
#[derive(Serialize)]
struct Nothing {}

/// <https://docs.stripe.com/api/v2/core/events/event-types#v2_event_types-v1.billing.meter.error_report_triggered>
#[derive(Deserialize)]
struct ErrorEvent {
    #[serde(default)]
    data: ErrorData,
}

#[derive(Deserialize, Default)]
struct ErrorData {
    #[serde(default)]
    reason: Reason,
}

#[derive(Deserialize, Default)]
struct Reason {
    #[serde(default)]
    error_types: Vec<ErrorType>,
}

#[derive(Deserialize)]
struct ErrorType {
    code: String,
    #[serde(default)]
    sample_errors: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    request: SampleRequest,
}

#[derive(Deserialize)]
struct SampleRequest {
    identifier: String,
}

impl Stripe {
    /// The reports that an event about invalid usage names. Stripe names samples only: whatever it leaves out shows when
    /// totals are compared.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn rejected_reports(&self, event_id: &str) -> Result<Vec<RejectedReport>, StripeError> {
        let event: ErrorEvent = self.read(&format!("/v2/core/events/{event_id}"), &Nothing {}).await?;
        Ok(reports(event))
    }
}

fn reports(event: ErrorEvent) -> Vec<RejectedReport> {
    let types = event.data.reason.error_types;
    types
        .into_iter()
        .flat_map(|error| {
            let reason = error.code;
            error.sample_errors.into_iter().map(move |sample| RejectedReport {
                identifier: sample.request.identifier,
                reason: reason.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_their_reason() {
        let event = serde_json::json!({
            "id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
            "data": { "developer_message_summary": "x", "reason": { "error_count": 1, "error_types": [
                { "code": "meter_event_customer_not_found", "error_count": 1, "sample_errors": [
                    { "error_message": "no such customer", "request": { "identifier": "r-1" } } ] } ] } },
        });
        let event: ErrorEvent = serde_json::from_value(event).unwrap();
        let expected = RejectedReport {
            identifier: "r-1".to_owned(),
            reason: "meter_event_customer_not_found".to_owned(),
        };
        assert_eq!(reports(event), [expected]);
    }

    #[test]
    fn an_event_without_samples_names_nothing() {
        let event: ErrorEvent = serde_json::from_value(serde_json::json!({ "id": "evt_1" })).unwrap();
        assert!(reports(event).is_empty());
    }
}
