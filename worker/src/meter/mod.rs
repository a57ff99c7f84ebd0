//! Metering as the gateway and the jobs see it: reserve, settle and release, each through its own batching lane.
//!
//! | lane | while the database is away | for an account whose rows are locked | for an item it refuses |
//! |---|---|---|---|
//! | reserve | tries for [`RESERVE_PATIENCE_MS`], with the same request ids | fails after 2 s, apart from the others | fails alone |
//! | settle, release | tries until it is done or the worker has to stop | waits, apart from the others | fails alone |
//!
//! All three verbs replay: the same item again changes nothing. A hold whose caller left before the verdict, or whose
//! verdict never came, is released.

mod driver;
mod error;
mod patience;
mod slow_accounts;
mod verb;

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use driver::Driver;
pub use error::MeterError;
use patience::Patience;
use verb::{Release, Reserve, Settle, Verb, VerbLane};

use crate::coalesce::Lane;
use crate::database::{
    Database, ReleaseOutcome, ReserveItem, ReserveVerdict, SessionLimits, SettleItem, Settlement,
};

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
        let mut start = Start { database, queue_items: limits.queue_items, tasks: Vec::new() };
        let release = start.lane(|| Release, &Patience::UntilStop(stopping.clone()));
        let settle = start.lane(|| Settle, &Patience::UntilStop(stopping));
        let patience = Patience::For(Duration::from_millis(RESERVE_PATIENCE_MS));
        let reserve = start
            .lane(|| Reserve { lease_seconds: limits.lease_seconds, release: release.clone() }, &patience);
        let tasks = start.tasks;
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

/// Starting lanes: each with another one aside.
struct Start<'a> {
    database: &'a Database,
    queue_items: usize,
    tasks: Vec<JoinHandle<()>>,
}

impl Start<'_> {
    fn lane<V: Verb>(&mut self, verb: impl Fn() -> V, patience: &Patience) -> VerbLane<V> {
        let session = self.database.session(SessionLimits::LANE_ASIDE);
        let driver = Driver::new(verb(), session, patience.clone(), None);
        let (aside, aside_task) = Lane::start(driver, self.queue_items);
        let session = self.database.session(SessionLimits::LANE);
        let driver = Driver::new(verb(), session, patience.clone(), Some(aside));
        let (lane, task) = Lane::start(driver, self.queue_items);
        self.tasks.extend([task, aside_task]);
        lane
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
