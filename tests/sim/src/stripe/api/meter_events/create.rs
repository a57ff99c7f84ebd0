//! Usage is reported: what Stripe's v1 endpoint checks before it accepts an event.

use serde_json::json;
use uuid::Uuid;

use super::{MeterEvent, State};
use crate::stripe::api::{customers, invoices, meters};
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::World;

/// The longest identifier, in characters (Stripe's API reference).
const MAX_IDENTIFIER: usize = 100;
/// For how long an identifier cannot be used again, in seconds: "a rolling period of at least 24 hours".
const IDENTIFIER_WINDOW: i64 = 24 * 3600;
/// The largest value, either way: fifteen digits.
const MAX_VALUE: i64 = 999_999_999_999_999;
/// How old usage may be, in seconds: 35 calendar days.
const MAX_AGE: i64 = 35 * 24 * 3600;
/// How far ahead of Stripe's clock the reporter's may be, in seconds.
const MAX_AHEAD: i64 = 5 * 60;

/// The endpoint.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    match (method, rest) {
        ("POST", []) => Some(Endpoint::all("billing.meterEvents.create", create)),
        _ => None,
    }
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let event_name = params.required("event_name")?;
    let identifier = params.text("identifier")?;
    let timestamp = params.integer("timestamp")?.unwrap_or(world.now);
    let payload = params.object("payload")?.ok_or_else(|| ApiError::missing("payload"))?.into_texts()?;
    params.finish()?;
    let named =
        |meter: &&meters::Meter| meter.event_name == event_name && meter.status == meters::Status::Active;
    let Some(meter) = world.meters.iter().find(named).cloned() else {
        let message = format!("No active meter found for event name: {event_name}");
        return Err(ApiError::parameter("resource_missing", "event_name", message));
    };
    let member = |key: &str| payload.get(key).ok_or_else(|| ApiError::missing(&format!("payload[{key}]")));
    let customer = member(&meter.customer_key)?.clone();
    let value =
        if meter.formula == meters::Formula::Count { 1 } else { whole(member(&meter.value_key)?, &meter)? };
    check_time(timestamp, world.now)?;
    customers::living(world, &customer, &format!("payload[{}]", meter.customer_key))?;
    let identifier = identifier.unwrap_or_else(|| Uuid::new_v4().to_string());
    check_identifier(world, &identifier)?;
    // The limit is on calls, so only a call that gets this far counts as one in progress.
    if !world.meter_events.start((meter.id.clone(), customer.clone())) {
        return Err(ApiError::rate_limit());
    }
    let event = MeterEvent {
        identifier: identifier.clone(),
        meter: meter.id,
        event_name: event_name.clone(),
        customer: customer.clone(),
        value,
        timestamp,
        received_at: world.now,
        state: State::Accepted,
    };
    let later = world.settings.hold_meter_events;
    world.meter_events.accept(event, later);
    invoices::refresh_drafts_of(world, &customer);
    Ok(json!({
        "object": "billing.meter_event",
        "created": world.now,
        "event_name": event_name,
        "identifier": identifier,
        "livemode": false,
        "payload": payload,
        "timestamp": timestamp,
    }))
}

fn whole(text: &str, meter: &meters::Meter) -> Result<i64, ApiError> {
    let value: Option<i64> = text.parse().ok().filter(|value| (-MAX_VALUE..=MAX_VALUE).contains(value));
    value.ok_or_else(|| {
        let param = format!("payload[{}]", meter.value_key);
        let message = format!("Invalid value {text}: the value of a meter event must be a whole number");
        ApiError::parameter("parameter_invalid", &param, message)
    })
}

fn check_time(timestamp: i64, now: i64) -> Result<(), ApiError> {
    let message = if timestamp > now + MAX_AHEAD {
        "The timestamp must not be more than 5 minutes in the future."
    } else if timestamp < now - MAX_AGE {
        "The timestamp must be within the past 35 calendar days."
    } else {
        return Ok(());
    };
    Err(ApiError::parameter("parameter_invalid", "timestamp", message))
}

fn check_identifier(world: &World, identifier: &str) -> Result<(), ApiError> {
    if identifier.chars().count() > MAX_IDENTIFIER {
        let message = format!("An identifier has at most {MAX_IDENTIFIER} characters");
        return Err(ApiError::parameter("parameter_invalid", "identifier", message));
    }
    let last = world.meter_events.last(identifier);
    if last.is_some_and(|event| world.now - event.received_at < IDENTIFIER_WINDOW) {
        return Err(ApiError::impossible(format!("An event already exists with identifier {identifier}.")));
    }
    Ok(())
}
