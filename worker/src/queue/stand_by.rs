//! Standing by: while this worker has nothing to do, jobs are announced to it; while it is busy, nobody pays for that.
//!
//! The lock is held on a connection of its own, and its loss is noticed. It is given when every transaction has ended
//! that was not told to announce its jobs, so the runner is woken then, to look once more.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError, Session, SessionLimits};

/// How often a connection is asked whether it lives while it holds the lock, in seconds.
const PING_SECONDS: u64 = 2;
/// Pause after the lock could not be asked for, in seconds.
const PAUSE_SECONDS: u64 = 2;

/// Whether this worker wants jobs announced.
#[derive(Debug)]
pub(super) struct StandBy(watch::Sender<bool>);

impl Default for StandBy {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl StandBy {
    /// Begins or ends standing by, a little later.
    pub(super) fn set(&self, wanted: bool) {
        self.0.send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
    }

    /// Does what was set until `stop`.
    pub(super) async fn keep(&self, database: &Database, wake: &Notify, stop: CancellationToken) {
        let mut session = database.session(SessionLimits::STAND_BY);
        let mut wanted = self.0.subscribe();
        while let Some(ended) = stop.run_until_cancelled(once(&mut session, &mut wanted, wake)).await {
            match ended {
                Ok(()) => {}
                // Others' transactions take long; until they end, whoever commits is asked to announce.
                Err(error) if error.is_timeout() => {}
                Err(error) => {
                    tracing::warn!(%error, "jobs are not announced; polling goes on");
                    // With another connection, because this one may hold the lock.
                    session = database.session(SessionLimits::STAND_BY);
                    let pause = tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS));
                    if stop.run_until_cancelled(pause).await.is_none() {
                        return;
                    }
                }
            }
        }
    }
}

/// Waits until standing by is wanted, and stands by for as long as it is.
async fn once(
    session: &mut Session,
    wanted: &mut watch::Receiver<bool>,
    wake: &Notify,
) -> Result<(), DatabaseError> {
    // It only ends with the runner, and this with it.
    let _ = wanted.wait_for(|wanted| *wanted).await;
    session.stand_by_for_jobs().await?;
    wake.notify_one();
    let ping = Duration::from_secs(PING_SECONDS);
    while tokio::time::timeout(ping, wanted.wait_for(|wanted| !*wanted)).await.is_err() {
        session.ping().await?;
    }
    session.stop_standing_by().await
}
