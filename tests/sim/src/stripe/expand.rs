//! `expand[]`: ids become the objects they stand for, and hidden members are shown.

use serde_json::Value;

use super::api::checkout::Session;
use super::api::customers::Customer;
use super::api::invoices::{Invoice, InvoicePayment};
use super::api::payment_methods::PaymentMethod;
use super::api::payments::{Charge, PaymentIntent};
use super::api::prices::Price;
use super::api::products::Product;
use super::api::refunds::Refund;
use super::api::schedules::Schedule;
use super::api::subscriptions::{Status, Subscription};
use super::errors::ApiError;
use super::list;
use super::world::{Resource, World};

/// Levels that can be expanded (Stripe's API reference).
const MAX_DEPTH: usize = 4;

/// Expands `path`, such as `data.latest_invoice.payments`, in an answer.
pub fn expand(world: &World, answer: &mut Value, path: &str) -> Result<(), ApiError> {
    let segments: Vec<&str> = path.split('.').collect();
    let depth = segments.iter().filter(|segment| **segment != "data").count();
    if depth > MAX_DEPTH {
        return Err(ApiError::impossible(format!(
            "You cannot expand more than {MAX_DEPTH} levels of a property: {path}"
        )));
    }
    walk(world, answer, &segments, path)
}

fn walk(world: &World, value: &mut Value, segments: &[&str], path: &str) -> Result<(), ApiError> {
    let Some((first, rest)) = segments.split_first() else { return Ok(()) };
    if let Value::Array(elements) = value {
        return elements.iter_mut().try_for_each(|element| walk(world, element, segments, path));
    }
    if value.get(*first).is_none() {
        let hidden = hidden_member(world, value, first);
        let hidden = hidden
            .ok_or_else(|| ApiError::impossible(format!("This property cannot be expanded ({path}).")))?;
        value[*first] = hidden;
    }
    let member = &mut value[*first];
    if let Some(object) = member.as_str().and_then(|id| object_of(world, id)) {
        *member = object;
    }
    match member {
        Value::Null => Ok(()),
        Value::Array(elements) => {
            elements.iter_mut().try_for_each(|element| walk(world, element, rest, path))
        }
        member => walk(world, member, rest, path),
    }
}

/// A member that is only shown on request.
fn hidden_member(world: &World, value: &Value, name: &str) -> Option<Value> {
    let id = value.get("id").and_then(Value::as_str)?;
    match (value.get("object").and_then(Value::as_str)?, name) {
        ("checkout.session", "line_items") => {
            world.sessions.get(id).map(|session| session.render_line_items(world))
        }
        ("price", "tiers") => world.prices.get(id).map(Price::render_tiers),
        ("price", "currency_options") => Some(Value::Object(serde_json::Map::new())),
        ("invoice", "payments") => world.invoices.get(id).map(|invoice| invoice.render_payments(world)),
        ("charge", "refunds") => {
            let of_charge = world.refunds.iter().rev().filter(|refund| refund.charge == id);
            let data = of_charge.map(|refund| refund.render(world)).collect();
            Some(list::list(&format!("/v1/charges/{id}/refunds"), data, false))
        }
        ("customer", "subscriptions") => {
            let live = |subscription: &&Subscription| {
                subscription.customer == id && subscription.status != Status::Canceled
            };
            let data = world.subscriptions.iter().rev().filter(live).map(|of| of.render(world)).collect();
            Some(list::list(&format!("/v1/customers/{id}/subscriptions"), data, false))
        }
        _ => None,
    }
}

/// The object of an id, whatever its kind.
fn object_of(world: &World, id: &str) -> Option<Value> {
    fn found<T: Resource>(world: &World, id: &str) -> Option<Value> {
        id.starts_with(T::PREFIX)
            .then(|| T::table(world).get(id))
            .flatten()
            .map(|object| object.render(world))
    }
    found::<Customer>(world, id)
        .or_else(|| found::<Schedule>(world, id))
        .or_else(|| found::<Subscription>(world, id))
        .or_else(|| found::<InvoicePayment>(world, id))
        .or_else(|| found::<Invoice>(world, id))
        .or_else(|| found::<PaymentIntent>(world, id))
        .or_else(|| found::<PaymentMethod>(world, id))
        .or_else(|| found::<Charge>(world, id))
        .or_else(|| found::<Refund>(world, id))
        .or_else(|| found::<Price>(world, id))
        .or_else(|| world.products.get(id).map(|product: &Product| product.render(world)))
        .or_else(|| found::<Session>(world, id))
}
