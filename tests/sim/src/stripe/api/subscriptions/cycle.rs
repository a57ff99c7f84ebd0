//! A period ends: what was used is billed, and what comes is billed in advance.

use super::create::content_of;
use super::item::Debit;
use super::{MissingMethod, Status, Subscription, cancel};
use crate::stripe::api::invoices::{self, Instead, Line, Reason};
use crate::stripe::api::schedules;
use crate::stripe::world::{Resource, World};

/// Something about the subscription is due: its end, the end of its trial, or of a period.
pub fn turn(world: &mut World, id: &str) {
    let Some(subscription) = world.subscriptions.get(id).cloned() else { return };
    if !subscription.is_live() {
        return;
    }
    if subscription.ends_at().is_some_and(|at| at <= world.now) {
        cancel::at_its_end(world, &subscription);
        return;
    }
    let trial_over = subscription.status == Status::Trialing
        && subscription.trial.is_some_and(|(_, end)| end <= world.now);
    if trial_over && subscription.payment_method(world).is_none() {
        match subscription.missing_method {
            MissingMethod::CreateInvoice => {}
            MissingMethod::Cancel => return cancel::now(world, id, "payment_failed"),
            MissingMethod::Pause => {
                world.update::<Subscription>(id, "customer.subscription.paused", |subscription| {
                    subscription.status = Status::Paused;
                });
                return;
            }
        }
    }
    if schedules::ended(world, &subscription) {
        cancel::at_its_end(world, &subscription);
        return;
    }
    // The schedule may have let it go.
    let subscription = world.subscriptions.get(id).cloned().unwrap_or(subscription);
    let phase_over = schedules::next_phase_at(world, &subscription).is_some_and(|end| end <= world.now);
    if phase_over || subscription.first_period_end().is_some_and(|end| end <= world.now) {
        renew(world, &subscription, trial_over, Reason::SubscriptionCycle);
    }
    if let Some(subscription) = world.subscriptions.get(id).cloned() {
        subscription.plan(world);
    }
}

/// Begins the next periods and makes the invoice. Returns its id, if there is anything to bill.
pub fn renew(world: &mut World, old: &Subscription, trial_over: bool, reason: Reason) -> Option<String> {
    let before = old.render(world);
    // A phase that begins now decides what is billed in advance; what the old items used is billed all the same.
    let (current, mut lines) = schedules::enter_next(world, old).unwrap_or((old.clone(), Vec::new()));
    let (regular, renewed) = cycle_lines(world, &current, world.now, trial_over);
    lines.extend(regular);
    let start = old.items.iter().filter(|item| item.period.1 <= world.now).map(|item| item.period.0).min();
    world.change::<Subscription>(&old.id, |subscription| {
        *subscription = renewed;
        if trial_over {
            subscription.status = Status::Active;
        }
    });
    let unpaid = old.status == Status::Unpaid;
    let kept = matches!(old.pause, Some((Instead::KeepAsDraft, _)));
    let mut content = content_of(old, reason, lines);
    content.period = (start.unwrap_or(world.now), world.now);
    content.auto_advance = !unpaid && !kept;
    let pending = world
        .invoice_items
        .iter()
        .any(|item| item.invoice.is_none() && !item.deleted && item.subscription.as_ref() == Some(&old.id));
    let invoice = (pending || !content.lines.is_empty()).then(|| invoices::draft(world, content));
    if let Some(invoice) = &invoice {
        world.change::<Subscription>(&old.id, |subscription| {
            subscription.latest_invoice = Some(invoice.clone());
        });
    }
    world.record_change::<Subscription>(&old.id, "customer.subscription.updated", &before);
    invoice
}

/// The lines for the items whose period is over at `at`, and the subscription with their next periods.
pub fn cycle_lines(
    world: &World,
    old: &Subscription,
    at: i64,
    trial_over: bool,
) -> (Vec<Line>, Subscription) {
    let mut next = old.clone();
    let mut lines = Vec::new();
    for item in next.items.iter_mut().filter(|item| item.period.1 <= at) {
        let Some(price) = world.prices.get(&item.price) else { continue };
        let (over, end) = (item.metered_since, item.period.1);
        item.begin(world, old.anchor, end);
        if price.meter().is_none() {
            let line = Line::licensed(world, &item.id, price, item.quantity, item.period);
            item.debit = Some(Debit { amount: line.amount, period: item.period });
            lines.push(line);
        } else if !trial_over && over < end {
            // Usage during a trial is free.
            lines.push(Line::metered(world, &old.customer, &item.id, price, (over, end)));
        }
    }
    (lines, next)
}

/// A trial ends in three days.
pub fn trial_will_end(world: &mut World, id: &str) {
    if world.subscriptions.get(id).is_some_and(|subscription| subscription.status == Status::Trialing) {
        world.emit::<Subscription>("customer.subscription.trial_will_end", id);
    }
}
