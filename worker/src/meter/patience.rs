//! How long a lane keeps trying while the database is away.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long a lane keeps trying while the database is away.
#[derive(Debug, Clone)]
pub(super) enum Patience {
    /// So long; a lane that has given up tries each batch once until one succeeds, or queued callers would wait in turn.
    For(Duration),
    /// Until the worker has to stop; none while it need not.
    UntilStop(watch::Receiver<Option<Instant>>),
}

impl Patience {
    /// Whether it would end during a `pause` now, for a batch that `began` then.
    pub(super) fn ends(&self, began: Instant, pause: Duration, gave_up: bool) -> bool {
        match self {
            Self::For(longest) => gave_up || began.elapsed() + pause > *longest,
            Self::UntilStop(stop) => stop.borrow().is_some_and(|deadline| Instant::now() + pause > deadline),
        }
    }

    /// Whether only the end of the worker ends it.
    pub(super) fn lasts(&self) -> bool {
        matches!(self, Self::UntilStop(_))
    }

    /// Waits for `pause`, or until the worker is told to stop.
    pub(super) async fn wait(&mut self, pause: Duration) {
        match self {
            Self::For(_) => tokio::time::sleep(pause).await,
            Self::UntilStop(stop) => {
                // A sender that is gone cannot tell anybody to stop.
                if let Ok(Err(_)) = tokio::time::timeout(pause, stop.changed()).await {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}
