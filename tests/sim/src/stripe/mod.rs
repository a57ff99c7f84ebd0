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
mod kept;
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
use std::path::PathBuf;
use std::sync::Arc;

pub use api::checkout::Completion;
pub use api::meter_events::{MeterEvent, State as MeterEventState};
pub use api::payment_methods::Behaviour;
pub use books::{Books, CustomerBooks, InvoiceBooks, LineBooks, MeterBooks};
pub use control::{Advance, Advanced};
pub use faults::{Fault, FaultKind, FaultMatch, FaultPlan};
pub use handle::Handle;
pub use kept::StateFileError;
pub use settings::{AfterRetries, Settings, Webhooks};
pub use webhooks::{
    Delivery, DeliveryState, Order, WebhookFault, WebhookFaultKind, WebhookFaultPlan, WebhookMatch, signature,
};
pub use world::ClockReport;

use api::webhook_endpoints::WebhookEndpoint;
use kept::Writer;
use state::Sim;
use world::World;

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
    /// How it behaves at first, unless its state file says so.
    pub settings: Settings,
    /// Where it keeps what it knows, for the next one that is started with it. Without one it forgets.
    pub state_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_key: None,
            webhook_url: None,
            webhook_secrets: vec!["whsec_stand_in".to_owned()],
            settings: Settings::default(),
            state_file: None,
        }
    }
}

/// Why a stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It cannot use its state file.
    #[error(transparent)]
    StateFile(#[from] StateFileError),
}

/// Starts a stand-in on the current runtime. It answers once this returns.
pub async fn spawn(options: Options) -> Result<Handle, StartError> {
    let kept = options.state_file.as_deref().map(kept::read).transpose()?.flatten();
    let known = kept.is_some();
    let sim = Arc::new(Sim::new(options.secret_key, kept));
    let listening = listen(options.listen, Arc::clone(&sim)).await?;
    {
        let mut world = sim.world();
        world.base_url = format!("http://{}", listening.address());
        if !known {
            world.settings = options.settings;
        }
        world.catch_up();
        if let Some(url) = options.webhook_url {
            tell(&mut world, url, options.webhook_secrets);
        }
    }
    let writer = match options.state_file {
        Some(file) => Some(Writer::start(Arc::clone(&sim), file).await?),
        None => None,
    };
    let sender = tokio::spawn(webhooks::deliver(Arc::clone(&sim))).abort_handle();
    Ok(Handle::new(sim, listening, sender, writer))
}

/// Sends webhooks to `url` from now on. Between two starts the receiver may have moved: what waits for it goes along.
fn tell(world: &mut World, url: String, secrets: Vec<String>) {
    let before = world.webhook_endpoints.iter().find(|endpoint| endpoint.of_start && !endpoint.deleted);
    let Some(id) = before.map(|endpoint| endpoint.id.clone()) else {
        let endpoint = WebhookEndpoint {
            of_start: true,
            secrets,
            ..WebhookEndpoint::new(world.now, url, String::new())
        };
        world.webhook_endpoints.insert(endpoint.id.clone(), endpoint);
        return;
    };
    world.change::<WebhookEndpoint>(&id, |endpoint| (endpoint.url, endpoint.secrets) = (url, secrets));
}
