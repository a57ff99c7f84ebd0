//! How the stand-in answers when no fault is planned; changeable while it runs.

use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::answer::Wishes;

/// What the provider does when the client leaves before the last byte.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// It stops once it notices, and charges what it had generated until then.
    #[default]
    Stop,
    /// It generates to the end, and charges all of it.
    Finish,
}

/// The settings.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds before the first delta of a stream, and before the headers of a plain answer.
    pub first_token_delay_ms: u64,
    /// Milliseconds between two deltas.
    pub chunk_delay_ms: u64,
    /// What a client's departure does.
    pub on_disconnect: OnDisconnect,
    /// Fixed numbers for every answer; what a request itself wishes comes first.
    pub answer: Wishes,
}

/// The settings in force.
#[derive(Debug, Default)]
pub struct SettingsInForce {
    settings: RwLock<Settings>,
}

impl SettingsInForce {
    /// A copy of the settings.
    pub fn get(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the settings for requests from now on.
    pub fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}
