//! The OpenAI stand-in: answers like OpenAI, meters what it generates, and fails on command.

mod answer;
mod bench;
mod chat;
mod control;
mod embeddings;
mod entry;
mod errors;
mod faults;
mod handle;
mod ledger;
mod models;
mod params;
mod responses;
mod route;
mod schema;
mod script;
mod send;
mod server;
mod settings;
mod state;
mod tokens;
mod tools;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use answer::Wishes;
pub use bench::{BenchHandle, BenchOptions, spawn_bench};
pub use faults::{Fault, FaultKind, FaultMatch, FaultPlan};
pub use handle::Handle;
pub use ledger::{LedgerEntry, LedgerReport, Pools, State, Totals};
pub use settings::{OnDisconnect, Settings};

pub use crate::plan::PlanFull;
pub use crate::received::ReceivedRequest;
pub use crate::wait::TooLate;

use crate::http::{ListenError, listen};
use settings::SettingsInForce;
use state::Sim;

/// How to start a stand-in.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only key it accepts; without one it accepts every caller.
    pub api_key: Option<String>,
    /// How it answers at first.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen, api_key: None, settings: Settings::default() }
    }
}

/// Starts a stand-in on the current runtime. It answers once this returns.
pub async fn spawn(options: Options) -> Result<Handle, ListenError> {
    // A failure to join means that the runtime is shutting down, and then nothing will be asked.
    let _ = tokio::task::spawn_blocking(answer::warm).await;
    let settings = SettingsInForce::default();
    settings.set(options.settings);
    let sim = Arc::new(Sim { api_key: options.api_key, settings, ..Sim::default() });
    let listening = listen(options.listen, Arc::clone(&sim)).await?;
    Ok(Handle::new(sim, listening))
}
