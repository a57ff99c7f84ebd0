//! The endpoints of subscription items: a subscription's update, one item at a time.

use serde_json::{Map, Value, json};

use super::{Item, Subscription, update};
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::world::World;

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("subscriptionItems.create", create),
        ("GET", []) => Endpoint::all("subscriptionItems.list", list),
        ("GET", [id]) => Endpoint::one("subscriptionItems.retrieve", id, retrieve),
        ("POST", [id]) => Endpoint::one("subscriptionItems.update", id, change),
        ("DELETE", [id]) => Endpoint::one("subscriptionItems.del", id, delete),
        _ => return None,
    })
}

/// What an item's own parameters are called inside a subscription's update.
const OF_ITEM: &[&str] = &["price", "quantity", "metadata", "clear_usage"];

/// Updates the subscription with this request's parameters, those of the item inside `items[0]`.
fn through(world: &mut World, subscription: &str, params: &mut Params, extra: &[(&str, &str)]) -> Answer {
    let mut members = params.take_all();
    let mut item: Map<String, Value> =
        extra.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    for name in OF_ITEM {
        if let Some(value) = members.remove(*name) {
            item.insert((*name).to_owned(), value);
        }
    }
    members.insert("items".to_owned(), json!([item]));
    update::update(world, subscription, &mut Params::new(members))
}

fn holder(world: &World, id: &str) -> Result<Subscription, ApiError> {
    let has = |subscription: &&Subscription| subscription.items.iter().any(|item| item.id == id);
    let found = world.subscriptions.iter().find(has);
    found.cloned().ok_or_else(|| ApiError::no_such("subscription_item", id, None))
}

fn rendered(world: &World, subscription: &str, wanted: impl Fn(&Item) -> bool) -> Value {
    let found =
        world.subscriptions.get(subscription).and_then(|of| of.items.iter().rev().find(|item| wanted(item)));
    found.map_or(Value::Null, |item| item.render(world, subscription))
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let subscription = params.required("subscription")?;
    let before = world.named::<Subscription>(&subscription, "subscription")?.items.clone();
    through(world, &subscription, params, &[])?;
    Ok(rendered(world, &subscription, |item| before.iter().all(|old| old.id != item.id)))
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let subscription = holder(world, id)?.id;
    Ok(rendered(world, &subscription, |item| item.id == id))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let id = params.required("subscription")?;
    params.ignore(&["limit"]);
    params.finish()?;
    let subscription = world.named::<Subscription>(&id, "subscription")?;
    let items = subscription.items.iter().map(|item| item.render(world, &id)).collect();
    Ok(list::list("/v1/subscription_items", items, false))
}

fn change(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let subscription = holder(world, id)?.id;
    through(world, &subscription, params, &[("id", id)])?;
    Ok(rendered(world, &subscription, |item| item.id == id))
}

fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let subscription = holder(world, id)?.id;
    through(world, &subscription, params, &[("id", id), ("deleted", "true")])?;
    Ok(json!({ "id": id, "object": "subscription_item", "deleted": true }))
}
