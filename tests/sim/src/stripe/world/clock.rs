//! The stand-in's clock, and what it has to do when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::pairs;

/// Something the stand-in does by itself at a certain time. It looks again then whether it still should.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Due {
    /// A period of a subscription's items ends, or its trial, or the subscription itself.
    Turn(String),
    /// A trial ends in three days.
    TrialWillEnd(String),
    /// The collection of a subscription's invoices resumes.
    Resume(String),
    /// A subscription whose first invoice was never paid expires.
    Incomplete(String),
    /// A change of a subscription that was never paid is forgotten.
    ExpirePending(String),
    /// A draft invoice becomes final.
    Finalize(String),
    /// A failed payment of an invoice is tried again.
    Retry(String),
    /// A checkout session expires.
    Expire(String),
    /// A webhook is sent again.
    Redeliver(u64),
}

/// The time, real or moved, and the agenda.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Clock {
    /// Seconds that the stand-in is ahead of the real time.
    offset: i64,
    /// Where it stands still, as Unix seconds.
    frozen: Option<i64>,
    #[serde(with = "pairs")]
    agenda: BTreeMap<(i64, u64), Due>,
    entries: u64,
    #[serde(skip)]
    changes: u64,
}

/// What the clock shows, for the control API.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// Unix seconds.
    pub now: i64,
    /// Whether it stands still.
    pub frozen: bool,
    /// When the stand-in has something to do next, in Unix seconds.
    pub next_due: Option<i64>,
}

impl Clock {
    /// The time now, in Unix seconds.
    pub fn now(&self) -> i64 {
        self.frozen.unwrap_or_else(|| OffsetDateTime::now_utc().unix_timestamp() + self.offset)
    }

    /// Sets the time. From there on it runs, unless it stands still.
    pub fn set(&mut self, now: i64) {
        self.changes += 1;
        match &mut self.frozen {
            Some(frozen) => *frozen = now,
            None => self.offset = now - OffsetDateTime::now_utc().unix_timestamp(),
        }
    }

    /// Makes the clock stand still, or run on from where it is.
    pub fn freeze(&mut self, freeze: bool) {
        let now = self.now();
        self.frozen = freeze.then_some(now);
        self.set(now);
    }

    /// Enters something to do at `at`.
    pub fn plan(&mut self, at: i64, due: Due) {
        self.entries += 1;
        self.changes += 1;
        self.agenda.insert((at, self.entries), due);
    }

    /// Takes the first thing to do by `until`, and when it was due.
    pub fn take_due(&mut self, until: i64) -> Option<(i64, Due)> {
        let first = self.agenda.first_entry()?;
        if first.key().0 > until {
            return None;
        }
        let ((at, _), due) = first.remove_entry();
        self.changes += 1;
        Some((at, due))
    }

    /// When the next thing is due.
    pub fn next_due(&self) -> Option<i64> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// How often it was moved or its agenda changed since the stand-in began.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What it shows.
    pub fn report(&self) -> ClockReport {
        ClockReport { now: self.now(), frozen: self.frozen.is_some(), next_due: self.next_due() }
    }
}
