//! The provider's own meter: what was generated for whom, whether or not the client was there to see it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::watch;

/// Requests remembered one by one; the totals know all of them.
const MAX_ENTRIES: usize = 100_000;

/// Token counts of one request or of many.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Pools {
    /// All input.
    pub input_tokens: u64,
    /// Input that the prompt cache held.
    pub cached_input_tokens: u64,
    /// Input written to the prompt cache.
    pub cache_write_tokens: u64,
    /// Of these, tokens that are kept for twelve hours.
    pub cache_write_12h_tokens: u64,
    /// Audio inside the input.
    pub audio_input_tokens: u64,
    /// All output.
    pub output_tokens: u64,
    /// Reasoning inside the output.
    pub reasoning_tokens: u64,
    /// Audio inside the output.
    pub audio_output_tokens: u64,
}

impl Pools {
    /// These pools when only the first `output_tokens` of the output were generated. Reasoning comes
    /// first, audio last.
    pub fn after(self, output_tokens: u64) -> Self {
        let output = output_tokens.min(self.output_tokens);
        let unsaid = self.output_tokens - output;
        Self {
            output_tokens: output,
            reasoning_tokens: self.reasoning_tokens.min(output),
            audio_output_tokens: self.audio_output_tokens.saturating_sub(unsaid),
            ..self
        }
    }

    fn add(&mut self, other: &Self) {
        self.input_tokens += other.input_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.cache_write_12h_tokens += other.cache_write_12h_tokens;
        self.audio_input_tokens += other.audio_input_tokens;
        self.output_tokens += other.output_tokens;
        self.reasoning_tokens += other.reasoning_tokens;
        self.audio_output_tokens += other.audio_output_tokens;
    }
}

/// How a request stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being answered, or stalled.
    Open,
    /// Answered to the last byte.
    Delivered,
    /// The client left before the last byte.
    ClientLeft,
    /// The stand-in ended the connection before the last byte, as it was told to.
    Cut,
    /// Answered with an error; nothing is charged.
    Refused,
}

/// One request in the provider's books.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LedgerEntry {
    /// Its place among all requests since the stand-in started, from 1.
    pub number: u64,
    /// The id in the answer (`chatcmpl-…`, `resp_…`), if there is one.
    pub id: Option<String>,
    /// The `x-request-id` of the answer.
    pub request_id: String,
    /// The client's own `X-Client-Request-Id`.
    pub client_request_id: Option<String>,
    /// The body's `safety_identifier`.
    pub safety_identifier: Option<String>,
    /// `chat.completions`, `responses`, `embeddings` or `responses.input_tokens`.
    pub endpoint: String,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model that the answer names.
    pub response_model: Option<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What is charged so far; final once the state is no longer `open`.
    #[serde(flatten)]
    pub charged: Pools,
    /// How it stands.
    pub state: State,
    /// The HTTP status, once there is one.
    pub status: Option<u16>,
    /// Whether the last byte was handed to the connection.
    pub delivered: bool,
    /// The faults that were applied, by name.
    pub faults: Vec<String>,
    /// When the request's headers had arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// When it stopped being open.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}

/// Sums over every request since the start or the last clearing.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests received.
    pub requests: u64,
    /// Requests still being answered.
    pub open: u64,
    /// Requests answered to the last byte.
    pub delivered: u64,
    /// Requests whose client left early.
    pub client_left: u64,
    /// Requests that the stand-in cut.
    pub cut: u64,
    /// Requests answered with an error.
    pub refused: u64,
    /// What all finished requests are charged.
    #[serde(flatten)]
    pub charged: Pools,
}

/// The books as a client of the control API sees them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LedgerReport {
    /// The sums.
    pub totals: Totals,
    /// The requests, oldest first.
    pub entries: Vec<LedgerEntry>,
}

#[derive(Debug, Default)]
struct Books {
    entries: VecDeque<LedgerEntry>,
    totals: Totals,
    last_number: u64,
}

/// The provider's books.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Books>,
    changes: watch::Sender<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { books: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an open request and numbers it.
    pub(super) fn enter(&self, mut entry: LedgerEntry) -> u64 {
        let mut books = self.books();
        books.last_number += 1;
        books.totals.requests += 1;
        books.totals.open += 1;
        entry.number = books.last_number;
        let number = entry.number;
        books.entries.push_back(entry);
        if books.entries.len() > MAX_ENTRIES {
            books.entries.pop_front();
        }
        drop(books);
        self.changes.send_modify(|change| *change += 1);
        number
    }

    /// Changes an open request's entry.
    pub(super) fn amend(&self, number: u64, amend: impl FnOnce(&mut LedgerEntry)) {
        if let Some(entry) = self.books().entry(number) {
            amend(entry);
        }
        self.changes.send_modify(|change| *change += 1);
    }

    /// Closes a request with what it is charged. `delivered` follows from the state.
    pub(super) fn close(&self, number: u64, state: State, charged: Pools) {
        let mut books = self.books();
        // Books cleared since then know nothing of this request, and must not go below zero for it.
        if let Some(entry) = books.entry(number).filter(|entry| entry.state == State::Open) {
            entry.state = state;
            entry.charged = charged;
            entry.delivered = matches!(state, State::Delivered | State::Refused);
            entry.finished_at = Some(OffsetDateTime::now_utc());
            books.totals.close(state, &charged);
        }
        drop(books);
        self.changes.send_modify(|change| *change += 1);
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        self.books().totals
    }

    /// The requests, oldest first.
    pub fn entries(&self) -> Vec<LedgerEntry> {
        self.books().entries.iter().cloned().collect()
    }

    /// Forgets all requests and sums. Numbering goes on.
    pub fn clear(&self) {
        let mut books = self.books();
        books.entries.clear();
        books.totals = Totals::default();
    }

    /// A receiver that changes with the books.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Books {
    fn entry(&mut self, number: u64) -> Option<&mut LedgerEntry> {
        let first = self.entries.front()?.number;
        self.entries.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }
}

impl Totals {
    fn close(&mut self, state: State, charged: &Pools) {
        self.open = self.open.saturating_sub(1);
        match state {
            State::Open => {}
            State::Delivered => self.delivered += 1,
            State::ClientLeft => self.client_left += 1,
            State::Cut => self.cut += 1,
            State::Refused => self.refused += 1,
        }
        self.charged.add(charged);
    }
}
