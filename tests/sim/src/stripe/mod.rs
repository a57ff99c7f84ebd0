//! The Stripe stand-in: bills like Stripe, keeps Stripe's side of the books, and fails on command.

mod answer;
mod api;
mod books;
mod control;
mod endpoint;
mod errors;
mod expand;
mod faults;
mod form;
mod handle;
mod idempotency;
mod list;
mod pages;
mod params;
mod request;
mod server;
mod settings;
mod state;
mod webhooks;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use api::checkout::Completion;
pub use api::meter_events::{MeterEvent, State as MeterEventState};
pub use api::payment_methods::Behaviour;
pub use books::{Books, CustomerBooks, InvoiceBooks, LineBooks, MeterBooks};
pub use control::{Advance, Advanced};
pub use faults::{Fault, FaultKind, FaultMatch, FaultPlan};
pub use handle::Handle;
pub use settings::{AfterRetries, Settings, Webhooks};
pub use webhooks::{
    Delivery, DeliveryState, Order, WebhookFault, WebhookFaultKind, WebhookFaultPlan, WebhookMatch,
};
pub use world::ClockReport;

use api::webhook_endpoints::WebhookEndpoint;
use state::Sim;

use crate::http::{ListenError, listen};
pub use crate::plan::PlanFull;
pub use crate::received::ReceivedRequest;
pub use crate::wait::TooLate;

/// The API version that the stand-in speaks, and the only one it accepts: the one async-stripe 1.0.0-rc.10 is made for.
pub const VERSION: &str = "2026-09-30.endive";

/// How to start a stand-in.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only key it accepts; without one it accepts every caller that has one.
    pub secret_key: Option<String>,
    /// Where it sends its webhooks at first; more endpoints can be made through the API.
    pub webhook_url: Option<String>,
    /// What it signs those with. Several stand for a secret that is being rolled.
    pub webhook_secrets: Vec<String>,
    /// How it behaves at first.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_key: None,
            webhook_url: None,
            webhook_secrets: vec!["whsec_stand_in".to_owned()],
            settings: Settings::default(),
        }
    }
}

/// Starts a stand-in on the current runtime. It answers once this returns.
pub async fn spawn(options: Options) -> Result<Handle, ListenError> {
    let sim = Arc::new(Sim::new(options.secret_key));
    let listening = listen(options.listen, Arc::clone(&sim)).await?;
    {
        let mut world = sim.world();
        world.settings = options.settings;
        world.base_url = format!("http://{}", listening.address());
        world.catch_up();
        if let Some(url) = options.webhook_url {
            let mut endpoint = WebhookEndpoint::new(world.now, url, String::new());
            endpoint.secrets = options.webhook_secrets;
            let id = endpoint.id.clone();
            world.webhook_endpoints.insert(id, endpoint);
        }
    }
    let sender = tokio::spawn(webhooks::deliver(Arc::clone(&sim))).abort_handle();
    Ok(Handle::new(sim, listening, sender))
}
