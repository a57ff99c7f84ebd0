//! Tells the operator of requests about personal data that are due soon or late: the law gives them a day.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::telemetry;

/// Pause between two looks, in seconds. The clocks run in days.
const LOOK_SECONDS: u64 = 60;

/// Keeps the metric until `stop`, and writes to the log whenever there are more than before.
pub async fn watch_until(database: &Database, stop: CancellationToken) {
    let mut known = 0;
    loop {
        match database.privacy_troubles().await {
            Ok(troubles) => {
                metrics::gauge!(telemetry::PRIVACY_REQUESTS_DUE).set(troubles.len() as f64);
                if troubles.len() > known {
                    tracing::warn!(
                        due = troubles.len(),
                        "requests about personal data are due soon or late: octroi doctor lists them"
                    );
                }
                known = troubles.len();
            }
            Err(error) => tracing::warn!(%error, "requests about personal data were not looked at"),
        }
        let pause = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}
