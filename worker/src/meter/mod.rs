//! Metering as the gateway and the jobs see it: reserve, settle and release, each through its own batching lane.
//!
//! | lane | while the database is away | when it refuses a batch or times out |
//! |---|---|---|
//! | reserve | tries for [`RESERVE_PATIENCE_MS`], with the same request ids | halves, so that only the item at fault fails |
//! | settle | tries until it is done or the worker has to stop | halves; a single item that times out is tried aside |
//! | release | as settle | as settle |
//!
//! All three verbs replay: the same item again changes nothing. A hold whose caller left before the verdict, or whose
//! verdict never came, is released.

mod driver;
mod error;
mod verb;

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use driver::{Driver, Patience};
pub use error::MeterError;
use verb::{Release, Reserve, Settle, VerbLane};

use crate::coalesce::Lane;
use crate::database::{Database, ReleaseOutcome, ReserveItem, ReserveVerdict, SettleItem, Settlement};

/// How long a reserve is tried while the database is away, in milliseconds: a lost connection is bridged, an outage is
/// told to the client.
pub const RESERVE_PATIENCE_MS: u64 = 2_000;

/// The metering verbs, batched. Cloning shares the lanes.
#[derive(Debug, Clone)]
pub struct Meter {
    reserve: VerbLane<Reserve>,
    settle: VerbLane<Settle>,
    release: VerbLane<Release>,
}

/// How the lanes are bounded.
#[derive(Debug, Clone, Copy)]
pub struct MeterLimits {
    /// Items a lane's queue holds: at least as many as calls can be under way, so that a settle always finds room.
    pub queue_items: usize,
    /// How long a hold lasts unless settled or released, in seconds; longer than the longest call upstream.
    pub lease_seconds: i32,
}

/// The lanes' tasks, for the one who has to wait for them.
#[derive(Debug)]
pub struct MeterTasks {
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<Option<Instant>>,
}

impl Meter {
    /// Starts the lanes. Connections are opened when first needed.
    pub fn start(database: &Database, limits: MeterLimits) -> (Self, MeterTasks) {
        let (stop, stopping) = watch::channel(None);
        let patience = || Patience::UntilStop(stopping.clone());
        let queue_items = limits.queue_items;

        let driver = Driver::new(Release, database.session(), patience(), None);
        let (release_aside, release_aside_task) = Lane::start(driver, queue_items);
        let driver = Driver::new(Release, database.session(), patience(), Some(release_aside));
        let (release, release_task) = Lane::start(driver, queue_items);

        let driver = Driver::new(Settle, database.session(), patience(), None);
        let (settle_aside, settle_aside_task) = Lane::start(driver, queue_items);
        let driver = Driver::new(Settle, database.session(), patience(), Some(settle_aside));
        let (settle, settle_task) = Lane::start(driver, queue_items);

        let verb = Reserve { lease_seconds: limits.lease_seconds, release: release.clone() };
        let patience = Patience::For(Duration::from_millis(RESERVE_PATIENCE_MS));
        let driver = Driver::new(verb, database.session(), patience, None);
        let (reserve, reserve_task) = Lane::start(driver, queue_items);

        let tasks = vec![reserve_task, settle_task, settle_aside_task, release_task, release_aside_task];
        (Self { reserve, settle, release }, MeterTasks { tasks, stop })
    }

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

    /// Gives a hold back because the call did not happen; `reason` is one word for the record.
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

impl MeterTasks {
    /// Resolves when a lane has ended although callers are left, which only a defect can cause.
    pub async fn broken(&mut self) {
        let (_, _, _) = futures_util::future::select_all(self.tasks.iter_mut()).await;
    }

    /// Waits until every item in the lanes is done, or gives up on those the database has not taken by `deadline`.
    /// Every [`Meter`] has to be dropped for this to end early. Returns whether the lanes ended by themselves.
    pub async fn drain(self, deadline: Instant) -> bool {
        // Without receivers there is no lane left to tell.
        let _ = self.stop.send(Some(deadline));
        let ended = futures_util::future::join_all(self.tasks);
        tokio::time::timeout_at(deadline.into(), ended).await.is_ok()
    }
}
