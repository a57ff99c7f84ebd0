//! Pending updates: with `payment_behavior=pending_if_incomplete` items change only once the change is paid.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change::{self, Change, Proration};
use super::{Item, Subscription};
use crate::stripe::api::invoices;
use crate::stripe::errors::ApiError;
use crate::stripe::world::{Due, Resource, World};

/// How long a change waits to be paid, in seconds: 23 hours (Stripe's documentation).
const TIME: i64 = 23 * 3600;

/// The parameters that Stripe allows beside `payment_behavior=pending_if_incomplete`.
pub const ALLOWED: &[&str] = &[
    "billing_cycle_anchor",
    "expand",
    "items",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
];

/// A change that is not paid.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pending {
    /// The items it would have.
    pub items: Vec<Item>,
    /// What its periods would be counted from.
    pub anchor: i64,
    pub expires_at: i64,
    /// The invoice that must be paid.
    pub invoice: String,
}

impl Pending {
    /// As Stripe answers it.
    pub fn render(&self, world: &World, subscription: &str) -> Value {
        let items = self.items.iter().map(|item| item.render(world, subscription));
        json!({
            "billing_cycle_anchor": null,
            "expires_at": self.expires_at,
            "subscription_items": items.collect::<Vec<Value>>(),
            "trial_end": null,
            "trial_from_plan": null,
        })
    }
}

/// Invoices a change that the customer's method will not pay, and leaves the subscription as it was.
pub fn hold_back(
    world: &mut World,
    id: &str,
    changes: Vec<Change>,
    proration: Proration,
    reset: bool,
) -> Result<(), ApiError> {
    let old = world.find::<Subscription>(id)?.clone();
    let before = old.render(world);
    change::apply(world, id, changes, proration, reset)?;
    let changed = world.find::<Subscription>(id)?.clone();
    let Some(invoice) = change::draft_of_changes(world, id)? else {
        // Nothing is due: there is nothing to wait for.
        world.record_change::<Subscription>(id, "customer.subscription.updated", &before);
        return Ok(());
    };
    let expires_at = world.now + TIME;
    let pending =
        Pending { items: changed.items, anchor: changed.anchor, expires_at, invoice: invoice.clone() };
    world.change::<Subscription>(id, |subscription| {
        *subscription = Subscription { pending: Some(pending), latest_invoice: Some(invoice.clone()), ..old };
    });
    world.record_change::<Subscription>(id, "customer.subscription.updated", &before);
    world.plan(expires_at, Due::ExpirePending(id.to_owned()));
    invoices::finalize_now(world, &invoice)?;
    invoices::collect(world, &invoice);
    Ok(())
}

/// The invoice is paid: the change is made. Says whether there was one.
pub fn apply_paid(world: &mut World, id: &str, invoice: &str) -> bool {
    let Some(pending) = of_invoice(world, id, invoice) else { return false };
    world.update::<Subscription>(id, "customer.subscription.updated", |subscription| {
        subscription.items = pending.items;
        subscription.anchor = pending.anchor;
        subscription.pending = None;
    });
    world.emit::<Subscription>("customer.subscription.pending_update_applied", id);
    super::replan(world, id);
    true
}

/// The pending change that waits for that invoice.
pub fn of_invoice(world: &World, id: &str, invoice: &str) -> Option<Pending> {
    let pending = world.subscriptions.get(id)?.pending.as_ref()?;
    (pending.invoice == invoice).then(|| pending.clone())
}

/// Nobody has paid: the change is forgotten, and its invoice is void.
pub fn expire_pending(world: &mut World, id: &str) {
    let pending = world.subscriptions.get(id).and_then(|subscription| subscription.pending.clone());
    let Some(pending) = pending.filter(|pending| pending.expires_at <= world.now) else { return };
    world.change::<Subscription>(id, |subscription| subscription.pending = None);
    invoices::void(world, &pending.invoice);
    world.emit::<Subscription>("customer.subscription.pending_update_expired", id);
}
