//! Prices: what one unit of a product costs, once or again and again.

mod amount;
mod create;

use serde_json::{Value, json};

pub use amount::Exact;
pub use create::create_from;

use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Interval, Resource, World};

/// Which way a transformed quantity is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    Up,
    Down,
}

/// How tiers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TiersMode {
    /// Each unit at the price of the tier it falls into.
    Graduated,
    /// All units at the price of the tier that the quantity falls into.
    Volume,
}

/// One tier.
#[derive(Clone, Debug)]
pub struct Tier {
    /// The last quantity of the tier; none for the last one.
    pub up_to: Option<i64>,
    pub unit: Exact,
    pub flat: Exact,
}

/// How a price recurs.
#[derive(Clone, Debug)]
pub struct Recurring {
    pub interval: Interval,
    /// The meter whose usage is billed in arrears; without one the quantity is billed in advance.
    pub meter: Option<String>,
}

/// A price.
#[derive(Clone, Debug)]
pub struct Price {
    pub id: String,
    pub created: i64,
    pub product: String,
    pub active: bool,
    pub currency: String,
    pub nickname: Option<String>,
    pub lookup_key: Option<String>,
    pub metadata: Metadata,
    pub unit_amount: Option<Exact>,
    pub tiers: Option<(TiersMode, Vec<Tier>)>,
    pub transform: Option<(i64, Round)>,
    pub recurring: Option<Recurring>,
    pub tax_behavior: &'static str,
}

impl Price {
    /// The meter whose usage it bills.
    pub fn meter(&self) -> Option<&str> {
        self.recurring.as_ref().and_then(|recurring| recurring.meter.as_deref())
    }

    #[cfg(test)]
    pub(super) fn for_test() -> Self {
        Self {
            id: "price_1".to_owned(),
            created: 0,
            product: "prod_1".to_owned(),
            active: true,
            currency: "usd".to_owned(),
            nickname: None,
            lookup_key: None,
            metadata: Metadata::new(),
            unit_amount: None,
            tiers: None,
            transform: None,
            recurring: None,
            tax_behavior: "unspecified",
        }
    }

    fn render_recurring(&self) -> Value {
        self.recurring.as_ref().map_or(Value::Null, |recurring| {
            json!({
                "interval": recurring.interval.unit.name(),
                "interval_count": recurring.interval.count,
                "meter": recurring.meter,
                "trial_period_days": null,
                "usage_type": if recurring.meter.is_some() { "metered" } else { "licensed" },
            })
        })
    }

    /// The tiers, which are only shown when they are expanded.
    pub fn render_tiers(&self) -> Value {
        let Some((_, tiers)) = &self.tiers else { return Value::Null };
        let tier = |tier: &Tier| {
            json!({
                "flat_amount": tier.flat.whole_or_none(),
                "flat_amount_decimal": tier.flat.text(),
                "unit_amount": tier.unit.whole_or_none(),
                "unit_amount_decimal": tier.unit.text(),
                "up_to": tier.up_to,
            })
        };
        tiers.iter().map(tier).collect()
    }

    /// What lines and invoice items say of it.
    pub fn render_pricing(&self) -> Value {
        json!({
            "type": "price_details",
            "price_details": { "price": self.id, "product": self.product },
            "unit_amount_decimal": self.unit_amount.map(Exact::text),
        })
    }

    fn transform_as(&self) -> Value {
        self.transform.map_or(Value::Null, |(divide_by, round)| {
            json!({ "divide_by": divide_by, "round": if round == Round::Up { "up" } else { "down" } })
        })
    }

    fn tiers_mode(&self) -> Option<&'static str> {
        self.tiers.as_ref().map(|(mode, _)| match mode {
            TiersMode::Graduated => "graduated",
            TiersMode::Volume => "volume",
        })
    }

    /// The older object of the same meaning that subscription items still carry.
    pub fn render_plan(&self) -> Value {
        let Some(recurring) = &self.recurring else { return Value::Null };
        json!({
            "id": self.id,
            "object": "plan",
            "active": self.active,
            "amount": self.unit_amount.and_then(Exact::whole_or_none),
            "amount_decimal": self.unit_amount.map(Exact::text),
            "billing_scheme": if self.tiers.is_some() { "tiered" } else { "per_unit" },
            "created": self.created,
            "currency": self.currency,
            "interval": recurring.interval.unit.name(),
            "interval_count": recurring.interval.count,
            "livemode": false,
            "metadata": self.metadata,
            "meter": recurring.meter,
            "nickname": self.nickname,
            "product": self.product,
            "tiers_mode": self.tiers_mode(),
            "transform_usage": self.transform_as(),
            "trial_period_days": null,
            "usage_type": if recurring.meter.is_some() { "metered" } else { "licensed" },
        })
    }
}

impl Resource for Price {
    const PREFIX: &'static str = "price_";
    const KIND: &'static str = "price";

    fn render(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "price",
            "active": self.active,
            "billing_scheme": if self.tiers.is_some() { "tiered" } else { "per_unit" },
            "created": self.created,
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": self.lookup_key,
            "metadata": self.metadata,
            "nickname": self.nickname,
            "product": self.product,
            "recurring": self.render_recurring(),
            "tax_behavior": self.tax_behavior,
            "tiers_mode": self.tiers_mode(),
            "transform_quantity": self.transform_as(),
            "type": if self.recurring.is_some() { "recurring" } else { "one_time" },
            "unit_amount": self.unit_amount.and_then(Exact::whole_or_none),
            "unit_amount_decimal": self.unit_amount.map(Exact::text),
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("prices.create", create::create),
        ("GET", []) => Endpoint::all("prices.list", list),
        ("GET", [id]) => Endpoint::one("prices.retrieve", id, retrieve::<Price>),
        ("POST", [id]) => Endpoint::one("prices.update", id, update),
        _ => return None,
    })
}

/// Gives `key` to the price `id`, and takes it from the one that has it if `transfer` is set.
fn claim_lookup_key(world: &mut World, id: &str, key: &str, transfer: bool) -> Result<(), ApiError> {
    let holder = world.prices.iter().find(|price| price.lookup_key.as_deref() == Some(key) && price.id != id);
    let Some(holder) = holder.map(|price| price.id.clone()) else { return Ok(()) };
    if !transfer {
        let message = format!("A price (`{holder}`) already uses that lookup key.");
        return Err(ApiError::parameter("resource_already_exists", "lookup_key", message));
    }
    world.update::<Price>(&holder, "price.updated", |price| price.lookup_key = None);
    Ok(())
}

/// Lookup keys that a request may ask for at once (Stripe's API reference).
const MAX_LOOKUP_KEYS: usize = 10;

fn list(world: &mut World, params: &mut Params) -> Answer {
    let active = params.boolean("active")?;
    let currency = params.text("currency")?;
    let product = params.text("product")?;
    let keys = params.texts("lookup_keys")?;
    let kind = params.one_of("type", &["one_time", "recurring"])?;
    let mut recurring = params.object("recurring")?.unwrap_or_default();
    let meter = recurring.text("meter")?;
    let interval = recurring.text("interval")?;
    recurring.finish()?;
    if keys.len() > MAX_LOOKUP_KEYS {
        let message = format!("You may only specify up to {MAX_LOOKUP_KEYS} lookup_keys.");
        return Err(ApiError::parameter("parameter_invalid", "lookup_keys", message));
    }
    let wanted = |price: &Price| {
        active.is_none_or(|active| price.active == active)
            && currency.as_ref().is_none_or(|currency| price.currency == *currency)
            && product.as_ref().is_none_or(|product| price.product == *product)
            && (keys.is_empty() || price.lookup_key.as_ref().is_some_and(|key| keys.contains(key)))
            && kind.is_none_or(|kind| (kind == "recurring") == price.recurring.is_some())
            && (meter.is_none() || price.meter() == meter.as_deref())
            && interval.as_ref().is_none_or(|interval| {
                price.recurring.as_ref().is_some_and(|recurring| recurring.interval.unit.name() == interval)
            })
    };
    list::page(world, params, "/v1/prices", wanted)
}

/// Amounts never change: a dearer price is another price.
fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = world.find::<Price>(id)?.clone();
    if let Some(active) = params.boolean("active")? {
        changed.active = active;
    }
    if let Some(nickname) = params.clearable("nickname")? {
        changed.nickname = nickname;
    }
    let key = params.clearable("lookup_key")?;
    let transfer = params.boolean("transfer_lookup_key")?.unwrap_or(false);
    params.metadata(&mut changed.metadata)?;
    params.ignore(&["tax_behavior"]);
    params.finish()?;
    if let Some(key) = key {
        if let Some(key) = &key {
            claim_lookup_key(world, id, key, transfer)?;
        }
        changed.lookup_key = key;
    }
    world.update::<Price>(id, "price.updated", |price| *price = changed);
    Ok(world.rendered::<Price>(id))
}
