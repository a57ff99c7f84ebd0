//! How the stand-in behaves when no fault is planned; changeable while it runs.

use serde::{Deserialize, Serialize};

/// What becomes of a subscription whose invoice nobody could collect.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRetries {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It becomes `unpaid`.
    Unpaid,
    /// It stays `past_due`.
    PastDue,
}

/// What becomes of webhooks.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Webhooks {
    /// They are sent as events happen.
    #[default]
    Send,
    /// They wait for `POST /sim/webhooks/release`.
    Hold,
    /// They are lost, as if nothing at the other end had ever answered.
    Drop,
}

/// The settings.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What becomes of webhooks.
    pub webhooks: Webhooks,
    /// Deliveries under way at once; with 1 they arrive in the order of the events.
    pub webhook_concurrency: usize,
    /// Real milliseconds before a delivery is sent.
    pub webhook_delay_ms: u64,
    /// When a delivery that failed is tried again, in seconds of the stand-in's clock, from try to try.
    pub webhook_retry_seconds: Vec<i64>,
    /// How long a cycle's invoice stays a draft, in seconds. Stripe's default is an hour.
    pub draft_grace_seconds: i64,
    /// When a failed payment is tried again, in days from try to try.
    pub payment_retry_days: Vec<i64>,
    /// What follows the last try.
    pub after_payment_retries: AfterRetries,
    /// Real milliseconds for which a meter event keeps its customer and meter busy.
    pub meter_event_ms: u64,
    /// Whether accepted meter events stay out of all sums until this is false again.
    pub hold_meter_events: bool,
    /// Real milliseconds that every answer takes.
    pub latency_ms: u64,
    /// What is added where taxes are automatic, in hundredths of a percent; none while taxes are not set up.
    pub tax_basis_points: Option<i64>,
    /// Whether the dashboard links terms of service.
    pub has_terms_url: bool,
}

const HOUR: i64 = 3600;

impl Default for Settings {
    fn default() -> Self {
        Self {
            webhooks: Webhooks::default(),
            webhook_concurrency: 4,
            webhook_delay_ms: 0,
            // Up to three days, with growing pauses.
            webhook_retry_seconds: vec![
                300,
                1800,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                12 * HOUR,
                12 * HOUR,
                12 * HOUR,
                12 * HOUR,
            ],
            draft_grace_seconds: HOUR,
            payment_retry_days: vec![3, 5, 7],
            after_payment_retries: AfterRetries::default(),
            meter_event_ms: 2,
            hold_meter_events: false,
            latency_ms: 0,
            tax_basis_points: None,
            has_terms_url: false,
        }
    }
}
