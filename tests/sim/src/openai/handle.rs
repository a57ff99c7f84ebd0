//! A running stand-in in a test's own process.

use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, FaultPlan};
use super::ledger::{LedgerEntry, LedgerReport, Totals};
use super::settings::Settings;
use super::state::Sim;
use crate::http::{ListenError, Listening};
use crate::plan::PlanFull;
use crate::received::ReceivedRequest;
use crate::wait::{self, TooLate};

/// The longest a test waits for something that must happen.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A running stand-in. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    /// What an OpenAI client takes as its base URL: `http://127.0.0.1:PORT/v1`.
    pub base_url: String,
    /// Where the control API is: `http://127.0.0.1:PORT`.
    pub url: String,
    sim: Arc<Sim>,
    listening: Listening,
}

impl Handle {
    pub(super) fn new(sim: Arc<Sim>, listening: Listening) -> Self {
        let url = format!("http://{}", listening.address());
        Self { base_url: format!("{url}/v1"), url, sim, listening }
    }

    /// The requests in the provider's books, oldest first.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.sim.ledger.entries()
    }

    /// The sums of the provider's books.
    pub fn totals(&self) -> Totals {
        self.sim.ledger.totals()
    }

    /// Forgets the books. Answers still open are not entered again.
    pub fn clear_ledger(&self) {
        self.sim.ledger.clear();
    }

    /// Waits until `count` requests are no longer open, and returns the books.
    pub async fn finished(&self, count: u64) -> Result<Vec<LedgerEntry>, TooLate> {
        let enough = |report: &LedgerReport| report.totals.requests - report.totals.open >= count;
        self.ledger_when(enough).await.map(|report| report.entries)
    }

    /// Waits until the books are as `wanted`.
    pub async fn ledger_when(&self, wanted: impl Fn(&LedgerReport) -> bool) -> Result<LedgerReport, TooLate> {
        let mut report = None;
        wait::until(self.sim.ledger.subscribe(), WAIT_LIMIT, || {
            let now = LedgerReport { totals: self.totals(), entries: self.ledger() };
            let holds = wanted(&now);
            report = Some(now);
            holds
        })
        .await?;
        Ok(report.unwrap_or(LedgerReport { totals: Totals::default(), entries: Vec::new() }))
    }

    /// The last requests exactly as they came, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.sim.received.all()
    }

    /// Forgets them.
    pub fn clear_requests(&self) {
        self.sim.received.clear();
    }

    /// Plans a fault behind those already planned.
    pub fn fault(&self, fault: impl Into<Fault>) -> Result<(), PlanFull> {
        self.faults().add([fault.into()])
    }

    /// The plan of faults.
    pub fn faults(&self) -> &FaultPlan {
        &self.sim.faults
    }

    /// Waits until `count` answers are held back by a stall.
    pub async fn held(&self, count: usize) -> Result<(), TooLate> {
        let holds = &self.sim.holds;
        wait::until(holds.subscribe(), WAIT_LIMIT, || holds.held() >= count).await
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.sim.holds.release();
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.sim.settings.get()
    }

    /// Changes the settings for requests from now on.
    pub fn set(&self, settings: Settings) {
        self.sim.settings.set(settings);
    }

    /// Cuts all connections and refuses new ones until [`Handle::come_back`].
    pub async fn go_down(&self) -> Result<(), ListenError> {
        self.listening.close().await
    }

    /// Listens again on the same port.
    pub async fn come_back(&self) -> Result<(), ListenError> {
        self.listening.open().await
    }
}
