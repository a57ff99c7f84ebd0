//! Idempotency keys: the first answer of a request is kept, and given again to whoever asks the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::errors::ApiError;

/// For how long an answer is kept, in seconds: "at least 24 hours".
const KEPT: i64 = 24 * 3600;
/// The longest key, in characters.
const MAX_KEY: usize = 255;

/// An answer that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub status: StatusCode,
    pub body: String,
    /// The id of the request that got it first.
    pub request_id: String,
}

#[derive(Clone, Debug)]
enum State {
    Running,
    Done(Kept),
}

#[derive(Clone, Debug)]
struct Entry {
    fingerprint: String,
    at: i64,
    state: State,
}

/// An answered key in the state file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeptKey {
    key: String,
    fingerprint: String,
    at: i64,
    status: u16,
    body: String,
    request_id: String,
}

/// The keys that are known.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    entries: Arc<Mutex<HashMap<String, Entry>>>,
}

/// How a request with a key may go on.
#[derive(Debug)]
pub enum Begun {
    /// It is the first; its answer belongs into the slot.
    First(Slot),
    /// It was answered before, with this.
    Again(Kept),
}

/// The place for the answer of a request that runs. Dropped without one, the key is free again.
#[derive(Debug)]
pub struct Slot {
    keys: Keys,
    key: String,
    kept: bool,
}

impl Keys {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of a state file.
    pub fn restored(kept: Vec<KeptKey>) -> Self {
        let entries = kept.into_iter().filter_map(|of| {
            let status = StatusCode::from_u16(of.status).ok()?;
            let state = State::Done(Kept { status, body: of.body, request_id: of.request_id });
            Some((of.key, Entry { fingerprint: of.fingerprint, at: of.at, state }))
        });
        Self { entries: Arc::new(Mutex::new(entries.collect())) }
    }

    /// Every key that would be answered again at `now`. A request that still runs has left nothing to keep.
    pub fn kept(&self, now: i64) -> Vec<KeptKey> {
        let entries = self.entries();
        let live = entries.iter().filter(|(_, entry)| now - entry.at < KEPT);
        let done = live.filter_map(|(key, entry)| match &entry.state {
            State::Running => None,
            State::Done(kept) => Some(KeptKey {
                key: key.clone(),
                fingerprint: entry.fingerprint.clone(),
                at: entry.at,
                status: kept.status.as_u16(),
                body: kept.body.clone(),
                request_id: kept.request_id.clone(),
            }),
        });
        done.collect()
    }

    /// Begins a request, of which `fingerprint` is everything that must be the same.
    pub fn begin(&self, key: &str, fingerprint: String, now: i64) -> Result<Begun, ApiError> {
        if key.chars().count() > MAX_KEY {
            return Err(ApiError::impossible(format!("Idempotency keys have at most {MAX_KEY} characters.")));
        }
        let mut entries = self.entries();
        match entries.get(key) {
            Some(entry) if now - entry.at < KEPT => match &entry.state {
                _ if entry.fingerprint != fingerprint => return Err(ApiError::other_parameters(key)),
                State::Running => return Err(ApiError::key_in_use(key)),
                State::Done(kept) => return Ok(Begun::Again(kept.clone())),
            },
            _ => {}
        }
        entries.insert(key.to_owned(), Entry { fingerprint, at: now, state: State::Running });
        Ok(Begun::First(Slot { keys: self.clone(), key: key.to_owned(), kept: false }))
    }
}

impl Slot {
    /// Keeps the answer.
    pub fn keep(mut self, kept: Kept) {
        if let Some(entry) = self.keys.entries().get_mut(&self.key) {
            entry.state = State::Done(kept);
        }
        self.kept = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.kept {
            self.keys.entries().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &str) -> Kept {
        Kept { status: StatusCode::OK, body: body.to_owned(), request_id: "req_1".to_owned() }
    }

    fn first(keys: &Keys, fingerprint: &str, now: i64) -> Slot {
        match keys.begin("k", fingerprint.to_owned(), now).unwrap() {
            Begun::First(slot) => slot,
            Begun::Again(kept) => unreachable!("it was answered before with {}", kept.body),
        }
    }

    #[test]
    fn the_first_answer_is_given_again_for_a_day() {
        let keys = Keys::default();
        first(&keys, "a", 0).keep(kept("one"));
        let Ok(Begun::Again(again)) = keys.begin("k", "a".to_owned(), KEPT - 1) else { unreachable!() };
        assert_eq!(again.body, "one");
        assert_eq!(keys.begin("k", "b".to_owned(), 1).unwrap_err().kind, "idempotency_error");
        first(&keys, "b", KEPT);
    }

    #[test]
    fn a_key_is_taken_while_its_request_runs_and_free_if_that_left_nothing() {
        let keys = Keys::default();
        let running = first(&keys, "a", 0);
        assert_eq!(keys.begin("k", "a".to_owned(), 0).unwrap_err().status, StatusCode::CONFLICT);
        drop(running);
        first(&keys, "a", 0);
    }
}
