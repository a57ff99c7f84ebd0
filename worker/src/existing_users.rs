//! Takes in the users whom Auth had before Octroi came, or while its triggers were off: one walk over them when a worker
//! starts.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::Database;

/// Users in one transaction: short enough that nobody who changes their address waits for it.
const BITE_USERS: i32 = 500;
/// Pause after a bite that failed, in seconds.
const RETRY_SECONDS: u64 = 5;

/// Walks once over Auth's users, until the end or `stop`. Any number of workers may: who is here is passed over.
pub async fn admit_until(database: &Database, stop: CancellationToken) {
    let (mut after, mut accounts_opened, mut addresses_kept) = (None, 0, 0);
    while !stop.is_cancelled() {
        match database.backfill_people(after, BITE_USERS).await {
            Ok(bite) => {
                accounts_opened += bite.accounts_opened;
                addresses_kept += bite.addresses_kept;
                let Some(last) = bite.last_user_id else { break };
                after = Some(last);
            }
            // the schema and this worker do not fit each other: octroi doctor says so
            Err(error) if !error.is_transient() => {
                tracing::warn!(%error, "users from before Octroi were not taken in: octroi people backfill");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "users from before Octroi were not taken in; trying again");
                let pause = tokio::time::sleep(Duration::from_secs(RETRY_SECONDS));
                if stop.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        }
    }
    if accounts_opened + addresses_kept > 0 {
        tracing::info!(accounts_opened, addresses_kept, "users from before Octroi were taken in");
    }
}
