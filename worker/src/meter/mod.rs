//! Metering as the gateway and the jobs see it: reserve, settle and release, each through its own batching lane.
//!
//! | lane | after a lost connection | after a refusal by the database |
//! |---|---|---|
//! | reserve | once more with the same request ids, then [`MeterError::Unavailable`] | halves, so that only the item at fault fails |
//! | settle | again until it is done or the drain deadline has passed | halves |
//! | release | as settle | halves |
//!
//! A hold whose caller went away before the verdict is released; one whose verdict never came is released as well.

mod error;
mod release;
mod reserve;
mod settle;
mod split;

use std::time::Duration;

use uuid::Uuid;

pub use error::MeterError;

use crate::coalesce::Lane;
use crate::database::{Database, ReleaseOutcome, ReserveItem, ReserveVerdict, SettleItem, Settlement};

/// The metering verbs, batched. Cloning shares the lanes.
#[derive(Debug, Clone)]
pub struct Meter {
    reserve: Lane<ReserveItem, Result<ReserveVerdict, MeterError>>,
    settle: Lane<SettleItem, Result<Settlement, MeterError>>,
    release: Lane<(Uuid, &'static str), Result<ReleaseOutcome, MeterError>>,
}

/// How the lanes are bounded.
#[derive(Debug, Clone, Copy)]
pub struct MeterLimits {
    /// Items a lane's queue holds: at least as many as calls can be under way, so that a settle always finds room.
    pub queue_items: usize,
    /// How long a hold lasts unless settled or released; longer than the longest call upstream.
    pub lease: Duration,
}

impl Meter {
    /// Asks whether a call may go upstream. Refuses at once when too many calls are waiting.
    ///
    /// # Errors
    /// A [`MeterError`]; no hold remains then, or it is being released.
    pub async fn reserve(&self, item: ReserveItem) -> Result<ReserveVerdict, MeterError> {
        self.reserve.call(item).await?
    }

    /// Records what a call used. Returns once that is durable, however long the database is away; calling it again with
    /// the same item changes nothing.
    ///
    /// # Errors
    /// [`MeterError::Refused`] if the database will not take the item, [`MeterError::Unavailable`] or
    /// [`MeterError::Closed`] if the worker had to stop first; the hold then lapses by itself.
    pub async fn settle(&self, item: SettleItem) -> Result<Settlement, MeterError> {
        self.settle.call_when_room(item).await?
    }

    /// Gives a hold back because the call did not happen; `reason` is one word for the audit.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn release(
        &self,
        request_id: Uuid,
        reason: &'static str,
    ) -> Result<ReleaseOutcome, MeterError> {
        self.release.call_when_room((request_id, reason)).await?
    }
}
