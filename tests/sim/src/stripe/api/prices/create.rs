//! A new price.

use super::{Exact, Price, Recurring, Round, Tier, TiersMode, claim_lookup_key};
use crate::stripe::api::meters::{self, Meter};
use crate::stripe::api::products::{self, Product};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Interval, Resource, Unit, World, fresh_id};

/// The highest interval counts: three years (Stripe's API reference).
const MAX_DAYS: i64 = 1095;

pub(super) fn create(world: &mut World, params: &mut Params) -> Answer {
    let id = create_from(world, params)?;
    Ok(world.rendered::<Price>(&id))
}

/// Makes a price of all of `params`, as `price_data` does inside other requests, and returns its id.
pub fn create_from(world: &mut World, params: &mut Params) -> Result<String, ApiError> {
    let currency = params.required("currency")?.to_lowercase();
    if currency.len() != 3 {
        return Err(ApiError::parameter(
            "parameter_invalid",
            "currency",
            format!("Invalid currency: {currency}"),
        ));
    }
    let lookup_key = params.text("lookup_key")?;
    let transfer = params.boolean("transfer_lookup_key")?.unwrap_or(false);
    let mut price = Price {
        id: fresh_id(Price::PREFIX),
        created: world.now,
        product: String::new(),
        active: params.boolean("active")?.unwrap_or(true),
        currency,
        nickname: params.text("nickname")?,
        lookup_key: lookup_key.clone(),
        metadata: Metadata::new(),
        unit_amount: None,
        tiers: None,
        transform: transform(params)?,
        recurring: recurring(world, params)?,
        tax_behavior: params
            .one_of("tax_behavior", &["exclusive", "inclusive", "unspecified"])?
            .unwrap_or("unspecified")
            .into(),
    };
    params.metadata(&mut price.metadata)?;
    amounts(&mut price, params)?;
    let product = params.text("product")?;
    let product_data = params.object("product_data")?;
    params.finish()?;
    price.product = match (product, product_data) {
        (Some(id), None) => world.named::<Product>(&id, "product")?.id.clone(),
        (None, Some(mut data)) => {
            let name = data.required("name")?;
            data.ignore(&[
                "active",
                "metadata",
                "statement_descriptor",
                "tax_code",
                "unit_label",
                "description",
            ]);
            data.finish()?;
            let product = products::named(world.now, name);
            let id = product.id.clone();
            world.add(product, "product.created");
            id
        }
        _ => return Err(ApiError::missing("product")),
    };
    let id = price.id.clone();
    if let Some(key) = &lookup_key {
        claim_lookup_key(world, &id, key, transfer)?;
    }
    world.add(price, "price.created");
    Ok(id)
}

fn recurring(world: &World, params: &mut Params) -> Result<Option<Recurring>, ApiError> {
    let Some(mut given) = params.object("recurring")? else { return Ok(None) };
    let name = given.required("interval")?;
    let unit = Unit::of(&name)
        .ok_or_else(|| ApiError::not_one_of("recurring[interval]", &["day", "week", "month", "year"]))?;
    let count = given.integer("interval_count")?.unwrap_or(1);
    let days = match unit {
        Unit::Day => 1,
        Unit::Week => 7,
        Unit::Month => 30,
        Unit::Year => 365,
    };
    if count < 1 || count * days > MAX_DAYS {
        let message = "Invalid interval count: must be at least 1 and at most three years";
        return Err(ApiError::parameter("parameter_invalid_integer", "recurring[interval_count]", message));
    }
    let usage = given.one_of("usage_type", &["licensed", "metered"])?.unwrap_or("licensed");
    let meter = given.text("meter")?;
    given.finish()?;
    match (usage, &meter) {
        ("metered", None) => {
            let message = "A metered price must be backed by a meter since 2025-03-31.basil.";
            return Err(ApiError::parameter("parameter_missing", "recurring[meter]", message));
        }
        ("licensed", Some(_)) => {
            let message = "A meter can only be given with usage_type=metered.";
            return Err(ApiError::parameter("parameter_invalid", "recurring[meter]", message));
        }
        ("metered", Some(id))
            if world.named::<Meter>(id, "recurring[meter]")?.status != meters::Status::Active =>
        {
            return Err(ApiError::impossible("An inactive meter cannot be attached to a price."));
        }
        _ => {}
    }
    Ok(Some(Recurring { interval: Interval { unit, count }, meter }))
}

fn transform(params: &mut Params) -> Result<Option<(i64, Round)>, ApiError> {
    let Some(mut given) = params.object("transform_quantity")? else { return Ok(None) };
    let divide_by =
        given.integer("divide_by")?.ok_or_else(|| ApiError::missing("transform_quantity[divide_by]"))?;
    let round = given.one_of("round", &["up", "down"])?;
    given.finish()?;
    if divide_by < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::parameter(
            "parameter_invalid_integer",
            "transform_quantity[divide_by]",
            message,
        ));
    }
    match round {
        Some("up") => Ok(Some((divide_by, Round::Up))),
        Some(_) => Ok(Some((divide_by, Round::Down))),
        None => Err(ApiError::missing("transform_quantity[round]")),
    }
}

fn amounts(price: &mut Price, params: &mut Params) -> Result<(), ApiError> {
    let scheme = params.one_of("billing_scheme", &["per_unit", "tiered"])?.unwrap_or("per_unit");
    let unit = exact(params, "unit_amount")?;
    let mode = params.one_of("tiers_mode", &["graduated", "volume"])?;
    let given = params.objects("tiers")?;
    if scheme == "per_unit" {
        if !given.is_empty() || mode.is_some() {
            return Err(ApiError::parameter(
                "parameters_exclusive",
                "tiers",
                "Tiers need billing_scheme=tiered.",
            ));
        }
        price.unit_amount = Some(unit.ok_or_else(|| ApiError::missing("unit_amount"))?);
        return Ok(());
    }
    if price.transform.is_some() {
        let message = "transform_quantity cannot be combined with tiers.";
        return Err(ApiError::parameter("parameters_exclusive", "transform_quantity", message));
    }
    let mode = if mode.ok_or_else(|| ApiError::missing("tiers_mode"))? == "volume" {
        TiersMode::Volume
    } else {
        TiersMode::Graduated
    };
    let tiers = given.into_iter().map(tier).collect::<Result<Vec<Tier>, ApiError>>()?;
    let ends_open = tiers.last().is_some_and(|tier| tier.up_to.is_none());
    let rises = tiers.windows(2).all(|pair| match (pair[0].up_to, pair[1].up_to) {
        (Some(lower), Some(upper)) => lower < upper,
        (Some(_), None) => true,
        (None, _) => false,
    });
    if !ends_open || !rises {
        let message = "Tiers must rise, and the last one must have up_to=inf.";
        return Err(ApiError::parameter("parameter_invalid", "tiers", message));
    }
    price.tiers = Some((mode, tiers));
    Ok(())
}

fn tier(mut given: Params) -> Result<Tier, ApiError> {
    let name = given.name("up_to");
    let up_to = match given.required("up_to")?.as_str() {
        "inf" => None,
        number => Some(number.parse().map_err(|_| ApiError::wrong_type(&name, "integer", number))?),
    };
    let unit = exact(&mut given, "unit_amount")?.unwrap_or(Exact::whole(0));
    let flat = exact(&mut given, "flat_amount")?.unwrap_or(Exact::whole(0));
    given.finish()?;
    Ok(Tier { up_to, unit, flat })
}

/// `name` as a whole amount, or `name_decimal` as an exact one; not both.
fn exact(params: &mut Params, name: &str) -> Result<Option<Exact>, ApiError> {
    let decimal_name = format!("{name}_decimal");
    let decimal = params.text(&decimal_name)?;
    match (params.integer(name)?, decimal) {
        (None, None) => Ok(None),
        (Some(whole), None) if whole >= 0 => Ok(Some(Exact::whole(whole))),
        (Some(_), None) => {
            Err(ApiError::parameter("parameter_invalid_integer", name, "Invalid non-negative integer"))
        }
        (None, Some(text)) => match Exact::parse(&text) {
            Some(exact) => Ok(Some(exact)),
            None => Err(ApiError::wrong_type(&decimal_name, "decimal", &text)),
        },
        (Some(_), Some(_)) => {
            let message = format!("You may only specify one of these parameters: {name}, {decimal_name}.");
            Err(ApiError::parameter("parameters_exclusive", name, message))
        }
    }
}
