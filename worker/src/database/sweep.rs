//! `sweep`: lapsed holds, lost leases, partitions ahead, answers past their expiry.

use sqlx::Row;

use super::{Database, DatabaseError};

/// One of the sweep's tasks and how much it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptTask {
    /// The task's name, such as `expire_due`.
    pub task: String,
    /// Rows it changed. As many as allowed means there may be more.
    pub rows_done: u64,
}

impl Database {
    /// Runs every sweeping task once over at most `max_rows` each. Any number of workers may do so at once.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn sweep(&self, max_rows: i32) -> Result<Vec<SweptTask>, DatabaseError> {
        let query = sqlx::query("select task, rows_done from octroi_private.sweep($1)").bind(max_rows);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(SweptTask {
                    task: row.try_get(0)?,
                    rows_done: u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
                })
            })
            .collect()
    }
}
