//! Items change: what they cost for the rest of the period is credited and debited.

use super::create::{check_price, content_of};
use super::{Item, Status, Subscription, prorate};
use crate::stripe::api::invoices::{self, Reason};
use crate::stripe::api::prices::Price;
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::World;

/// What is done about the rest of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Credits and debits wait for the next invoice.
    Create,
    /// They are invoiced at once.
    InvoiceNow,
    /// Nothing.
    None,
}

/// How a change is prorated.
#[derive(Clone, Copy, Debug)]
pub struct Proration {
    behavior: Behavior,
    date: Option<i64>,
}

impl Proration {
    /// Takes `proration_behavior` and `proration_date`.
    pub fn take(params: &mut Params) -> Result<Self, ApiError> {
        let given = params.one_of("proration_behavior", &["always_invoice", "create_prorations", "none"])?;
        let behavior = match given {
            None | Some("create_prorations") => Behavior::Create,
            Some("always_invoice") => Behavior::InvoiceNow,
            Some(_) => Behavior::None,
        };
        Ok(Self { behavior, date: params.integer("proration_date")? })
    }
}

/// One item's change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The item; none for a new one.
    item: Option<String>,
    price: Option<String>,
    quantity: Option<i64>,
    metadata: Option<Metadata>,
    deleted: bool,
}

/// Reads the changes that a request wants, and checks them.
pub fn read(world: &World, subscription: &Subscription, given: Vec<Params>) -> Result<Vec<Change>, ApiError> {
    let read = |one| read_one(world, subscription, one);
    let changes = given.into_iter().map(read).collect::<Result<Vec<Change>, ApiError>>()?;
    let added = changes.iter().filter(|change| change.item.is_none()).count();
    let deleted = changes.iter().filter(|change| change.deleted).count();
    if subscription.items.len() + added <= deleted {
        let message = "A subscription must have at least one active item. Cancel it instead.";
        return Err(ApiError::impossible(message));
    }
    Ok(changes)
}

fn read_one(world: &World, subscription: &Subscription, mut given: Params) -> Result<Change, ApiError> {
    let (id_name, price_name) = (given.name("id"), given.name("price"));
    let item = given.text("id")?;
    let price = given.text("price")?;
    let quantity = given.integer("quantity")?;
    let deleted = given.boolean("deleted")?.unwrap_or(false);
    let of_item = match &item {
        Some(id) => {
            let found = subscription.items.iter().find(|item| item.id == *id);
            Some(found.ok_or_else(|| ApiError::no_such("subscription_item", id, Some(&id_name)))?)
        }
        None => None,
    };
    let metadata = if given.has("metadata") {
        let mut metadata = of_item.map(|item| item.metadata.clone()).unwrap_or_default();
        given.metadata(&mut metadata)?;
        Some(metadata)
    } else {
        None
    };
    given.ignore(&["clear_usage", "tax_rates", "discounts"]);
    given.finish()?;
    if of_item.is_none() && price.is_none() {
        return Err(ApiError::missing(&price_name));
    }
    if let Some(id) = &price {
        let of = world.named::<Price>(id, &price_name)?;
        if of_item.is_none_or(|item| item.price != *id) {
            check_price(of, &price_name)?;
        }
        if of.currency != subscription.currency {
            return Err(ApiError::impossible("The price has another currency than the subscription."));
        }
        let twice = |item: &&Item| item.price == *id && of_item.is_none_or(|of| of.id != item.id);
        if subscription.items.iter().any(|item| twice(&item)) {
            let message = format!("Cannot add multiple subscription items with the same price: {id}.");
            return Err(ApiError::parameter("parameter_invalid", &price_name, message));
        }
        if of.meter().is_some() && quantity.is_some() {
            return Err(ApiError::impossible("You cannot set the quantity for metered prices."));
        }
    }
    Ok(Change { item, price, quantity, metadata, deleted })
}

/// Applies the changes. Returns whether something is to be invoiced at once.
pub fn apply(
    world: &mut World,
    id: &str,
    changes: Vec<Change>,
    proration: Proration,
    mut reset: bool,
) -> Result<bool, ApiError> {
    if changes.is_empty() && !reset {
        return Ok(false);
    }
    let old = world.find::<Subscription>(id)?.clone();
    let at = proration.date.unwrap_or(world.now).min(world.now);
    let prorates = proration.behavior != Behavior::None && old.status != Status::Trialing;
    let mut items = old.items.clone();
    let mut touched: Vec<String> = Vec::new();
    for change in &changes {
        reset = reset || changes_interval(world, &old, change);
    }
    for change in changes {
        let Some(item) = change.item.as_ref().and_then(|id| items.iter().position(|item| item.id == *id))
        else {
            let added = added(world, &old, change)?;
            touched.push(added.id.clone());
            items.push(added);
            continue;
        };
        let costs = change.deleted
            || change.price.as_ref().is_some_and(|price| *price != items[item].price)
            || change.quantity.is_some_and(|quantity| quantity != items[item].quantity);
        if costs {
            leave(world, &old, &mut items[item], at, prorates);
        }
        if change.deleted {
            items.remove(item);
            continue;
        }
        let item = &mut items[item];
        item.price = change.price.unwrap_or_else(|| item.price.clone());
        item.quantity = change.quantity.unwrap_or(item.quantity);
        item.metadata = change.metadata.unwrap_or_else(|| item.metadata.clone());
        if costs {
            touched.push(item.id.clone());
        }
    }
    if reset {
        begin_anew(world, &old, &mut items, &touched, prorates);
    } else if prorates {
        for item in items.iter_mut().filter(|item| touched.contains(&item.id)) {
            if world.prices.get(&item.price).is_some_and(|price| price.meter().is_none()) {
                item.debit = prorate::debit(world, &old, item, at);
            }
        }
    }
    let now = world.now;
    world.change::<Subscription>(id, |subscription| {
        subscription.items = items;
        if reset {
            subscription.anchor = now;
        }
    });
    Ok(reset || (proration.behavior == Behavior::InvoiceNow && old.status != Status::Trialing))
}

/// A price of another interval starts the billing cycle of a subscription anew. A new item keeps its own.
fn changes_interval(world: &World, old: &Subscription, change: &Change) -> bool {
    let item = change.item.as_ref().and_then(|id| old.items.iter().find(|item| item.id == *id));
    let price = change.price.as_ref().and_then(|id| world.prices.get(id));
    let (Some(item), Some(price), false) = (item, price, change.deleted) else { return false };
    let is_licensed = |price: Option<&Price>| price.is_some_and(|price| price.meter().is_none());
    let interval = price.recurring.as_ref().map(|recurring| recurring.interval);
    old.status != Status::Trialing
        && item.interval(world) != interval
        && is_licensed(Some(price))
        && is_licensed(world.prices.get(&item.price))
}

fn added(world: &World, old: &Subscription, change: Change) -> Result<Item, ApiError> {
    let id = change.price.unwrap_or_default();
    let price = world.named::<Price>(&id, "items")?;
    let end = match (old.status, old.trial, &price.recurring) {
        (Status::Trialing, Some((_, end)), _) => end,
        (_, _, Some(recurring)) => recurring.interval.end_after(old.anchor, world.now),
        (_, _, None) => world.now,
    };
    let period = (world.now, end);
    Ok(Item::new(world.now, price, change.quantity.unwrap_or(1), change.metadata.unwrap_or_default(), period))
}

/// Settles an item's price and quantity up to `at`: unused time is credited, usage is billed.
fn leave(world: &mut World, old: &Subscription, item: &mut Item, at: i64, prorates: bool) {
    let metered = world.prices.get(&item.price).is_some_and(|price| price.meter().is_some());
    if prorates && metered {
        prorate::bill_usage(world, old, item, at);
    } else if prorates {
        prorate::credit(world, old, item, at);
    }
    if metered {
        item.metered_since = at;
    }
}

/// All items begin a new period now. What was touched is settled already.
fn begin_anew(world: &mut World, old: &Subscription, items: &mut [Item], touched: &[String], prorates: bool) {
    let now = world.now;
    for item in items {
        if !touched.contains(&item.id) {
            leave(world, old, item, now, prorates);
        }
        item.begin(world, now, now);
        if world.prices.get(&item.price).is_some_and(|price| price.meter().is_none()) {
            item.debit = prorate::debit(world, old, item, now);
        }
    }
}

/// Makes a change and drafts what it costs, without collecting it: for a copy that is looked at. The draft's id, if the
/// change is invoiced at once.
pub fn try_change(
    copy: &mut World,
    id: &str,
    items: Vec<Params>,
    behavior: Option<&str>,
    date: Option<i64>,
) -> Result<Option<String>, ApiError> {
    let behavior = match behavior {
        Some("always_invoice") => Behavior::InvoiceNow,
        Some("none") => Behavior::None,
        _ => Behavior::Create,
    };
    let subscription = copy.find::<Subscription>(id)?.clone();
    let changes = read(copy, &subscription, items)?;
    let is_invoiced = apply(copy, id, changes, Proration { behavior, date }, false)?;
    if is_invoiced { draft_of_changes(copy, id) } else { Ok(None) }
}

/// Invoices what is pending, and collects it.
pub fn invoice_now(world: &mut World, id: &str) -> Result<(), ApiError> {
    let Some(invoice) = draft_of_changes(world, id)? else { return Ok(()) };
    world.update::<Subscription>(id, "customer.subscription.updated", |subscription| {
        subscription.latest_invoice = Some(invoice.clone());
    });
    invoices::finalize_now(world, &invoice)?;
    invoices::collect(world, &invoice);
    Ok(())
}

/// Drafts an invoice of what is pending, if anything is.
pub fn draft_of_changes(world: &mut World, id: &str) -> Result<Option<String>, ApiError> {
    let subscription = world.find::<Subscription>(id)?.clone();
    let pending = world
        .invoice_items
        .iter()
        .any(|item| item.invoice.is_none() && !item.deleted && item.subscription.as_deref() == Some(id));
    if !pending {
        return Ok(None);
    }
    let mut content = content_of(&subscription, Reason::SubscriptionUpdate, Vec::new());
    content.period = (world.now, world.now);
    Ok(Some(invoices::draft(world, content)))
}
