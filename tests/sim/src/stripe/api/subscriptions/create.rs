//! Somebody subscribes.

use serde::{Deserialize, Serialize};

use super::item::Debit;
use super::{Cancellation, Item, MissingMethod, Status, Subscription};
use crate::stripe::api::invoices::{self, Content, Line, Reason};
use crate::stripe::api::prices::Price;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Metadata;
use crate::stripe::world::{Due, Resource, World, fresh_id};

/// How long a first invoice may stay unpaid, in seconds: 23 hours (Stripe's API reference).
pub const INCOMPLETE_TIME: i64 = 23 * 3600;
/// How long before its end a trial is announced, in seconds: three days.
const TRIAL_NOTICE: i64 = 3 * 24 * 3600;
/// Items that a subscription may have (Stripe's API reference).
const MAX_ITEMS: usize = 20;

/// An item to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewItem {
    pub price: String,
    pub quantity: i64,
    pub metadata: Metadata,
}

/// A subscription to be.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct NewSubscription {
    pub customer: String,
    pub items: Vec<NewItem>,
    pub trial_end: Option<i64>,
    pub missing_method: MissingMethod,
    pub anchor: Option<i64>,
    pub metadata: Metadata,
    pub description: Option<String>,
    pub default_payment_method: Option<String>,
    pub send_invoice: bool,
    pub days_until_due: Option<i64>,
    pub cancel_at_period_end: bool,
    pub classic: bool,
    /// The session through which it is bought.
    pub checkout_session: Option<String>,
    /// Whether the first invoice waits for the customer instead of being charged at once.
    pub pay_later: bool,
    pub automatic_tax: bool,
    /// Off the first invoice, by a promotion code.
    #[serde(default)]
    pub percent_off: i64,
}

/// Makes the subscription and its first invoice, charges that, and returns the subscription's id.
pub fn subscribe(world: &mut World, new: NewSubscription) -> Result<String, ApiError> {
    let now = world.now;
    let prices = checked_prices(world, &new)?;
    let currency = prices.first().map_or_else(|| "usd".to_owned(), |price| price.currency.clone());
    let trial = new.trial_end.map(|end| (now, end));
    let anchor = new.trial_end.or(new.anchor).unwrap_or(now);
    let mut items = Vec::with_capacity(prices.len());
    for (item, price) in new.items.iter().zip(&prices) {
        let interval = price.recurring.as_ref().map(|recurring| recurring.interval);
        let end =
            new.trial_end.or_else(|| interval.map(|interval| interval.end_after(anchor, now))).unwrap_or(now);
        items.push(Item::new(now, price, item.quantity, item.metadata.clone(), (now, end)));
    }
    let lines = first_lines(world, &mut items, &prices, trial.is_some(), anchor);
    let due: i64 = lines.iter().map(|line| line.amount).sum();
    let status = match trial {
        Some(_) => Status::Trialing,
        None if due > 0 && !new.send_invoice => Status::Incomplete,
        None => Status::Active,
    };
    let subscription = Subscription {
        id: fresh_id(Subscription::PREFIX),
        created: now,
        customer: new.customer,
        status,
        items,
        anchor,
        currency,
        trial,
        missing_method: new.missing_method,
        cancel_at_period_end: new.cancel_at_period_end,
        cancel_at: None,
        canceled_at: new.cancel_at_period_end.then_some(now),
        ended_at: None,
        cancellation: Cancellation::default(),
        pause: None,
        send_invoice: new.send_invoice,
        days_until_due: new.days_until_due,
        default_payment_method: new.default_payment_method,
        latest_invoice: None,
        metadata: new.metadata,
        description: new.description,
        schedule: None,
        pending: None,
        flexible: !new.classic,
        automatic_tax: new.automatic_tax,
    };
    let id = subscription.id.clone();
    subscription.plan(world);
    if let Some((_, end)) = trial {
        world.plan((end - TRIAL_NOTICE).max(now), Due::TrialWillEnd(id.clone()));
    }
    if status == Status::Incomplete {
        world.plan(now + INCOMPLETE_TIME, Due::Incomplete(id.clone()));
    }
    world.add(subscription, "customer.subscription.created");
    if !lines.is_empty() {
        let session = new.checkout_session.as_deref();
        first_invoice(world, &id, lines, (session, new.percent_off), !new.pay_later)?;
    }
    Ok(id)
}

/// The prices of the items, in their order. All recur, in one currency, each once.
fn checked_prices(world: &World, new: &NewSubscription) -> Result<Vec<Price>, ApiError> {
    let mut prices: Vec<Price> = Vec::with_capacity(new.items.len());
    for (index, item) in new.items.iter().enumerate() {
        let param = format!("items[{index}][price]");
        let price = world.named::<Price>(&item.price, &param)?;
        check_price(price, &param)?;
        if prices.iter().any(|other| other.id == price.id) {
            let message =
                format!("Cannot add multiple subscription items with the same price: {}.", price.id);
            return Err(ApiError::parameter("parameter_invalid", &param, message));
        }
        prices.push(price.clone());
    }
    if prices.is_empty() || prices.len() > MAX_ITEMS {
        let message = format!("A subscription has 1 to {MAX_ITEMS} items.");
        return Err(ApiError::parameter("parameter_missing", "items", message));
    }
    if prices.iter().any(|price| price.currency != prices[0].currency) {
        return Err(ApiError::impossible("All prices of a subscription must have the same currency."));
    }
    let interval = |price: &Price| price.recurring.as_ref().map(|recurring| recurring.interval);
    if new.classic && prices.iter().any(|price| interval(price) != interval(&prices[0])) {
        let message = "Currently, all prices on a subscription must have the same `recurring.interval` and \
                       `recurring.interval_count`. Use billing_mode=flexible for mixed intervals.";
        return Err(ApiError::impossible(message));
    }
    Ok(prices)
}

/// Whether a price can be subscribed to.
pub fn check_price(price: &Price, param: &str) -> Result<(), ApiError> {
    if !price.active {
        let message = "The price specified is inactive. This field only accepts active prices.";
        return Err(ApiError::parameter("price_inactive", param, message));
    }
    if price.recurring.is_none() {
        let message = "The price specified is set to `type=one_time` but this field only accepts prices with \
                       `type=recurring`.";
        return Err(ApiError::parameter("parameter_invalid", param, message));
    }
    Ok(())
}

/// What the first invoice bills. In a trial that is nothing, and usage is billed when it has been.
fn first_lines(world: &World, items: &mut [Item], prices: &[Price], trial: bool, anchor: i64) -> Vec<Line> {
    let mut lines = Vec::new();
    for (item, price) in items.iter_mut().zip(prices) {
        if price.meter().is_some() {
            continue;
        }
        let mut line = Line::licensed(world, &item.id, price, item.quantity, item.period);
        if trial {
            line.amount = 0;
            line.description = format!("Trial period for {}", line.description);
        } else if let Some(full) = price.recurring.as_ref().map(|recurring| recurring.interval) {
            // An anchor in the future makes the first period short, and its price a part.
            let whole = full.end_after(anchor, item.period.1) - item.period.1;
            let part = item.period.1 - item.period.0;
            if part < whole && anchor > item.period.0 {
                line.amount = super::prorate::part(line.amount, part, whole);
            }
        }
        item.debit = Some(Debit { amount: line.amount, period: item.period });
        lines.push(line);
    }
    lines
}

fn first_invoice(
    world: &mut World,
    id: &str,
    lines: Vec<Line>,
    (session, percent_off): (Option<&str>, i64),
    charge: bool,
) -> Result<(), ApiError> {
    let Some(subscription) = world.subscriptions.get(id).cloned() else { return Ok(()) };
    let content = Content {
        auto_advance: true,
        period: (world.now, world.now),
        percent_off,
        ..content_of(&subscription, Reason::SubscriptionCreate, lines)
    };
    let invoice = invoices::draft(world, content);
    let session = session.map(str::to_owned);
    world.change::<invoices::Invoice>(&invoice, |invoice| invoice.checkout_session = session);
    world.change::<Subscription>(id, |subscription| subscription.latest_invoice = Some(invoice.clone()));
    invoices::finalize_now(world, &invoice)?;
    if charge {
        invoices::collect(world, &invoice);
    }
    Ok(())
}

/// What every invoice of a subscription has in common.
pub fn content_of(subscription: &Subscription, reason: Reason, lines: Vec<Line>) -> Content {
    Content {
        customer: subscription.customer.clone(),
        subscription: Some(subscription.id.clone()),
        subscription_metadata: subscription.metadata.clone(),
        reason,
        currency: subscription.currency.clone(),
        period: (0, 0),
        lines,
        auto_advance: true,
        instead: subscription.pause.map(|(instead, _)| instead),
        send_invoice: subscription.send_invoice,
        days_until_due: subscription.days_until_due,
        default_payment_method: None,
        metadata: Metadata::new(),
        description: None,
        with_pending_items: true,
        automatic_tax: subscription.automatic_tax,
        percent_off: 0,
    }
}
