//! Removes the calls of an erased person, bite by bite. The cursor is a row: an attempt that dies loses nothing.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::database::Database;
use crate::queue::{Failure, Outcome};

/// Rows of one bite, which is one transaction.
const BITE_ROWS: i32 = 5_000;
/// A pause after each bite takes this part of the time the bite took.
const PAUSE_PART: u32 = 4;
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
        // The others get the disk to themselves for a while.
        tokio::time::sleep(asked.elapsed() / PAUSE_PART).await;
    }
}
