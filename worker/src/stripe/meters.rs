//! Meters: reporting usage, and asking what Stripe has counted.

use serde::Serialize;
use stripe_billing::billing_meter::{
    CreateBillingMeter, CreateBillingMeterCustomerMapping, CreateBillingMeterCustomerMappingType,
    CreateBillingMeterDefaultAggregation, CreateBillingMeterDefaultAggregationFormula,
    CreateBillingMeterValueSettings, ListBillingMeter,
};
use stripe_billing::billing_meter_event_summary::ListIdBillingMeterEventSummary;
use stripe_client_core::{IdempotencyKey, RequestBuilder, StripeMethod};

use super::pages::{PAGE_OBJECTS, all};
use super::{Stripe, StripeError, made_once};

/// What Stripe says of an identifier that it has taken within the last day.
const KNOWN_IDENTIFIER: &str = "already exists with identifier";

/// Usage as it is reported. <https://docs.stripe.com/api/billing/meter-event/create>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterEvent {
    /// Made from our row; Stripe takes each once within a day.
    pub identifier: String,
    /// Names the meter.
    pub event_name: String,
    /// Whose usage it is.
    pub customer: String,
    /// Whole units of the meter.
    pub value: i64,
    /// When it was used, in Unix seconds.
    pub timestamp_s: i64,
}

/// What to add up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct MeterWindow {
    /// The meter.
    pub meter_id: String,
    /// Whose usage.
    pub customer: String,
    /// From this second on, on a minute.
    pub start_s: i64,
    /// Up to, without this second, on a minute.
    pub end_s: i64,
}

/// In this order, whatever a map would make of it: the same key must come with the same body.
#[derive(Serialize)]
struct EventForm<'e> {
    event_name: &'e str,
    identifier: &'e str,
    timestamp: i64,
    payload: EventPayload<'e>,
}

#[derive(Serialize)]
struct EventPayload<'e> {
    stripe_customer_id: &'e str,
    value: String,
}

impl Stripe {
    /// Reports usage. An identifier that Stripe has already is a success: it is ours alone.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn report_usage(&self, event: &MeterEvent) -> Result<(), StripeError> {
        let form = EventForm {
            event_name: &event.event_name,
            identifier: &event.identifier,
            timestamp: event.timestamp_s,
            payload: EventPayload { stripe_customer_id: &event.customer, value: event.value.to_string() },
        };
        let request = RequestBuilder::new(StripeMethod::Post, "/billing/meter_events").form(&form);
        let request = &request;
        let send = |key: String| async move {
            let key = IdempotencyKey::new(&key).map_err(|_| StripeError::NoKey)?;
            self.send(request, Some(&key)).await.map(drop)
        };
        // The identifier keeps another key from counting it twice.
        match made_once(&event.identifier, send, || async { Ok(None) }).await {
            Err(StripeError::Refused { message, .. }) if message.contains(KNOWN_IDENTIFIER) => Ok(()),
            outcome => outcome,
        }
    }

    /// What Stripe has counted in a window. One without a whole minute in it holds nothing, and Stripe refuses to look.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn counted(&self, window: &MeterWindow) -> Result<i64, StripeError> {
        if window.end_s <= window.start_s {
            return Ok(0);
        }
        let summaries = all(|after| async {
            let mut request = ListIdBillingMeterEventSummary::new(
                window.meter_id.as_str(),
                window.customer.as_str(),
                window.end_s,
                window.start_s,
            )
            .limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        summaries.iter().try_fold(0_i64, |total, summary| {
            let units = whole(summary.aggregated_value)?;
            total.checked_add(units).ok_or_else(|| StripeError::Unreadable("a sum beyond 2^63".to_owned()))
        })
    }

    /// The meters there are, as event name and id.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn meters(&self) -> Result<Vec<(String, String)>, StripeError> {
        let meters = all(|after| async {
            let mut request = ListBillingMeter::new().limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        Ok(meters.into_iter().map(|meter| (meter.event_name, meter.id.to_string())).collect())
    }

    /// Makes a meter that adds up whole units.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_meter(&self, event_name: &str, name: &str) -> Result<String, StripeError> {
        let sum = CreateBillingMeterDefaultAggregationFormula::Sum;
        let by_id = CreateBillingMeterCustomerMappingType::ById;
        let request =
            CreateBillingMeter::new(CreateBillingMeterDefaultAggregation::new(sum), name, event_name)
                .customer_mapping(CreateBillingMeterCustomerMapping::new("stripe_customer_id", by_id))
                .value_settings(CreateBillingMeterValueSettings::new("value"));
        let meter = self.change(&request, &format!("octroi-meter-{event_name}")).await?;
        Ok(meter.id.to_string())
    }
}

/// Stripe tells sums as decimals; ours are whole, and exact up to 2^53.
fn whole(value: f64) -> Result<i64, StripeError> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 || value.abs() > EXACT_MAX {
        return Err(StripeError::Unreadable("a meter total that is no whole number".to_owned()));
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    Ok(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_whole_or_not_believed() {
        assert_eq!(whole(1_234_567.0), Ok(1_234_567));
        assert_eq!(whole(-3.0), Ok(-3));
        assert!(whole(0.5).is_err() && whole(f64::NAN).is_err() && whole(1e300).is_err());
    }
}
