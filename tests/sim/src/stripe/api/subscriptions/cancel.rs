//! A subscription ends, for good.

use super::create::content_of;
use super::{Status, Subscription, prorate};
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::invoices::{self, Line, Reason};
use crate::stripe::api::schedules;
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::World;

/// `DELETE /v1/subscriptions/{id}`: at once.
pub(super) fn cancel(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let invoice_now = params.boolean("invoice_now")?.unwrap_or(false);
    let with_credit = params.boolean("prorate")?.unwrap_or(false);
    let mut details = params.object("cancellation_details")?.unwrap_or_default();
    let comment = details.text("comment")?;
    let feedback = details.text("feedback")?;
    details.finish()?;
    params.finish()?;
    let old = world.find::<Subscription>(id)?.clone();
    if matches!(old.status, Status::Canceled | Status::IncompleteExpired) {
        return Err(ApiError::no_such("subscription", id, None));
    }
    if with_credit {
        for item in &old.items {
            prorate::credit(world, &old, item, world.now);
        }
    }
    if !with_credit && !invoice_now {
        drop_pending(world, id);
    }
    world.change::<Subscription>(id, |subscription| {
        subscription.cancellation.comment = comment;
        subscription.cancellation.feedback = feedback;
    });
    end(world, &old, "cancellation_requested");
    if invoice_now {
        last_invoice(world, &old, Reason::SubscriptionUpdate);
    }
    Ok(world.rendered::<Subscription>(id))
}

/// Ends it at once, and bills nothing more.
pub(super) fn now(world: &mut World, id: &str, reason: &'static str) {
    if let Some(old) = world.subscriptions.get(id).cloned() {
        drop_pending(world, id);
        end(world, &old, reason);
    }
}

/// Ends it when it was to end. Its last usage is billed by an invoice that is a draft for an hour, as every other.
pub(super) fn at_its_end(world: &mut World, old: &Subscription) {
    end(world, old, "cancellation_requested");
    last_invoice(world, old, Reason::SubscriptionCycle);
}

/// Ends all subscriptions of a customer who is being deleted.
pub fn cancel_all_of(world: &mut World, customer: &str) {
    let of_customer = |subscription: &&Subscription| {
        subscription.customer == customer
            && !matches!(subscription.status, Status::Canceled | Status::IncompleteExpired)
    };
    let ids: Vec<String> =
        world.subscriptions.iter().filter(of_customer).map(|subscription| subscription.id.clone()).collect();
    ids.iter().for_each(|id| now(world, id, "cancellation_requested"));
}

fn end(world: &mut World, old: &Subscription, reason: &'static str) {
    let now = world.now;
    world.change::<Subscription>(&old.id, |subscription| {
        subscription.status = Status::Canceled;
        subscription.ended_at = Some(now);
        subscription.canceled_at.get_or_insert(now);
        subscription.cancellation.reason.get_or_insert(reason.into());
    });
    invoices::stop_collecting(world, old);
    schedules::subscription_canceled(world, old);
    world.emit::<Subscription>("customer.subscription.deleted", &old.id);
}

/// Bills the usage that no invoice has billed, and what is pending.
fn last_invoice(world: &mut World, old: &Subscription, reason: Reason) {
    let now = world.now;
    let mut lines = Vec::new();
    for item in &old.items {
        let price = world.prices.get(&item.price).filter(|price| price.meter().is_some());
        if let Some(price) = price {
            lines.push(Line::metered(world, &old.customer, &item.id, price, (item.metered_since, now)));
        }
    }
    let pending = world
        .invoice_items
        .iter()
        .any(|item| item.invoice.is_none() && !item.deleted && item.subscription.as_ref() == Some(&old.id));
    if lines.is_empty() && !pending {
        return;
    }
    let mut content = content_of(old, reason, lines);
    content.period = (old.items.iter().map(|item| item.period.0).min().unwrap_or(now), now);
    let invoice = invoices::draft(world, content);
    world.change::<Subscription>(&old.id, |subscription| subscription.latest_invoice = Some(invoice));
}

fn drop_pending(world: &mut World, subscription: &str) {
    let pending = |item: &&InvoiceItem| {
        item.invoice.is_none()
            && item.proration_of.is_some()
            && item.subscription.as_deref() == Some(subscription)
    };
    let ids: Vec<String> = world.invoice_items.iter().filter(pending).map(|item| item.id.clone()).collect();
    for id in ids {
        world.emit::<InvoiceItem>("invoiceitem.deleted", &id);
        world.change::<InvoiceItem>(&id, |item| item.deleted = true);
    }
}
