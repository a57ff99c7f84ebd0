//! Everything a running stand-in shares between its requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::faults::FaultPlan;
use super::idempotency::Keys;
use super::kept::Kept;
use super::world::World;
use crate::holds::Holds;
use crate::received::Received;

/// The state of one stand-in.
#[derive(Debug, Default)]
pub struct Sim {
    /// The only key it accepts; without one it accepts every caller that has one.
    pub secret_key: Option<String>,
    /// The last requests as they came.
    pub received: Received,
    /// What will go wrong.
    pub faults: FaultPlan,
    /// Answers held back.
    pub holds: Arc<Holds>,
    /// Idempotency keys.
    pub keys: Keys,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    world: Mutex<World>,
}

impl Sim {
    /// A stand-in that knows what was kept, or nothing yet.
    pub fn new(secret_key: Option<String>, kept: Option<Kept>) -> Self {
        let (world, keys) =
            kept.map(|kept| (Mutex::new(kept.world), Keys::restored(kept.keys))).unwrap_or_default();
        Self { secret_key, world, keys, ..Self::default() }
    }

    /// What Stripe knows, for one request alone.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request to `endpoint` that was let in.
    pub fn count(&self, endpoint: &'static str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(endpoint).or_default() += 1;
    }

    /// Requests by endpoint.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
