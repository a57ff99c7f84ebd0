//! Prorations: the part of a price for the part of a period.

use super::item::{Debit, Item};
use super::{Status, Subscription};
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::invoices::usage;
use crate::stripe::api::prices::Price;
use crate::stripe::params::Metadata;
use crate::stripe::world::{Resource, World, fresh_id};

/// `amount` for `part` seconds of `whole`, half a unit rounded away from zero.
pub fn part(amount: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let exact = i128::from(amount) * i128::from(part);
    let half = i128::from(whole) / 2 * exact.signum();
    i64::try_from((exact + half) / i128::from(whole)).unwrap_or(0)
}

/// Gives back what was billed in advance and is not used: a part of what was debited, not of today's price.
pub fn credit(world: &mut World, subscription: &Subscription, item: &Item, at: i64) {
    let Some(debit) = item.debit.filter(|debit| debit.period.1 > at && debit.amount > 0) else { return };
    let left = debit.period.1 - at.max(debit.period.0);
    let amount = -part(debit.amount, left, debit.period.1 - debit.period.0);
    let name = product_name(world, &item.price);
    enter(
        world,
        subscription,
        item,
        amount,
        item.quantity,
        (at, debit.period.1),
        format!("Unused time on {name}"),
    );
}

/// Bills an item for the rest of its period, and returns what was debited.
pub fn debit(world: &mut World, subscription: &Subscription, item: &Item, at: i64) -> Option<Debit> {
    let price = world.prices.get(&item.price)?;
    let whole = item.period.1 - item.period.0;
    let amount = if subscription.status == Status::Trialing {
        0
    } else {
        part(price.amount(item.quantity), item.period.1 - at, whole)
    };
    let period = (at, item.period.1);
    let name = product_name(world, &item.price);
    enter(world, subscription, item, amount, item.quantity, period, format!("Remaining time on {name}"));
    Some(Debit { amount, period })
}

/// Bills usage of an item that goes, or whose price changes: nobody else will.
pub fn bill_usage(world: &mut World, subscription: &Subscription, item: &Item, at: i64) {
    let Some(price) = world.prices.get(&item.price) else { return };
    let period = (item.metered_since, at);
    let quantity = usage(world, &subscription.customer, price, period);
    if quantity > 0 {
        let amount = price.amount(quantity);
        let name = product_name(world, &item.price);
        enter(world, subscription, item, amount, quantity, period, format!("Usage of {name}"));
    }
}

fn product_name(world: &World, price: &str) -> String {
    let product = world.prices.get(price).and_then(|price: &Price| world.products.get(&price.product));
    product.map_or_else(String::new, |product| product.name.clone())
}

fn enter(
    world: &mut World,
    subscription: &Subscription,
    item: &Item,
    amount: i64,
    quantity: i64,
    period: (i64, i64),
    description: String,
) {
    let item = InvoiceItem {
        id: fresh_id(InvoiceItem::PREFIX),
        created: world.now,
        customer: subscription.customer.clone(),
        subscription: Some(subscription.id.clone()),
        proration_of: Some(item.id.clone()),
        invoice: None,
        price: Some(item.price.clone()),
        quantity,
        amount,
        currency: subscription.currency.clone(),
        description: Some(description),
        period,
        metadata: Metadata::new(),
        deleted: false,
    };
    world.add(item, "invoiceitem.created");
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_rounded_once_and_credits_mirror_debits() {
        assert_eq!(part(1_000, 15, 30), 500);
        assert_eq!(part(1_000, 1, 3), 333);
        assert_eq!(part(1_000, 2, 3), 667);
        assert_eq!(part(-1_000, 2, 3), -667);
        assert_eq!(part(1_000, 1, 0), 0);
    }
}
