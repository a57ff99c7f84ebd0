//! What must be at Stripe because of the plans, what is there, and the steps from one to the other.

use std::collections::HashMap;

use thiserror::Error;

use crate::database::{CatalogueEntry, Database};
use crate::stripe::{ListedPrice, NewPrice, Stripe};

use super::CommandError;

/// A price at Stripe that has our lookup key and is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the price {id} at Stripe has the lookup key {key}, but {problem}: give it another lookup key there")]
pub struct CatalogueProblem {
    /// Its id.
    pub id: String,
    /// Our key.
    pub key: String,
    /// What differs.
    pub problem: String,
}

/// What has to be done about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It is not there.
    Make,
    /// Its name, or whether it is on sale, differs.
    Change,
    /// It is there, and only its id has to be kept.
    Keep,
}

/// One step towards what must be there.
#[derive(Debug, Clone)]
pub struct Step {
    /// What to do.
    pub kind: StepKind,
    /// About what.
    pub entry: CatalogueEntry,
    /// Its id, if it is there.
    pub id: Option<String>,
}

/// Products before prices, meters before the prices that count by them.
const ORDER: [&str; 4] = ["product", "meter", "price", "metered_price"];

/// The steps that are left, in an order in which they can be taken.
pub(super) async fn steps(database: &Database, stripe: &Stripe) -> Result<Vec<Step>, CommandError> {
    let mut entries = database.plan_catalogue().await?;
    entries.sort_by_key(|entry| ORDER.iter().position(|object| *object == entry.object));
    let keys: Vec<&str> =
        entries.iter().filter(|entry| is_price(entry)).map(|entry| entry.key.as_str()).collect();
    let prices: HashMap<String, ListedPrice> =
        stripe.prices(&keys).await?.into_iter().map(|price| (price.lookup_key.clone(), price)).collect();
    let has_meters = entries.iter().any(|entry| entry.object == "meter");
    let meters: HashMap<String, String> =
        if has_meters { stripe.meters().await?.into_iter().collect() } else { HashMap::new() };
    let mut steps = Vec::new();
    for entry in entries {
        let (kind, id) = match entry.object.as_str() {
            "product" => product_step(stripe, &entry).await?,
            "meter" => {
                let id = meters.get(&entry.key).cloned();
                (id.is_none().then_some(StepKind::Make), id)
            }
            _ => price_step(prices.get(&entry.key), &entry)?,
        };
        let is_unknown = entry.stripe_id.is_none().then_some(StepKind::Keep);
        if let Some(kind) = kind.or(is_unknown) {
            steps.push(Step { kind, entry, id });
        }
    }
    Ok(steps)
}

fn is_price(entry: &CatalogueEntry) -> bool {
    matches!(entry.object.as_str(), "price" | "metered_price")
}

type Found = (Option<StepKind>, Option<String>);

async fn product_step(stripe: &Stripe, entry: &CatalogueEntry) -> Result<Found, CommandError> {
    let Some(product) = stripe.product(&entry.key).await? else { return Ok((Some(StepKind::Make), None)) };
    let differs = product.name != entry.name || product.is_active != entry.is_sold;
    Ok((differs.then_some(StepKind::Change), Some(entry.key.clone())))
}

fn price_step(price: Option<&ListedPrice>, entry: &CatalogueEntry) -> Result<Found, CatalogueProblem> {
    let Some(price) = price else { return Ok((Some(StepKind::Make), None)) };
    let problem = if price.amount_minor != entry.amount_minor {
        Some("another amount".to_owned())
    } else if Some(&price.currency) != entry.currency.as_ref() {
        Some(format!("the currency {}", price.currency))
    } else if price.interval != entry.interval {
        Some("another interval".to_owned())
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(CatalogueProblem { id: price.id.clone(), key: entry.key.clone(), problem });
    }
    let differs = price.is_active != entry.is_sold;
    Ok((differs.then_some(StepKind::Change), Some(price.id.clone())))
}

/// Takes one step and keeps the id. `meters` holds the ids of meters by event name, and learns new ones.
pub(super) async fn take(
    step: &Step,
    database: &Database,
    stripe: &Stripe,
    meters: &mut HashMap<String, String>,
) -> Result<(), CommandError> {
    let entry = &step.entry;
    let id = match (entry.object.as_str(), step.kind, &step.id) {
        (_, StepKind::Keep, Some(id)) => id.clone(),
        ("product", StepKind::Make, _) => {
            stripe.create_product(&entry.key, &entry.name).await?;
            entry.key.clone()
        }
        ("product", ..) => {
            stripe.update_product(&entry.key, &entry.name, entry.is_sold).await?;
            entry.key.clone()
        }
        ("meter", ..) => stripe.create_meter(&entry.key, &entry.name).await?,
        (_, StepKind::Change, Some(id)) => {
            stripe.set_price_active(id, entry.is_sold).await?;
            id.clone()
        }
        _ => make_price(entry, stripe, meters).await?,
    };
    if entry.object == "meter" {
        meters.insert(entry.key.clone(), id.clone());
    }
    if entry.stripe_id.as_ref() != Some(&id) {
        database.record_stripe_id(&entry.key, &id).await?;
    }
    Ok(())
}

async fn make_price(
    entry: &CatalogueEntry,
    stripe: &Stripe,
    meters: &mut HashMap<String, String>,
) -> Result<String, CommandError> {
    let metered = match (&entry.event_name, entry.slice) {
        (Some(event_name), Some(slice)) => {
            if !meters.contains_key(event_name) {
                meters.extend(stripe.meters().await?);
            }
            let incomplete = || CatalogueProblem {
                id: "that is to be made".to_owned(),
                key: entry.key.clone(),
                problem: format!("its meter {event_name} is not there"),
            };
            Some((meters.get(event_name).ok_or_else(incomplete)?.clone(), slice))
        }
        _ => None,
    };
    let price = NewPrice {
        lookup_key: &entry.key,
        product: entry.parent_key.as_deref().unwrap_or_default(),
        currency: entry.currency.as_deref().unwrap_or_default(),
        amount_minor: entry.amount_minor.unwrap_or_default(),
        interval: entry.interval.as_deref(),
        metered: metered.as_ref().map(|(meter, slice)| (meter.as_str(), *slice)),
    };
    Ok(stripe.create_price(&price).await?)
}
