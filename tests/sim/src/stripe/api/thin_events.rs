//! Thin events of API v2: they name an object and no more, and whoever wants to know fetches them. The stand-in has the
//! one that says which meter events were found invalid after they had been accepted.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::stripe::api::meter_events::MeterEvent;
use crate::stripe::endpoint::{Endpoint, retrieve};
use crate::stripe::webhooks;
use crate::stripe::world::{Resource, World, fresh_id};

/// The type of the event.
const METER_ERRORS: &str = "v1.billing.meter.error_report_triggered";

/// A thin event about a meter.
#[derive(Clone, Debug)]
pub struct ThinEvent {
    pub id: String,
    pub created: i64,
    /// The meter's id.
    pub meter: String,
    pub data: Value,
}

impl ThinEvent {
    /// As it is delivered.
    pub fn render_thin(&self) -> Value {
        json!({
            "id": self.id,
            "object": "v2.core.event",
            "type": METER_ERRORS,
            "livemode": false,
            "created": moment(self.created),
            "context": null,
            "related_object": { "id": self.meter, "type": "billing.meter",
                "url": format!("/v1/billing/meters/{}", self.meter) },
        })
    }
}

fn moment(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at).ok();
    let text = at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    text.replace('Z', ".000Z")
}

impl Resource for ThinEvent {
    const PREFIX: &'static str = "evt_test_";
    const KIND: &'static str = "event";

    fn render(&self, _world: &World) -> Value {
        let mut whole = self.render_thin();
        whole["data"] = self.data.clone();
        whole["reason"] = Value::Null;
        whole
    }
}

/// Stripe has found a meter event invalid, after it had accepted it.
pub fn report(world: &mut World, event: &MeterEvent, code: &str) {
    let sample = json!({
        "error_message": format!("{code}: {}", event.identifier),
        "request": { "identifier": event.identifier },
    });
    let data = json!({
        "developer_message_summary": "There is 1 invalid event",
        "reason": {
            "error_count": 1,
            "error_types": [{ "code": code, "error_count": 1, "sample_errors": [sample] }],
        },
        "validation_start": moment(event.received_at),
        "validation_end": moment(world.now),
    });
    let id = fresh_id(ThinEvent::PREFIX);
    let thin = ThinEvent { id: id.clone(), created: world.now, meter: event.meter.clone(), data };
    world.thin_events.insert(id.clone(), thin);
    webhooks::announce(world, &id, METER_ERRORS);
}

/// The endpoints, under `/v2/core/events`.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    match (method, rest) {
        ("GET", [id]) => Some(Endpoint::one("v2.core.events.retrieve", id, retrieve::<ThinEvent>)),
        _ => None,
    }
}
