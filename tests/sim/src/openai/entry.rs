//! A request's entry in the provider's books, open for as long as its answer is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use time::OffsetDateTime;

use super::ledger::{Ledger, LedgerEntry, Pools, State};
use super::script::Script;
use super::settings::OnDisconnect;
use super::state::Sim;
use crate::holds::Holds;
use crate::http::{Connection, Watcher};

/// An open entry. Dropping it before the answer is complete means that the client left.
pub struct Entry {
    number: u64,
    request_id: String,
    ledger: Arc<Ledger>,
    holds: Arc<Holds>,
    connection: Connection,
    on_disconnect: OnDisconnect,
    planned: Pools,
    at_the_end: State,
    generated_tokens: u64,
    closed: bool,
}

impl Entry {
    /// Enters a request whose headers have arrived.
    pub fn open(sim: &Sim, endpoint: &str, parts: &Parts, connection: Connection) -> Self {
        let request_id = format!("req_{}", sim.fresh_id());
        let client_request_id = parts.headers.get("x-client-request-id").and_then(|id| id.to_str().ok());
        let number = sim.ledger.enter(LedgerEntry {
            number: 0,
            id: None,
            request_id: request_id.clone(),
            client_request_id: client_request_id.map(str::to_owned),
            safety_identifier: None,
            endpoint: endpoint.to_owned(),
            model: None,
            response_model: None,
            stream: false,
            charged: Pools::default(),
            state: State::Open,
            status: None,
            delivered: false,
            faults: Vec::new(),
            received_at: OffsetDateTime::now_utc(),
            finished_at: None,
        });
        Self {
            number,
            request_id,
            ledger: Arc::clone(&sim.ledger),
            holds: Arc::clone(&sim.holds),
            connection,
            on_disconnect: sim.settings.get().on_disconnect,
            planned: Pools::default(),
            at_the_end: State::Delivered,
            generated_tokens: 0,
            closed: false,
        }
    }

    /// The `x-request-id` of the answer.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Notes what became known of the request or its answer.
    pub fn note(&self, note: impl FnOnce(&mut LedgerEntry)) {
        self.ledger.amend(self.number, note);
    }

    /// Notes the answer, and what it costs once it is generated.
    pub fn plan(&mut self, script: &Script) {
        self.planned = script.pools;
        self.at_the_end = if script.is_refusal() { State::Refused } else { State::Delivered };
        // A plain answer is generated before its first byte.
        self.generated_tokens = if script.streamed { 0 } else { self.planned.output_tokens };
        let charged = self.planned.after(0);
        self.note(|entry| {
            entry.id.clone_from(&script.id);
            entry.response_model.clone_from(&script.model);
            entry.status = Some(script.status.as_u16());
            entry.stream = script.streamed;
            entry.charged = charged;
        });
    }

    /// Ends the request without an answer. `charged` says whether the provider did the work.
    pub fn hang_up(&mut self, reset: bool, charged: bool) {
        self.note(|entry| entry.status = None);
        if !charged {
            self.planned = Pools::default();
        }
        self.generated_tokens = self.planned.output_tokens;
        self.cut(reset);
    }

    fn close(&mut self, state: State, charged: Pools) {
        if !std::mem::replace(&mut self.closed, true) {
            self.ledger.close(self.number, state, charged);
        }
    }
}

impl Watcher for Entry {
    fn sent(&mut self, mark: u64) {
        if mark != self.generated_tokens {
            self.generated_tokens = mark;
            let charged = self.planned.after(mark);
            self.note(|entry| entry.charged = charged);
        }
    }

    fn completed(&mut self) {
        self.close(self.at_the_end, self.planned);
    }

    fn cut(&mut self, reset: bool) {
        if reset {
            self.connection.reset_at_end();
        }
        self.close(State::Cut, self.planned.after(self.generated_tokens));
    }

    fn released(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.holds.wait())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let charged = match self.on_disconnect {
            OnDisconnect::Finish => self.planned,
            OnDisconnect::Stop => self.planned.after(self.generated_tokens),
        };
        self.close(State::ClientLeft, charged);
    }
}
