//! A subscription as Stripe answers it: without `current_period_*`, which its items have since 2025-03-31.basil.

use serde_json::{Value, json};

use super::{MissingMethod, Subscription};
use crate::stripe::api::invoices::Instead;
use crate::stripe::list::list;
use crate::stripe::world::World;

pub(super) fn subscription(subscription: &Subscription, world: &World) -> Value {
    let items = subscription.items.iter().map(|item| item.render(world, &subscription.id)).collect();
    let mut items = list(&format!("/v1/subscription_items?subscription={}", subscription.id), items, false);
    items["total_count"] = json!(subscription.items.len());
    json!({
        "id": subscription.id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": subscription.anchor,
        "billing_cycle_anchor_config": null,
        "billing_mode": billing_mode(subscription),
        "billing_schedules": [],
        "billing_thresholds": null,
        "cancel_at": subscription.ends_at(),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": subscription.canceled_at,
        "cancellation_details": {
            "comment": subscription.cancellation.comment,
            "feedback": subscription.cancellation.feedback,
            "feedback_option": null,
            "reason": subscription.cancellation.reason,
        },
        "collection_method": if subscription.send_invoice { "send_invoice" } else { "charge_automatically" },
        "created": subscription.created,
        "currency": subscription.currency,
        "customer": subscription.customer,
        "customer_account": null,
        "days_until_due": subscription.days_until_due,
        "default_payment_method": subscription.default_payment_method,
        "default_source": null,
        "default_tax_rates": [],
        "description": subscription.description,
        "discounts": [],
        "ended_at": subscription.ended_at,
        "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        "items": items,
        "latest_invoice": subscription.latest_invoice,
        "livemode": false,
        "metadata": subscription.metadata,
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": pause(subscription),
        "payment_settings": { "payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": "off" },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": subscription.pending.as_ref().map(|pending| pending.render(world, &subscription.id)),
        "schedule": subscription.schedule,
        "start_date": subscription.created,
        "status": subscription.status.name(),
        "test_clock": null,
        "transfer_data": null,
        "trial_end": subscription.trial.map(|(_, end)| end),
        "trial_settings": { "end_behavior": { "missing_payment_method": missing_method(subscription) } },
        "trial_start": subscription.trial.map(|(start, _)| start),
    })
}

fn billing_mode(subscription: &Subscription) -> Value {
    if subscription.flexible {
        json!({ "type": "flexible", "flexible": { "proration_discounts": "included" },
            "updated_at": subscription.created })
    } else {
        json!({ "type": "classic", "flexible": null })
    }
}

fn pause(subscription: &Subscription) -> Value {
    let Some((instead, resumes_at)) = subscription.pause else { return Value::Null };
    let behavior = match instead {
        Instead::KeepAsDraft => "keep_as_draft",
        Instead::MarkUncollectible => "mark_uncollectible",
        Instead::Void => "void",
    };
    json!({ "behavior": behavior, "resumes_at": resumes_at })
}

const fn missing_method(subscription: &Subscription) -> &'static str {
    match subscription.missing_method {
        MissingMethod::CreateInvoice => "create_invoice",
        MissingMethod::Cancel => "cancel",
        MissingMethod::Pause => "pause",
    }
}
