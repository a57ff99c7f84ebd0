//! Meter event adjustments: an event is cancelled, within a day of its arrival.

use serde_json::json;

use super::State;
use crate::stripe::api::invoices;
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::World;

/// For how long an event can be cancelled, in seconds from its arrival (Stripe's API reference).
const WINDOW: i64 = 24 * 3600;

/// The endpoint.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    match (method, rest) {
        ("POST", []) => Some(Endpoint::all("billing.meterEventAdjustments.create", create)),
        _ => None,
    }
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let event_name = params.required("event_name")?;
    params.one_of("type", &["cancel"])?.ok_or_else(|| ApiError::missing("type"))?;
    let mut cancel = params.object("cancel")?.ok_or_else(|| ApiError::missing("cancel"))?;
    let identifier = cancel.required("identifier")?;
    cancel.finish()?;
    params.finish()?;
    let event = world.meter_events.last(&identifier).filter(|event| event.event_name == event_name);
    let Some(event) = event.cloned() else {
        return Err(ApiError::no_such("meter event", &identifier, Some("cancel[identifier]")));
    };
    if world.now - event.received_at > WINDOW {
        return Err(ApiError::impossible(
            "You can only cancel events within 24 hours of Stripe receiving them.",
        ));
    }
    if event.state == State::Cancelled {
        return Err(ApiError::impossible("This event has already been cancelled."));
    }
    world.meter_events.take_out(&identifier, State::Cancelled);
    invoices::refresh_drafts_of(world, &event.customer);
    Ok(json!({
        "object": "billing.meter_event_adjustment",
        "cancel": { "identifier": identifier },
        "event_name": event_name,
        "livemode": false,
        "status": "pending",
        "type": "cancel",
    }))
}
