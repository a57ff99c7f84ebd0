//! The sender: takes deliveries out of the outbox and posts them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::outbox::{Delivery, came_back};
use super::signature;
use crate::stripe::api::thin_events::ThinEvent;
use crate::stripe::state::Sim;
use crate::stripe::world::{Resource, World};

/// How long an endpoint may take to answer. Stripe does not say; its clients see about this.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often the clock is looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(250);
/// Deliveries sent at once, whatever the settings say.
const MAX_CONCURRENCY: usize = 64;

/// A delivery with everything that is needed to send it.
struct Parcel {
    delivery: Delivery,
    url: String,
    body: String,
    signature: String,
}

/// Sends deliveries as they become ready, for as long as the stand-in runs, and keeps its clock going.
pub async fn deliver(sim: Arc<Sim>) {
    let builder = Client::builder().no_proxy().timeout(TIMEOUT).redirect(redirect::Policy::none());
    // Without a client nothing can be sent, and every delivery stays ready for whoever looks.
    let Ok(client) = builder.build() else { return };
    let wake = sim.world().outbox.wake();
    let mut under_way = JoinSet::new();
    loop {
        while let Some(parcel) = next(&sim) {
            under_way.spawn(send(Arc::clone(&sim), client.clone(), parcel));
        }
        tokio::select! {
            () = wake.notified() => {}
            Some(_) = under_way.join_next() => {}
            () = tokio::time::sleep(TICK) => sim.world().catch_up(),
        }
    }
}

fn next(sim: &Sim) -> Option<Parcel> {
    let mut world = sim.world();
    let most = world.settings.webhook_concurrency.min(MAX_CONCURRENCY);
    let delivery = world.outbox.take_ready(most)?;
    let parcel = parcel(&world, delivery.clone());
    if parcel.is_none() {
        // Its endpoint is gone: there is nobody to send it to.
        came_back(&mut world, delivery.number, None);
    }
    parcel
}

fn parcel(world: &World, delivery: Delivery) -> Option<Parcel> {
    let endpoint = world.webhook_endpoints.get(&delivery.endpoint).filter(|endpoint| !endpoint.deleted)?;
    let body = body(world, &delivery.event)?;
    // The receiver's clock is the real one, wherever the stand-in's has been moved to.
    let at = OffsetDateTime::now_utc().unix_timestamp() - delivery.stale_seconds;
    let unknown = ["whsec_of_somebody_else".to_owned()];
    let secrets = if delivery.forged { &unknown } else { endpoint.secrets.as_slice() };
    Some(Parcel { url: endpoint.url.clone(), signature: signature(secrets, at, &body), body, delivery })
}

/// What is delivered for an event, thin or not.
pub fn body(world: &World, event: &str) -> Option<String> {
    let whole = world.events.get(event).map(|event| event.render(world));
    let body = whole.or_else(|| world.thin_events.get(event).map(ThinEvent::render_thin));
    body.map(|body| body.to_string())
}

async fn send(sim: Arc<Sim>, client: Client, parcel: Parcel) {
    let Parcel { delivery, url, body, signature } = parcel;
    let delay_ms = delivery.delay_ms.max(sim.world().settings.webhook_delay_ms);
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let request = client
        .post(url)
        .header("content-type", "application/json; charset=utf-8")
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature)
        .body(body);
    let answered = request.send().await.ok().map(|response| response.status().as_u16());
    came_back(&mut sim.world(), delivery.number, answered);
}
