//! Faults by verb: which command fails, how, and how often.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Notify;

/// Where in a dialogue a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// When a connection is accepted, before anything is said.
    Connect,
    /// Instead of the greeting.
    Banner,
    /// At EHLO.
    Ehlo,
    /// At STARTTLS.
    StartTls,
    /// At AUTH.
    Auth,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA.
    Data,
    /// When the final dot has come.
    Dot,
    /// At RSET.
    Rset,
    /// At QUIT.
    Quit,
}

impl Verb {
    /// All of them, in the order of a dialogue.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::Banner,
        Self::Ehlo,
        Self::StartTls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Dot,
        Self::Rset,
        Self::Quit,
    ];
}

/// How a verb fails.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// This answer and nothing else. At the dot the mail is not kept.
    Reply {
        /// The code, such as 450.
        code: u16,
        /// The rest of the line.
        text: String,
    },
    /// The connection is closed without an answer. At the dot the mail is not kept.
    Drop,
    /// No answer until [`release`](super::Handle::release), or for so long; then as if nothing had been. At the dot the
    /// mail is kept only after the stall.
    Stall {
        /// Milliseconds.
        for_ms: Option<u64>,
    },
    /// Only at the dot: the mail is kept, and then the connection is closed without an answer.
    AcceptThenDrop,
    /// Only at the dot: the mail is kept, and no answer comes until released, or for so long.
    AcceptThenStall {
        /// Milliseconds.
        for_ms: Option<u64>,
    },
    /// These bytes instead of an answer, as they are.
    Garbage {
        /// The bytes.
        text: String,
    },
    /// The right answer, and behind it, in the same packet, more that nobody asked for.
    Inject {
        /// What comes behind.
        text: String,
    },
    /// At EHLO: this capability is not named.
    Without {
        /// Its keyword, such as `STARTTLS`.
        capability: String,
    },
}

/// A fault of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// Where it strikes.
    pub at: Verb,
    /// How.
    pub kind: FaultKind,
    /// How many of these verbs pass before it strikes.
    #[serde(default)]
    pub after: u32,
    /// How many times it strikes; 0 for ever.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Strikes once, at the next such verb.
    pub fn once(at: Verb, kind: FaultKind) -> Self {
        Self { at, kind, after: 0, times: 1 }
    }

    /// Strikes every time.
    pub fn always(at: Verb, kind: FaultKind) -> Self {
        Self { at, kind, after: 0, times: 0 }
    }
}

/// The faults to come.
#[derive(Default)]
pub(super) struct Plan {
    faults: Mutex<VecDeque<Fault>>,
    released: Notify,
}

impl Plan {
    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, fault: Fault) {
        self.faults().push_back(fault);
    }

    pub(super) fn clear(&self) {
        self.faults().clear();
    }

    pub(super) fn left(&self) -> Vec<Fault> {
        self.faults().iter().cloned().collect()
    }

    /// The fault that strikes this verb now, if any; it is used up by that.
    pub(super) fn take(&self, verb: Verb) -> Option<FaultKind> {
        let mut faults = self.faults();
        let at = faults.iter().position(|fault| fault.at == verb)?;
        let fault = faults.get_mut(at)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let kind = fault.kind.clone();
        match fault.times {
            0 => {}
            1 => drop(faults.remove(at)),
            _ => fault.times -= 1,
        }
        Some(kind)
    }

    pub(super) fn release(&self) {
        self.released.notify_waiters();
    }

    /// Waits until released, or for so long at most.
    pub(super) async fn hold(&self, for_ms: Option<u64>) {
        let released = self.released.notified();
        match for_ms {
            None => released.await,
            // Running out of time is the other way a stall ends.
            Some(ms) => drop(tokio::time::timeout(Duration::from_millis(ms), released).await),
        }
    }
}
