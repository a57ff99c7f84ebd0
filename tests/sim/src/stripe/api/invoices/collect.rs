//! An open invoice is collected: at once, again after a failure, or by the customer later.

use super::draft::LONGEST_GRACE;
use super::{Instead, Invoice, InvoicePayment, Reason, Status, finalize_now};
use crate::stripe::api::customers::Customer;
use crate::stripe::api::payments::{self, Attempt, IntentStatus, PaymentIntent};
use crate::stripe::api::subscriptions::{self, Subscription};
use crate::stripe::errors::ApiError;
use crate::stripe::world::{Due, World};

const DAY: i64 = 24 * 3600;

/// A draft's hour is over. As long as `invoice.created` was not taken, Stripe waits on, though not for ever.
pub fn finalize_when_due(world: &mut World, id: &str) {
    let Some(invoice) = world.invoices.get(id).cloned() else { return };
    let due =
        invoice.status == Status::Draft && invoice.auto_advance && invoice.finalizes_at <= Some(world.now);
    if !due || invoice.deleted {
        return;
    }
    let waits = world.outbox.listens() && invoice.reason != Reason::Manual;
    if waits && invoice.webhooks_delivered_at.is_none() && world.now < invoice.created + LONGEST_GRACE {
        let at = invoice.created + LONGEST_GRACE;
        world.change::<Invoice>(id, |invoice| invoice.finalizes_at = Some(at));
        world.plan(at, Due::Finalize(id.to_owned()));
        return;
    }
    if finalize_now(world, id).is_err() {
        return;
    }
    match invoice.instead {
        Some(Instead::MarkUncollectible) => mark_uncollectible(world, id),
        Some(Instead::Void) => void(world, id),
        Some(Instead::KeepAsDraft) | None => collect(world, id),
    }
}

/// `invoice.created` was taken by every endpoint. A draft that waited for that longer than its hour now has another.
pub fn created_was_delivered(world: &mut World, id: &str) {
    let Some(invoice) = world.invoices.get(id) else { return };
    let waits = invoice.status == Status::Draft
        && invoice.auto_advance
        && invoice.finalizes_at == Some(invoice.created + LONGEST_GRACE);
    let now = world.now;
    let at = now + world.settings.draft_grace_seconds;
    world.change::<Invoice>(id, |invoice| {
        invoice.webhooks_delivered_at = Some(now);
        if waits {
            invoice.finalizes_at = Some(at);
        }
    });
    if waits {
        world.plan(at, Due::Finalize(id.to_owned()));
    }
}

/// Tries to collect an open invoice, unless it is sent to the customer to pay.
pub fn collect(world: &mut World, id: &str) {
    let Some(invoice) = world.invoices.get(id).cloned() else { return };
    if invoice.status == Status::Open && !invoice.send_invoice {
        let method = method_of(world, &invoice);
        // Whether it is paid shows in the invoice; nobody waits for the answer here.
        let _ = attempt(world, id, method.as_deref());
    }
}

/// What pays the invoice: its own method, the subscription's, or the customer's.
pub(super) fn method_of(world: &World, invoice: &Invoice) -> Option<String> {
    let subscription = invoice.subscription.as_deref().and_then(|id| world.subscriptions.get(id));
    let of_subscription = subscription.and_then(|subscription| subscription.default_payment_method.clone());
    let customer = world.customers.get(&invoice.customer);
    invoice
        .default_payment_method
        .clone()
        .or(of_subscription)
        .or_else(|| customer.and_then(|customer| customer.default_payment_method.clone()))
}

/// Charges the invoice to a method. What comes of it happens to the invoice and to its subscription.
pub fn attempt(world: &mut World, id: &str, method: Option<&str>) -> Result<(), ApiError> {
    let invoice = world.find::<Invoice>(id)?;
    let Some(intent) = invoice.payment_intent.clone() else { return Ok(()) };
    world.change::<Invoice>(id, |invoice| {
        invoice.attempt_count += 1;
        invoice.next_attempt = None;
    });
    match payments::attempt(world, &intent, method) {
        Attempt::Paid => {
            mark_paid(world, id);
            Ok(())
        }
        Attempt::Processing => {
            let subscription = world.find::<Invoice>(id)?.subscription.clone();
            if let Some(subscription) = subscription {
                subscriptions::payment_processing(world, &subscription);
            }
            Ok(())
        }
        Attempt::RequiresAction => {
            failed(world, id);
            world.emit::<Invoice>("invoice.payment_action_required", id);
            let message =
                "This payment requires additional user action before it can be completed successfully.";
            Err(ApiError::impossible_because("invoice_payment_intent_requires_action", message))
        }
        Attempt::Declined(code) => {
            failed(world, id);
            Err(ApiError::declined(code, Some(world.rendered::<PaymentIntent>(&intent))))
        }
        Attempt::NoMethod => {
            failed(world, id);
            let message =
                "There is no payment method to charge: set a default on the customer or the subscription.";
            Err(ApiError::impossible_because("payment_intent_payment_attempt_failed", message))
        }
    }
}

/// The payment failed: the subscription falls behind, and the next attempt is planned.
fn failed(world: &mut World, id: &str) {
    let Some(invoice) = world.invoices.get(id).cloned() else { return };
    let tries = usize::try_from(invoice.attempt_count).unwrap_or(1).saturating_sub(1);
    let retries = invoice.reason != Reason::SubscriptionCreate && invoice.auto_advance;
    let next =
        world.settings.payment_retry_days.get(tries).filter(|_| retries).map(|days| world.now + days * DAY);
    world.change::<Invoice>(id, |invoice| invoice.next_attempt = next);
    world.emit::<Invoice>("invoice.payment_failed", id);
    if let Some(at) = next {
        world.plan(at, Due::Retry(id.to_owned()));
    }
    if let Some(subscription) = &invoice.subscription {
        subscriptions::payment_failed(world, subscription, &invoice, next.is_none() && retries);
    }
}

/// A failed payment is tried again, if nobody has paid meanwhile.
pub fn retry_when_due(world: &mut World, id: &str) {
    let due = world.invoices.get(id).is_some_and(|invoice| {
        invoice.status == Status::Open
            && invoice.auto_advance
            && invoice.next_attempt.is_some_and(|at| at <= world.now)
    });
    if due {
        collect(world, id);
    }
}

/// The invoice is paid, or nothing is due.
pub fn mark_paid(world: &mut World, id: &str) {
    let now = world.now;
    world.change::<Invoice>(id, |invoice| {
        invoice.status = Status::Paid;
        invoice.amount_paid = invoice.amount_due();
        invoice.paid_at = Some(now);
        invoice.next_attempt = None;
    });
    InvoicePayment::settle(world, id);
    world.emit::<Invoice>("invoice.paid", id);
    world.emit::<Invoice>("invoice.payment_succeeded", id);
    let Some(invoice) = world.invoices.get(id).cloned() else { return };
    world.change::<Customer>(&invoice.customer, |customer| {
        customer.currency.get_or_insert(invoice.currency.clone());
    });
    if let Some(subscription) = &invoice.subscription {
        subscriptions::invoice_resolved(world, subscription, id);
    }
}

/// A delayed payment of the invoice has come, or has failed.
pub fn delayed_payment_settled(world: &mut World, id: &str, paid: bool) {
    if paid { mark_paid(world, id) } else { failed(world, id) }
}

/// Writes the invoice off.
pub fn mark_uncollectible(world: &mut World, id: &str) {
    let now = world.now;
    world.change::<Invoice>(id, |invoice| {
        invoice.status = Status::Uncollectible;
        invoice.uncollectible_at = Some(now);
        invoice.next_attempt = None;
    });
    world.emit::<Invoice>("invoice.marked_uncollectible", id);
    resolved(world, id);
}

/// Voids the invoice, as if it had never been sent.
pub fn void(world: &mut World, id: &str) {
    let now = world.now;
    let intent = world.invoices.get(id).and_then(|invoice| invoice.payment_intent.clone());
    world.change::<Invoice>(id, |invoice| {
        invoice.status = Status::Void;
        invoice.voided_at = Some(now);
        invoice.next_attempt = None;
    });
    if let Some(intent) = intent {
        world.change::<PaymentIntent>(&intent, |intent| {
            intent.status = IntentStatus::Canceled;
            intent.canceled_at = Some(now);
        });
        world.emit::<PaymentIntent>("payment_intent.canceled", &intent);
        InvoicePayment::cancel(world, id);
    }
    world.emit::<Invoice>("invoice.voided", id);
    resolved(world, id);
}

fn resolved(world: &mut World, id: &str) {
    let subscription = world.invoices.get(id).and_then(|invoice| invoice.subscription.clone());
    if let Some(subscription) = subscription.filter(|id| world.subscriptions.get(id).is_some()) {
        subscriptions::invoice_resolved(world, &subscription, id);
    }
}

/// Collection stops for what a cancelled subscription still owes, as Stripe stops it.
pub fn stop_collecting(world: &mut World, subscription: &Subscription) {
    let owed = |invoice: &&Invoice| {
        invoice.subscription.as_ref() == Some(&subscription.id)
            && invoice.status == Status::Open
            && invoice.auto_advance
    };
    let owed: Vec<String> = world.invoices.iter().filter(owed).map(|invoice| invoice.id.clone()).collect();
    for id in owed {
        world.update::<Invoice>(&id, "invoice.updated", |invoice| {
            invoice.auto_advance = false;
            invoice.next_attempt = None;
        });
    }
}
