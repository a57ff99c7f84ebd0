//! The periodic sweep: lapsed holds, lost leases, partitions ahead, answers past their expiry.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::telemetry;

/// Pause between sweeps, in seconds: how long a lapsed hold can outlive its expiry.
const SWEEP_SECONDS: u64 = 5;
/// Most rows a task of the sweep changes in one transaction.
const SWEEP_ROWS_MAX: i32 = 500;
/// How SQL begins the name of a task that raised signals.
const SIGNAL: &str = "signal:";

/// Sweeps until `stop`. Any number of workers may: what one sweeps, the others skip.
pub async fn sweep_until(database: &Database, stop: CancellationToken) {
    loop {
        let pause = match sweep_once(database).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => Duration::from_secs(SWEEP_SECONDS),
            Err(error) => {
                metrics::counter!(telemetry::SWEEP_FAILURES).increment(1);
                tracing::warn!(%error, "the sweep failed");
                Duration::from_secs(SWEEP_SECONDS)
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// One sweep; true when a task did as much as it may, so that there may be more.
async fn sweep_once(database: &Database) -> Result<bool, DatabaseError> {
    let mut more_may_be_due = false;
    for swept in database.sweep(SWEEP_ROWS_MAX).await? {
        more_may_be_due |= swept.rows_done >= u64::from(SWEEP_ROWS_MAX.unsigned_abs());
        if swept.rows_done > 0 {
            tracing::debug!(task = swept.task, rows = swept.rows_done, "swept");
            if let Some(kind) = swept.task.strip_prefix(SIGNAL) {
                tracing::warn!(signal = kind, raised = swept.rows_done, "this may be the sign of a breach");
                metrics::counter!(telemetry::SECURITY_SIGNALS, "kind" => kind.to_owned())
                    .increment(swept.rows_done);
                continue;
            }
            metrics::counter!(telemetry::SWEPT_ROWS, "task" => swept.task).increment(swept.rows_done);
        }
    }
    Ok(more_may_be_due)
}
