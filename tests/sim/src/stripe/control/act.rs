//! Controls that are more than one call.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::stripe::api::events::Event;
use crate::stripe::api::meter_events::State;
use crate::stripe::api::{invoices, thin_events};
use crate::stripe::errors::ApiError;
use crate::stripe::settings::Settings;
use crate::stripe::state::Sim;
use crate::stripe::webhooks::{body, signature};
use crate::stripe::world::{Resource, World};

/// Replaces the settings. Meter events that were held back count from now on, if they are held no more.
pub fn set_settings(sim: &Sim, settings: Settings) {
    let mut world = sim.world();
    world.settings = settings;
    world.other_changes += 1;
    if !world.settings.hold_meter_events {
        let customers = world.meter_events.count_all();
        for customer in customers {
            invoices::refresh_drafts_of(&mut world, &customer);
        }
    }
}

/// Replaces the secrets of every webhook endpoint.
pub fn set_secrets(sim: &Sim, secrets: &[String]) {
    let mut world = sim.world();
    let ids: Vec<String> = world.webhook_endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    for id in ids {
        world.change::<crate::stripe::api::webhook_endpoints::WebhookEndpoint>(&id, |endpoint| {
            endpoint.secrets = secrets.to_vec();
        });
    }
}

/// The header and the body with which an event is delivered, for tests that deliver it themselves. Signed with the
/// secrets of the first endpoint, now in real time.
pub fn signed(sim: &Sim, event: &str) -> Result<(String, String), ApiError> {
    let world = sim.world();
    let body = body(&world, event).ok_or_else(|| ApiError::no_such(Event::KIND, event, None))?;
    let secrets =
        world.webhook_endpoints.iter().next().map(|endpoint| endpoint.secrets.clone()).unwrap_or_default();
    Ok((signature(&secrets, OffsetDateTime::now_utc().unix_timestamp(), &body), body))
}

/// A meter event that Stripe finds invalid after it has accepted it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The event's identifier.
    pub identifier: String,
    /// Stripe's code, such as `meter_event_customer_not_found`.
    #[serde(default = "not_found")]
    pub code: String,
}

fn not_found() -> String {
    "meter_event_customer_not_found".to_owned()
}

/// Takes a meter event out of the sums, as invalid.
pub fn reject_meter_event(world: &mut World, reject: &Reject) -> Result<(), ApiError> {
    let event = world.meter_events.take_out(&reject.identifier, State::Rejected);
    let event = event.ok_or_else(|| ApiError::no_such("meter event", &reject.identifier, None))?;
    invoices::refresh_drafts_of(world, &event.customer);
    thin_events::report(world, &event, &reject.code);
    Ok(())
}
