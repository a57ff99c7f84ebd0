//! Removes the calls of an erased person, bite by bite. The cursor is a row: an attempt that dies loses nothing.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::database::Database;
use crate::queue::{Failure, Outcome};

/// Rows of one bite, which is one transaction.
const BITE_ROWS: i32 = 5_000;
/// How long one attempt goes on, in seconds; the next one takes over.
const ATTEMPT_SECONDS: u64 = 300;

/// Runs the job.
pub(super) async fn run(receipt_id: Uuid, database: &Database) -> Result<Outcome, Failure> {
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let removal = database.remove_usage(receipt_id, BITE_ROWS).await?;
        if removal.is_done {
            return Ok(Outcome::Done);
        }
        if began.elapsed() > Duration::from_secs(ATTEMPT_SECONDS) {
            return Ok(Outcome::Snooze(Duration::from_secs(1)));
        }
        // As long as the bite took the others have the disk to themselves.
        tokio::time::sleep(asked.elapsed()).await;
    }
}
