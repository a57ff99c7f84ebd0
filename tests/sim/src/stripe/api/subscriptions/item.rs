//! The items of a subscription: each with a price and a period of its own.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::api::prices::Price;
use crate::stripe::params::Metadata;
use crate::stripe::world::{Interval, Resource, World, fresh_id};

/// What was billed in advance, and for when: credits are a part of that, whatever the price is by then.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Debit {
    pub amount: i64,
    pub period: (i64, i64),
}

/// A subscription item.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Item {
    pub id: String,
    pub created: i64,
    pub price: String,
    pub quantity: i64,
    pub metadata: Metadata,
    pub period: (i64, i64),
    /// From when on its usage is not billed yet; later than the period's start after a change of its price.
    pub metered_since: i64,
    pub debit: Option<Debit>,
}

impl Item {
    /// A new item with the period that begins now.
    pub fn new(now: i64, price: &Price, quantity: i64, metadata: Metadata, period: (i64, i64)) -> Self {
        Self {
            id: fresh_id("si_"),
            created: now,
            price: price.id.clone(),
            quantity,
            metadata,
            period,
            metered_since: period.0,
            debit: None,
        }
    }

    /// How its price recurs.
    pub fn interval(&self, world: &World) -> Option<Interval> {
        let price = world.prices.get(&self.price)?;
        price.recurring.as_ref().map(|recurring| recurring.interval)
    }

    /// Begins a new period at `at`.
    pub fn begin(&mut self, world: &World, anchor: i64, at: i64) {
        if let Some(interval) = self.interval(world) {
            self.period = (at, interval.end_after(anchor, at));
            self.metered_since = at;
        }
    }

    /// As Stripe answers it.
    pub fn render(&self, world: &World, subscription: &str) -> Value {
        let price = world.prices.get(&self.price);
        let metered = price.is_some_and(|price| price.meter().is_some());
        json!({
            "id": self.id,
            "object": "subscription_item",
            "billed_until": null,
            "billing_thresholds": null,
            "created": self.created,
            "current_period_end": self.period.1,
            "current_period_start": self.period.0,
            "discounts": [],
            "metadata": self.metadata,
            "plan": price.map(Price::render_plan),
            "price": price.map(|price| price.render(world)),
            "quantity": if metered { None } else { Some(self.quantity) },
            "subscription": subscription,
            "tax_rates": [],
        })
    }
}
