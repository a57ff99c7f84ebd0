//! Everything a running stand-in shares between its requests.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{PromptCache, Wishes};
use super::faults::FaultPlan;
use super::ledger::Ledger;
use super::settings::SettingsInForce;
use crate::holds::Holds;
use crate::received::Received;

/// The state of one stand-in.
#[derive(Debug, Default)]
pub struct Sim {
    /// The only key it accepts; without one it accepts all callers.
    pub api_key: Option<String>,
    /// The provider's books.
    pub ledger: Arc<Ledger>,
    /// The last requests as they came.
    pub received: Received,
    /// What will go wrong.
    pub faults: FaultPlan,
    /// Answers held back.
    pub holds: Arc<Holds>,
    /// How it answers.
    pub settings: SettingsInForce,
    /// Prompts seen before.
    pub prompt_cache: PromptCache,
}

impl Sim {
    /// A new id's random part.
    pub fn fresh_id(&self) -> String {
        Uuid::new_v4().simple().to_string()
    }

    /// What is fixed for the answer to a request.
    pub fn wishes(&self, body: &[u8]) -> Wishes {
        Wishes::in_body(body).or(self.settings.get().answer)
    }
}

/// Now, in Unix seconds.
pub fn unix_seconds() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
