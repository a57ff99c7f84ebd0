//! The status of a subscription, as payments change it.

use serde::{Deserialize, Serialize};

use super::create::INCOMPLETE_TIME;
use super::{Subscription, cancel, pending};
use crate::stripe::api::invoices::{self, Invoice, Reason};
use crate::stripe::settings::AfterRetries;
use crate::stripe::world::World;

/// The status.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Status {
    /// The first invoice is not paid.
    Incomplete,
    /// The first invoice was never paid.
    IncompleteExpired,
    Trialing,
    Active,
    /// A later invoice could not be collected, and is tried again.
    PastDue,
    /// Nobody tries any more.
    Unpaid,
    /// A trial ended without a payment method.
    Paused,
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Paused,
        Self::Canceled,
    ];

    /// Its name in Stripe's objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
        }
    }
}

fn set(world: &mut World, id: &str, status: Status) {
    world.update::<Subscription>(id, "customer.subscription.updated", |subscription| {
        subscription.status = status;
    });
    if let Some(subscription) = world.subscriptions.get(id).cloned() {
        subscription.plan(world);
    }
}

/// A payment for the subscription failed; `exhausted` when it was the last try.
pub fn payment_failed(world: &mut World, id: &str, invoice: &Invoice, exhausted: bool) {
    let Some(subscription) = world.subscriptions.get(id) else { return };
    let status = subscription.status;
    // A change that is not paid leaves everything as it was.
    if pending::of_invoice(world, id, &invoice.id).is_some() {
        return;
    }
    if invoice.reason == Reason::SubscriptionCreate && status == Status::Incomplete {
        return;
    }
    if matches!(status, Status::Active | Status::Trialing) {
        set(world, id, Status::PastDue);
    }
    if exhausted && matches!(status, Status::Active | Status::Trialing | Status::PastDue) {
        match world.settings.after_payment_retries {
            AfterRetries::Cancel => cancel::now(world, id, "payment_failed"),
            AfterRetries::Unpaid => set(world, id, Status::Unpaid),
            AfterRetries::PastDue => {}
        }
    }
}

/// A payment takes days: the subscription is active meanwhile, as with every delayed method.
pub fn payment_processing(world: &mut World, id: &str) {
    if world.subscriptions.get(id).is_some_and(|subscription| subscription.status == Status::Incomplete) {
        set(world, id, Status::Active);
    }
}

/// An invoice was paid, voided or written off. The latest one decides whether the subscription is in order again.
pub fn invoice_resolved(world: &mut World, id: &str, invoice: &str) {
    let paid = world.invoices.get(invoice).is_some_and(|invoice| invoice.status == invoices::Status::Paid);
    if paid && pending::apply_paid(world, id, invoice) {
        return;
    }
    let Some(subscription) = world.subscriptions.get(id) else { return };
    let is_latest = subscription.latest_invoice.as_deref() == Some(invoice);
    let status = match subscription.status {
        Status::Incomplete if paid => Status::Active,
        Status::Incomplete => Status::IncompleteExpired,
        Status::PastDue if is_latest => Status::Active,
        Status::Unpaid if is_latest && paid => Status::Active,
        _ => return,
    };
    set(world, id, status);
}

/// The first invoice was not paid in time.
pub fn expire_incomplete(world: &mut World, id: &str) {
    let Some(subscription) = world.subscriptions.get(id) else { return };
    if subscription.status != Status::Incomplete || world.now < subscription.created + INCOMPLETE_TIME {
        return;
    }
    match subscription.latest_invoice.clone() {
        // Voiding it makes the subscription expire.
        Some(invoice) => invoices::void(world, &invoice),
        None => set(world, id, Status::IncompleteExpired),
    }
}

/// The pause of the collection is over.
pub fn resume_collection(world: &mut World, id: &str) {
    let now = world.now;
    let due = world.subscriptions.get(id).and_then(|subscription| subscription.pause);
    if matches!(due, Some((_, Some(at))) if at <= now) {
        world.update::<Subscription>(id, "customer.subscription.updated", |subscription| {
            subscription.pause = None;
        });
    }
}
