//! What a subscription's next invoice would be, if it were made now.

use super::{Content, Invoice, Line, Reason};
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::subscriptions::{Subscription, content_of, cycle_lines};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
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
    let content = Content {
        period: (start.unwrap_or(at), at),
        ..content_of(subscription, Reason::SubscriptionCycle, lines)
    };
    let finalizes_at = Some(at + world.settings.draft_grace_seconds);
    let upcoming = Invoice::draft(fresh_id("upcoming_in_"), at, content);
    Invoice { finalizes_at, next_attempt: finalizes_at, ..upcoming }
}
