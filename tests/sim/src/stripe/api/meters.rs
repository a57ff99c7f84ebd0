//! Billing meters, and the sums of what they counted.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::world::{Resource, World, fresh_id};

/// Whether a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
}

/// How events are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    Sum,
    Count,
    Last,
}

/// A meter.
#[derive(Clone, Debug)]
pub struct Meter {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub display_name: String,
    pub event_name: String,
    pub formula: Formula,
    pub customer_key: String,
    pub value_key: String,
    pub status: Status,
    pub deactivated_at: Option<i64>,
}

impl Resource for Meter {
    const PREFIX: &'static str = "mtr_test_";
    const KIND: &'static str = "billing meter";

    fn render(&self, _world: &World) -> Value {
        let formula = match self.formula {
            Formula::Sum => "sum",
            Formula::Count => "count",
            Formula::Last => "last",
        };
        json!({
            "id": self.id,
            "object": "billing.meter",
            "created": self.created,
            "customer_mapping": { "event_payload_key": self.customer_key, "type": "by_id" },
            "default_aggregation": { "formula": formula },
            "display_name": self.display_name,
            "event_name": self.event_name,
            "event_time_window": null,
            "livemode": false,
            "status": if self.status == Status::Active { "active" } else { "inactive" },
            "status_transitions": { "deactivated_at": self.deactivated_at },
            "updated": self.updated,
            "value_settings": { "event_payload_key": self.value_key },
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("billing.meters.create", create),
        ("GET", []) => Endpoint::all("billing.meters.list", list),
        ("GET", [id]) => Endpoint::one("billing.meters.retrieve", id, retrieve::<Meter>),
        ("POST", [id]) => Endpoint::one("billing.meters.update", id, update),
        ("POST", [id, "deactivate"]) => Endpoint::one("billing.meters.deactivate", id, deactivate),
        ("POST", [id, "reactivate"]) => Endpoint::one("billing.meters.reactivate", id, reactivate),
        ("GET", [id, "event_summaries"]) => Endpoint::one("billing.meters.listEventSummaries", id, summaries),
        _ => return None,
    })
}

/// The longest name of an event (Stripe's API reference).
const MAX_EVENT_NAME: usize = 100;

fn create(world: &mut World, params: &mut Params) -> Answer {
    let display_name = params.required("display_name")?;
    let event_name = params.required("event_name")?;
    let mut aggregation =
        params.object("default_aggregation")?.ok_or_else(|| ApiError::missing("default_aggregation"))?;
    let formula = match aggregation.one_of("formula", &["sum", "count", "last"])? {
        Some("sum") => Formula::Sum,
        Some("count") => Formula::Count,
        Some(_) => Formula::Last,
        None => return Err(ApiError::missing("default_aggregation[formula]")),
    };
    aggregation.finish()?;
    let mut mapping = params.object("customer_mapping")?.unwrap_or_default();
    let customer_key = mapping.text("event_payload_key")?.unwrap_or_else(|| "stripe_customer_id".to_owned());
    mapping.one_of("type", &["by_id"])?;
    mapping.finish()?;
    let mut value = params.object("value_settings")?.unwrap_or_default();
    let value_key = value.text("event_payload_key")?.unwrap_or_else(|| "value".to_owned());
    value.finish()?;
    params.finish()?;
    if event_name.len() > MAX_EVENT_NAME {
        let message = format!("Event names have at most {MAX_EVENT_NAME} characters");
        return Err(ApiError::parameter("parameter_invalid", "event_name", message));
    }
    let taken = |meter: &Meter| meter.status == Status::Active && meter.event_name == event_name;
    if let Some(other) = world.meters.iter().find(|meter| taken(meter)) {
        let message =
            format!("There is already an active meter with the event name `{event_name}`: {}", other.id);
        return Err(ApiError::impossible_because("resource_already_exists", message));
    }
    let meter = Meter {
        id: fresh_id(Meter::PREFIX),
        created: world.now,
        updated: world.now,
        display_name,
        event_name,
        formula,
        customer_key,
        value_key,
        status: Status::Active,
        deactivated_at: None,
    };
    let id = meter.id.clone();
    world.add(meter, "billing.meter.created");
    Ok(world.rendered::<Meter>(&id))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let status = params.one_of("status", &["active", "inactive"])?;
    let wanted =
        |meter: &Meter| status.is_none_or(|status| (status == "active") == (meter.status == Status::Active));
    list::page(world, params, "/v1/billing/meters", wanted)
}

/// Only the name for people can change.
fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    world.find::<Meter>(id)?;
    let name = params.text("display_name")?;
    params.finish()?;
    let now = world.now;
    world.update::<Meter>(id, "billing.meter.updated", |meter| {
        if let Some(name) = name.filter(|name| *name != meter.display_name) {
            meter.display_name = name;
            meter.updated = now;
        }
    });
    Ok(world.rendered::<Meter>(id))
}

fn deactivate(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    world.find::<Meter>(id)?;
    let now = world.now;
    world.update::<Meter>(id, "billing.meter.deactivated", |meter| {
        meter.status = Status::Inactive;
        meter.deactivated_at = Some(now);
        meter.updated = now;
    });
    Ok(world.rendered::<Meter>(id))
}

fn reactivate(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    world.find::<Meter>(id)?;
    let now = world.now;
    world.update::<Meter>(id, "billing.meter.reactivated", |meter| {
        meter.status = Status::Active;
        meter.deactivated_at = None;
        meter.updated = now;
    });
    Ok(world.rendered::<Meter>(id))
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Sums of one customer's events, over the whole time asked for or window by window, newest first.
fn summaries(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let meter = world.find::<Meter>(id)?.clone();
    let customer = params.required("customer")?;
    let start = params.integer("start_time")?.ok_or_else(|| ApiError::missing("start_time"))?;
    let end = params.integer("end_time")?.ok_or_else(|| ApiError::missing("end_time"))?;
    let window = params.one_of("value_grouping_window", &["hour", "day"])?;
    let limit = params.integer("limit")?.unwrap_or(10).clamp(1, 100);
    let after = params.text("starting_after")?;
    let before = params.text("ending_before")?;
    params.finish()?;
    let step = match window {
        Some("hour") => HOUR,
        Some(_) => DAY,
        None => end - start,
    };
    let aligned_to = window.map_or(MINUTE, |_| step);
    for (time, name) in [(start, "start_time"), (end, "end_time")] {
        if time.rem_euclid(aligned_to) != 0 {
            let message = format!("{name} must be aligned with {aligned_to} second boundaries");
            return Err(ApiError::parameter("parameter_invalid", name, message));
        }
    }
    if end <= start {
        return Err(ApiError::parameter(
            "parameter_invalid",
            "end_time",
            "end_time must be after start_time",
        ));
    }
    super::customers::living(world, &customer, "customer")?;
    let url = format!("/v1/billing/meters/{id}/event_summaries");
    let mut all = Vec::new();
    let mut from = start;
    while from < end {
        let until = (from + step).min(end);
        if let Some(value) = world.meter_events.aggregate(&meter, &customer, from, until) {
            all.push(summary(&meter, &customer, from, until, value));
        }
        from = until;
    }
    all.reverse();
    let place = |cursor: &str| all.iter().position(|summary| summary["id"] == cursor);
    let limit = usize::try_from(limit).unwrap_or(10);
    let (first, last) = match (&after, &before) {
        (Some(cursor), _) => {
            let first = place(cursor).map_or(all.len(), |place| place + 1);
            (first, (first + limit).min(all.len()))
        }
        (None, Some(cursor)) => {
            let last = place(cursor).unwrap_or(0);
            (last.saturating_sub(limit), last)
        }
        (None, None) => (0, limit.min(all.len())),
    };
    let has_more = if before.is_some() { first > 0 } else { last < all.len() };
    Ok(list::list(&url, all[first..last].to_vec(), has_more))
}

fn summary(meter: &Meter, customer: &str, from: i64, until: i64, value: i64) -> Value {
    json!({
        // The same window has the same id, so that it can be a cursor.
        "id": format!("mtrusg_test_{}_{customer}_{from}_{until}", meter.id),
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": until,
        "livemode": false,
        "meter": meter.id,
        "start_time": from,
    })
}
