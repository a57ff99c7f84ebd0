//! Waiting for something to become true, without polling.

use std::time::Duration;

use tokio::sync::watch;

/// It did not become true in time.
#[derive(Debug, thiserror::Error)]
#[error("what was waited for did not happen within {0:?}")]
pub struct TooLate(Duration);

/// Waits until `holds` is true, looking again at each change, for `limit` at most.
pub async fn until<T>(
    mut changes: watch::Receiver<T>,
    limit: Duration,
    mut holds: impl FnMut() -> bool,
) -> Result<(), TooLate> {
    let watching = async {
        loop {
            changes.mark_unchanged();
            if holds() {
                return true;
            }
            if changes.changed().await.is_err() {
                return false;
            }
        }
    };
    match tokio::time::timeout(limit, watching).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(TooLate(limit)),
    }
}
