//! What a subscription's next invoice would be, if it were made now.

use super::{Content, Invoice, Line, Reason};
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::subscriptions::{self, Subscription, content_of, cycle_lines};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::{Resource, World, fresh_id};

/// The next invoice as it stands, or as a change of the subscription's items would make it. The change is made to a copy of
/// everything, which is then thrown away.
pub(super) fn create_preview(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let id = params.text("subscription")?;
    params.one_of("preview_mode", &["next"])?;
    let details = params.object("subscription_details")?;
    params.finish()?;
    let of_customer = |subscription: &&Subscription| {
        subscription.is_live() && customer.as_ref().is_none_or(|customer| subscription.customer == *customer)
    };
    let subscription = match (&id, &customer) {
        (Some(id), _) => Some(world.named::<Subscription>(id, "subscription")?),
        (None, Some(_)) => world.subscriptions.iter().rev().find(of_customer),
        (None, None) => return Err(ApiError::missing("customer")),
    };
    match (subscription, details) {
        (Some(subscription), Some(details)) => {
            let id = subscription.id.clone();
            let mut copy = world.copy()?;
            let invoice = changed(&mut copy, &id, details)?;
            Ok(invoice.render(&copy))
        }
        (subscription, None) => Ok(next(world, subscription)?.render(world)),
        (None, Some(_)) => Err(ApiError::missing("subscription")),
    }
}

fn next(world: &World, subscription: Option<&Subscription>) -> Result<Invoice, ApiError> {
    let at = subscription
        .filter(|of| of.is_live() && of.ends_at().is_none())
        .and_then(Subscription::first_period_end);
    let (Some(subscription), Some(at)) = (subscription, at) else {
        let message = "No upcoming invoices for this customer or subscription.";
        return Err(ApiError::impossible_because("invoice_upcoming_none", message));
    };
    Ok(upcoming(world, subscription, at))
}

/// The invoice that a change makes at once, or else the next one.
fn changed(copy: &mut World, id: &str, mut details: Params) -> Result<Invoice, ApiError> {
    let subscription = copy.find::<Subscription>(id)?.clone();
    let items = details.objects("items")?;
    let is_dated = details.has("proration_date");
    let at: Option<i64> = details.text("proration_date")?.and_then(|text| text.parse().ok());
    let behavior = details.one_of("proration_behavior", &["always_invoice", "create_prorations", "none"])?;
    details.finish()?;
    if is_dated && items.is_empty() {
        let message =
            "You cannot set `subscription_details[proration_date]` without changing the subscription.";
        return Err(ApiError::parameter(
            "parameter_invalid",
            "subscription_details[proration_date]",
            message,
        ));
    }
    let period = subscription.items.iter().map(|item| item.period);
    let (start, end) = period.fold((i64::MAX, 0), |all, one| (all.0.min(one.0), all.1.max(one.1)));
    if at.is_some_and(|at| !(start..=end).contains(&at)) {
        let message = "Cannot specify proration date outside of current subscription period.";
        return Err(ApiError::parameter(
            "parameter_invalid",
            "subscription_details[proration_date]",
            message,
        ));
    }
    let invoiced = subscriptions::try_change(copy, id, items, behavior, at)?;
    match invoiced.and_then(|invoice| copy.invoices.get(&invoice).cloned()) {
        Some(mut invoice) => {
            let balance = copy.customers.get(&invoice.customer).map_or(0, |customer| customer.balance);
            let total = invoice.total();
            invoice.credit_used = if total < 0 { total } else { total.min(-balance) };
            invoice.id = fresh_id("upcoming_in_");
            Ok(invoice)
        }
        None => next(copy, copy.subscriptions.get(id)),
    }
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
