//! The wake-up call: a connection of its own that LISTENs, and wakes the runner at each notification.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::telemetry;

/// First pause before LISTEN is connected again, in seconds; it doubles up to [`PAUSE_SECONDS_MAX`].
const PAUSE_SECONDS_FIRST: u64 = 1;
const PAUSE_SECONDS_MAX: u64 = 60;

/// Listens until `stop`. A notification carries nothing and anyone may send one: it only makes the runner look. While
/// the connection is lost the runner's poll floor finds the jobs.
pub async fn listen(database: Database, wake: Arc<Notify>, stop: CancellationToken) {
    let mut pause = Duration::from_secs(PAUSE_SECONDS_FIRST);
    while let Some(ended) = stop.run_until_cancelled(wake_at_each(&database, &wake, &mut pause)).await {
        let Err(error) = ended;
        tracing::warn!(%error, pause_seconds = pause.as_secs(), "LISTEN was lost; polling goes on");
        metrics::counter!(telemetry::LISTENER_RECONNECTS).increment(1);
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(Duration::from_secs(PAUSE_SECONDS_MAX));
    }
}

async fn wake_at_each(
    database: &Database,
    wake: &Notify,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, DatabaseError> {
    let mut nudges = database.job_nudges().await?;
    *pause = Duration::from_secs(PAUSE_SECONDS_FIRST);
    // Jobs may have come while nobody listened.
    wake.notify_one();
    loop {
        nudges.next().await?;
        wake.notify_one();
    }
}
