//! Queues the mails that tell people of a breach, batch by batch.

use crate::database::Database;
use crate::queue::{Failure, Outcome};

/// People in a batch: each batch is one transaction.
const BATCH_PEOPLE: i32 = 500;

/// Runs the job. Killed between two batches, it goes on after the last one.
pub(super) async fn run(breach_id: i64, database: &Database) -> Result<Outcome, Failure> {
    while database.send_breach_notices(breach_id, BATCH_PEOPLE).await? >= BATCH_PEOPLE {}
    Ok(Outcome::Done)
}
