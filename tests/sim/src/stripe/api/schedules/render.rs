//! A subscription schedule as Stripe answers it.

use serde_json::{Value, json};

use super::{Phase, Schedule, Status};
use crate::stripe::world::World;

pub(super) fn schedule(schedule: &Schedule, world: &World) -> Value {
    let active = schedule.status == Status::Active;
    let current = schedule.phases.get(schedule.current).filter(|_| active);
    let current = current.map(|phase| json!({ "start_date": phase.start, "end_date": phase.end }));
    let ended = |status: Status| schedule.ended_at.filter(|_| schedule.status == status);
    let currency = world.subscriptions.get(&schedule.subscription).map_or("usd", |of| of.currency.as_str());
    let released = schedule.status == Status::Released;
    json!({
        "id": schedule.id,
        "object": "subscription_schedule",
        "application": null,
        "billing_mode": { "type": "flexible", "flexible": { "proration_discounts": "included" },
            "updated_at": schedule.created },
        "canceled_at": ended(Status::Canceled),
        "completed_at": ended(Status::Completed),
        "created": schedule.created,
        "current_phase": current,
        "customer": schedule.customer,
        "customer_account": null,
        "default_settings": {
            "application_fee_percent": null,
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": null,
            "collection_method": "charge_automatically",
            "default_payment_method": null,
            "description": null,
            "invoice_settings": { "account_tax_ids": null, "days_until_due": null, "issuer": { "type": "self" } },
            "on_behalf_of": null,
            "transfer_data": null,
        },
        "end_behavior": if schedule.cancels { "cancel" } else { "release" },
        "livemode": false,
        "metadata": schedule.metadata,
        "phases": schedule.phases.iter().map(|phase| render_phase(phase, currency)).collect::<Vec<Value>>(),
        "released_at": ended(Status::Released),
        "released_subscription": released.then_some(&schedule.subscription),
        "status": schedule.status.name(),
        "subscription": (!released).then_some(&schedule.subscription),
        "test_clock": null,
    })
}

fn render_phase(phase: &Phase, currency: &str) -> Value {
    let items = phase.items.iter().map(|item| {
        json!({ "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": item.price,
            "price": item.price, "quantity": item.quantity, "tax_rates": [] })
    });
    json!({
        "add_invoice_items": [],
        "application_fee_percent": null,
        "billing_cycle_anchor": null,
        "billing_thresholds": null,
        "collection_method": null,
        "currency": currency,
        "default_payment_method": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": [],
        "end_date": phase.end,
        "invoice_settings": null,
        "items": items.collect::<Vec<Value>>(),
        "metadata": {},
        "on_behalf_of": null,
        "proration_behavior": phase.proration,
        "start_date": phase.start,
        "transfer_data": null,
        "trial_end": phase.trial_end,
    })
}
