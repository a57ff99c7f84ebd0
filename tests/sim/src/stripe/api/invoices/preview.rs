//! What a subscription's next invoice would be, if it were made now.

use super::{Invoice, Line, Reason, Status};
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::subscriptions::{Subscription, cycle_lines};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// The next invoice as it stands. Changes that a request only thinks about are not modelled.
pub(super) fn create_preview(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let id = params.text("subscription")?;
    params.one_of("preview_mode", &["next"])?;
    params.finish()?;
    let of_customer = |subscription: &&Subscription| {
        subscription.is_live() && customer.as_ref().is_none_or(|customer| subscription.customer == *customer)
    };
    let subscription = match (&id, &customer) {
        (Some(id), _) => Some(world.named::<Subscription>(id, "subscription")?),
        (None, Some(_)) => world.subscriptions.iter().rev().find(of_customer),
        (None, None) => return Err(ApiError::missing("customer")),
    };
    let at = subscription
        .filter(|of| of.is_live() && of.ends_at().is_none())
        .and_then(Subscription::first_period_end);
    let (Some(subscription), Some(at)) = (subscription, at) else {
        let message = "No upcoming invoices for this customer or subscription.";
        return Err(ApiError::impossible_because("invoice_upcoming_none", message));
    };
    Ok(upcoming(world, subscription, at).render(world))
}

fn upcoming(world: &World, subscription: &Subscription, at: i64) -> Invoice {
    let trial_over = subscription.trial.is_some_and(|(_, end)| end == at);
    let (mut lines, _) = cycle_lines(world, subscription, at, trial_over);
    let pending = |item: &&InvoiceItem| {
        item.invoice.is_none()
            && !item.deleted
            && item.customer == subscription.customer
            && item.subscription.as_ref().is_none_or(|of| *of == subscription.id)
    };
    lines.extend(world.invoice_items.iter().filter(pending).map(InvoiceItem::line).collect::<Vec<Line>>());
    let start = subscription.items.iter().filter(|item| item.period.1 <= at).map(|item| item.period.0).min();
    Invoice {
        id: fresh_id("upcoming_in_"),
        created: at,
        customer: subscription.customer.clone(),
        subscription: Some(subscription.id.clone()),
        subscription_metadata: subscription.metadata.clone(),
        status: Status::Draft,
        reason: Reason::SubscriptionCycle,
        currency: subscription.currency.clone(),
        period: (start.unwrap_or(at), at),
        lines,
        auto_advance: true,
        finalizes_at: Some(at + world.settings.draft_grace_seconds),
        instead: None,
        number: None,
        attempt_count: 0,
        next_attempt: Some(at + world.settings.draft_grace_seconds),
        send_invoice: subscription.send_invoice,
        days_until_due: None,
        due_date: None,
        default_payment_method: None,
        payment_intent: None,
        credit_used: 0,
        amount_paid: 0,
        paid_off_stripe: false,
        finalized_at: None,
        paid_at: None,
        voided_at: None,
        uncollectible_at: None,
        webhooks_delivered_at: None,
        checkout_session: None,
        metadata: Metadata::new(),
        description: None,
        deleted: false,
    }
}
