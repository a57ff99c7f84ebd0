//! Events: what happened, each with the object as it was then.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::webhooks;
use crate::stripe::world::{Resource, World, fresh_id};

/// For how long events can be listed and retrieved, in seconds: 30 days.
const KEPT: i64 = 30 * 24 * 3600;
/// Types that a request may ask for at once (Stripe's API reference).
const MAX_TYPES: usize = 20;

/// The request that made something happen.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Its id; none when the clock did it.
    pub request: Option<String>,
    /// Its idempotency key.
    pub idempotency_key: Option<String>,
}

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub created: i64,
    pub kind: String,
    pub object: Value,
    pub previous: Option<Value>,
    pub origin: Origin,
    /// Endpoints that have not taken it yet.
    pub pending: u32,
}

impl Resource for Event {
    const PREFIX: &'static str = "evt_";
    const KIND: &'static str = "event";

    fn render(&self, _world: &World) -> Value {
        let mut data = json!({ "object": self.object });
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": crate::stripe::VERSION,
            "created": self.created,
            "data": data,
            "livemode": false,
            "pending_webhooks": self.pending,
            "request": { "id": self.origin.request, "idempotency_key": self.origin.idempotency_key },
            "type": self.kind,
        })
    }
}

impl World {
    /// Records that something happened, and hands it to the webhooks.
    pub fn record(&mut self, kind: &str, object: Value, previous: Option<Value>) {
        let event = Event {
            id: fresh_id(Event::PREFIX),
            created: self.now,
            kind: kind.to_owned(),
            object,
            previous,
            origin: self.origin.clone(),
            pending: 0,
        };
        let id = event.id.clone();
        self.events.insert(id.clone(), event);
        webhooks::announce(self, &id, kind);
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("events.list", list),
        ("GET", [id]) => Endpoint::one("events.retrieve", id, retrieve),
        _ => return None,
    })
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let event = world.find::<Event>(id)?;
    if world.now - event.created > KEPT {
        return Err(ApiError::no_such(Event::KIND, id, None));
    }
    Ok(event.render(world))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let kind = params.text("type")?;
    let kinds = params.texts("types")?;
    let delivered = params.boolean("delivery_success")?;
    if kind.is_some() && !kinds.is_empty() {
        let message = "You may only specify one of these parameters: type, types.";
        return Err(ApiError::parameter("parameters_exclusive", "types", message));
    }
    if kinds.len() > MAX_TYPES {
        let message = format!("You may only specify up to {MAX_TYPES} types.");
        return Err(ApiError::parameter("parameter_invalid", "types", message));
    }
    let oldest = world.now - KEPT;
    let suits = |pattern: &String, event: &Event| match pattern.strip_suffix('*') {
        Some(prefix) => event.kind.starts_with(prefix),
        None => event.kind == *pattern,
    };
    let wanted = |event: &Event| {
        event.created >= oldest
            && kind.as_ref().is_none_or(|kind| suits(kind, event))
            && (kinds.is_empty() || kinds.iter().any(|kind| suits(kind, event)))
            && delivered.is_none_or(|delivered| delivered == (event.pending == 0))
    };
    list::page(world, params, "/v1/events", wanted)
}
