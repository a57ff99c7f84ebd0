//! What will go wrong with deliveries.

use serde::{Deserialize, Serialize};

use crate::plan;

/// Which deliveries a fault is for. What is `None` matches anything.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookMatch {
    /// The event's type; an asterisk at its end stands for any ending.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The endpoint's id.
    pub endpoint: Option<String>,
}

/// What can go wrong with a delivery.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WebhookFaultKind {
    /// It is never sent.
    Drop,
    /// It waits for a release.
    Hold,
    /// It waits so long in real time.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// It is sent so many times more.
    Duplicate {
        /// Copies.
        copies: u32,
    },
    /// It is signed with a secret that nobody knows.
    ForgedSignature,
    /// Its signature is that old.
    StaleSignature {
        /// Seconds.
        seconds: i64,
    },
}

/// One planned fault.
pub type WebhookFault = plan::Fault<WebhookMatch, WebhookFaultKind>;

/// Planned faults.
pub type WebhookFaultPlan = plan::Plan<WebhookMatch, WebhookFaultKind>;

/// Takes the fault for a delivery.
pub(super) fn take(plan: &WebhookFaultPlan, kind: &str, endpoint: &str) -> Option<WebhookFault> {
    plan.take(|fault| {
        let matches = &fault.matches;
        let same_kind = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) => kind.starts_with(prefix),
            None => kind == pattern,
        };
        matches.kind.as_deref().is_none_or(same_kind)
            && matches.endpoint.as_deref().is_none_or(|id| id == endpoint)
    })
}
