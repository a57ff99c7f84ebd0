//! Webhooks: every event is sent to every endpoint that wants it, signed, until it is taken.

mod kept;
mod outbox;
mod plan;
mod send;
mod sign;

pub use outbox::{Delivery, DeliveryState, Order, Outbox};
pub use plan::{WebhookFault, WebhookFaultKind, WebhookFaultPlan, WebhookMatch};
pub use send::{body, deliver};
pub use sign::signature;

use super::api::events::Event;
use super::settings::Webhooks;
use super::world::World;

/// An event has happened: its deliveries are made out, and wait, go or are lost as the settings and the plan say.
pub fn announce(world: &mut World, event: &str, kind: &str) {
    let endpoints = world.webhook_endpoints.iter().filter(|endpoint| endpoint.wants(kind));
    let endpoints: Vec<String> = endpoints.map(|endpoint| endpoint.id.clone()).collect();
    for endpoint in endpoints {
        let state = match world.settings.webhooks {
            Webhooks::Send => DeliveryState::Ready,
            Webhooks::Hold => DeliveryState::Held,
            Webhooks::Drop => DeliveryState::Lost,
        };
        let fault = plan::take(&world.outbox.faults, kind, &endpoint);
        world.outbox.make_out(event, kind, &endpoint, state, fault.as_ref());
        world.change::<Event>(event, |event| event.pending += 1);
    }
}
