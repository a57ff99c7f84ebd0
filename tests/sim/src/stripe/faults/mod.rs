//! Faults on command: what may go wrong with a request.

use serde::{Deserialize, Serialize};

use crate::plan;

/// Which requests a fault is for. What is `None` matches anything.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// `customers.create`, `invoices.finalizeInvoice`, …: resource and method of Stripe's own Node client. An asterisk
    /// at its end stands for any ending.
    pub endpoint: Option<String>,
    /// `GET`, `POST` or `DELETE`.
    pub method: Option<String>,
    /// Text that the path contains, such as an id.
    pub path_contains: Option<String>,
    /// Text that the request's raw body contains.
    pub body_contains: Option<String>,
    /// The request's idempotency key.
    pub idempotency_key: Option<String>,
}

/// One planned fault.
pub type Fault = plan::Fault<FaultMatch, FaultKind>;

/// Planned faults.
pub type FaultPlan = plan::Plan<FaultMatch, FaultKind>;

/// What can go wrong. "Kept" means: under the request's idempotency key, so that a retry gets the same again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// An error of this status, before anything is done; not kept. 429 and 409 have Stripe's usual codes.
    Status {
        /// The HTTP status.
        status: u16,
        /// Replaces the usual code.
        #[serde(default)]
        code: Option<String>,
        /// Sends `Stripe-Should-Retry`.
        #[serde(default)]
        should_retry: Option<bool>,
    },
    /// An error 500 without anything being done; kept.
    KeptError,
    /// Everything is done, and the answer is an error 500 all the same; kept.
    ErrorAfterCommit,
    /// The connection ends without an answer.
    HangUp {
        /// Everything was done, and the real answer is kept.
        #[serde(default)]
        committed: bool,
        /// With a TCP reset.
        #[serde(default)]
        reset: bool,
    },
    /// No answer until `POST /sim/release`, or for this long.
    Stall {
        /// Everything was done first, and the real answer is kept.
        #[serde(default)]
        committed: bool,
        /// Milliseconds.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// This answer instead, byte for byte; nothing is done.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Everything is done, and the answer is cut off after so many bytes.
    CutAtByte {
        /// Bytes that are sent first.
        offset: usize,
    },
}

/// What a request shows of itself to the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'r> {
    pub endpoint: &'r str,
    pub method: &'r str,
    pub path: &'r str,
    pub body: &'r [u8],
    pub key: Option<&'r str>,
}

/// Takes the fault for a request.
pub(super) fn take(plan: &FaultPlan, target: &Target<'_>) -> Option<Fault> {
    plan.take(|fault| fault.matches.covers(target))
}

impl FaultMatch {
    fn covers(&self, target: &Target<'_>) -> bool {
        let same_endpoint = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => target.endpoint.starts_with(prefix),
            None => target.endpoint == pattern,
        };
        let in_body = |text: &str| {
            text.is_empty() || target.body.windows(text.len()).any(|window| window == text.as_bytes())
        };
        self.endpoint.as_deref().is_none_or(same_endpoint)
            && self.method.as_deref().is_none_or(|method| method == target.method)
            && self.path_contains.as_deref().is_none_or(|text| target.path.contains(text))
            && self.body_contains.as_deref().is_none_or(in_body)
            && self.idempotency_key.as_deref().is_none_or(|key| target.key == Some(key))
    }
}
