//! A subscription with its items, and what its schedule makes of it next.

use serde::Serialize;
use stripe_shared::{SubscriptionSchedule, SubscriptionScheduleStatus};

use super::{id_of, optional_id_of};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "Stripe's names, documented at https://docs.stripe.com/api/subscriptions/object"
)]
pub struct Subscription {
    pub id: String,
    pub customer: String,
    pub status: String,
    pub created: i64,
    pub billing_cycle_anchor: i64,
    pub cancel_at_period_end: bool,
    pub cancel_at: Option<i64>,
    pub canceled_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub trial_start: Option<i64>,
    pub trial_end: Option<i64>,
    pub is_paused: bool,
    pub currency: String,
    pub latest_invoice: Option<String>,
    pub schedule: Option<String>,
    /// The price that the schedule's next phase asks for.
    pub next_price: Option<String>,
    /// When that phase begins.
    pub next_price_at: Option<i64>,
    pub items: Vec<SubscriptionItem>,
}

/// One price that a subscription is billed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct SubscriptionItem {
    pub id: String,
    pub price: String,
    /// None for a metered price.
    pub quantity: Option<u64>,
    pub current_period_start: i64,
    pub current_period_end: i64,
}

impl Subscription {
    /// The subscription with its schedule, if one was fetched.
    pub(in crate::stripe) fn new(
        subscription: &stripe_shared::Subscription,
        schedule: Option<&SubscriptionSchedule>,
    ) -> Self {
        let next = schedule.and_then(next_price);
        Self {
            id: subscription.id.to_string(),
            customer: id_of(&subscription.customer),
            status: subscription.status.to_string(),
            created: subscription.created,
            billing_cycle_anchor: subscription.billing_cycle_anchor,
            cancel_at_period_end: subscription.cancel_at_period_end,
            cancel_at: subscription.cancel_at,
            canceled_at: subscription.canceled_at,
            ended_at: subscription.ended_at,
            trial_start: subscription.trial_start,
            trial_end: subscription.trial_end,
            is_paused: subscription.pause_collection.is_some(),
            currency: subscription.currency.to_string(),
            latest_invoice: optional_id_of(subscription.latest_invoice.as_ref()),
            schedule: optional_id_of(subscription.schedule.as_ref()),
            next_price_at: next.as_ref().map(|(_, at)| *at),
            next_price: next.map(|(price, _)| price),
            items: subscription
                .items
                .data
                .iter()
                .map(|item| SubscriptionItem {
                    id: item.id.to_string(),
                    price: item.price.id.to_string(),
                    quantity: item.quantity,
                    current_period_start: item.current_period_start,
                    current_period_end: item.current_period_end,
                })
                .collect(),
        }
    }
}

/// The licensed price of the first phase after the current one, and when it begins. Only a running schedule has one.
fn next_price(schedule: &SubscriptionSchedule) -> Option<(String, i64)> {
    if schedule.status != SubscriptionScheduleStatus::Active {
        return None;
    }
    let now_until = schedule.current_phase.as_ref()?.end_date;
    let next = schedule.phases.iter().find(|phase| phase.start_date >= now_until)?;
    let licensed = next.items.iter().find(|item| item.quantity.is_some())?;
    Some((id_of(&licensed.price), next.start_date))
}
