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
use tokio_util::sync::CancellationToken;
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
    /// Reserve and settle.
    first: Tasks,
    /// Release, which reserve also uses.
    last: Tasks,
    stop: watch::Sender<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Tasks {
    closing: CancellationToken,
    handles: Vec<JoinHandle<()>>,
}

impl Meter {
    /// Starts the lanes. Connections are opened when first needed.
    pub fn start(database: &Database, limits: MeterLimits) -> (Self, MeterTasks) {
        let (stop, stopping) = watch::channel(None);
        let (mut first, mut last) = (Tasks::default(), Tasks::default());
        let untiring = Patience::UntilStop(stopping);
        let brief = Patience::For(Duration::from_millis(RESERVE_PATIENCE_MS));
        let release = last.start(database, limits, || Release, &untiring);
        let settle = first.start(database, limits, || Settle, &untiring);
        let lease_seconds = limits.lease_seconds;
        let reserve =
            first.start(database, limits, || Reserve { lease_seconds, release: release.clone() }, &brief);
        (Self { reserve, settle, release }, MeterTasks { first, last, stop })
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

impl Tasks {
    /// Starts a lane, and one aside for accounts whose rows are locked; that one ends with the first.
    fn start<V: Verb>(
        &mut self,
        database: &Database,
        limits: MeterLimits,
        verb: impl Fn() -> V,
        patience: &Patience,
    ) -> VerbLane<V> {
        let session = database.session(SessionLimits::LANE_ASIDE);
        let driver = Driver::new(verb(), session, patience.clone(), None);
        let (aside, aside_task) = Lane::start(driver, limits.queue_items, CancellationToken::new());
        let session = database.session(SessionLimits::LANE);
        let driver = Driver::new(verb(), session, patience.clone(), Some(aside));
        let (lane, task) = Lane::start(driver, limits.queue_items, self.closing.clone());
        self.handles.extend([task, aside_task]);
        lane
    }

    async fn close(self) {
        self.closing.cancel();
        futures_util::future::join_all(self.handles).await;
    }
}

impl MeterTasks {
    /// Resolves when a lane has ended although nobody closed it, which only a defect can cause.
    pub async fn broken(&mut self) {
        let tasks = self.first.handles.iter_mut().chain(&mut self.last.handles);
        let (_how, _which, _others) = futures_util::future::select_all(tasks).await;
    }

    /// Closes the lanes and waits until every item in them is done; gives up on those the database has not taken by
    /// `deadline`. Returns whether the lanes ended in time.
    pub async fn drain(self, deadline: Instant) -> bool {
        // Without receivers there is no lane left to tell.
        let _ = self.stop.send(Some(deadline));
        let closed = async {
            self.first.close().await;
            self.last.close().await;
        };
        tokio::time::timeout_at(deadline.into(), closed).await.is_ok()
    }
}
