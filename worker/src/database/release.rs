//! `release_many`: the call did not happen, its hold goes back.

use sqlx::postgres::PgBindIterExt;
use sqlx::{Executor, Row};
use uuid::Uuid;

use super::{DatabaseError, Session};

const RELEASE_MANY: &str = "select outcome from octroi_private.release_many($1, $2)";

/// What became of a released request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The hold went back now.
    Released,
    /// It had gone back before.
    Replayed,
    /// The request had been settled; nothing changed.
    Conflict,
    /// No such request.
    Unknown,
}

impl Session {
    /// Releases a batch of `(request id, reason)` in one statement; outcomes come in the order of `items`. Calling it
    /// again changes nothing.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; the batch then stands or falls as a whole.
    pub async fn release_many<T: AsRef<(Uuid, &'static str)>>(
        &mut self,
        items: &[T],
    ) -> Result<Vec<ReleaseOutcome>, DatabaseError> {
        let query = sqlx::query(RELEASE_MANY)
            .bind(items.iter().map(|item| item.as_ref().0).bind_iter())
            .bind(items.iter().map(|item| item.as_ref().1).bind_iter());
        let rows = self.run(async |connection| connection.fetch_all(query).await).await?;
        Self::expect_rows(&rows, items.len())?;
        rows.iter()
            .map(|row| match row.try_get::<&str, _>(0)? {
                "released" => Ok(ReleaseOutcome::Released),
                "replayed" => Ok(ReleaseOutcome::Replayed),
                "conflict" => Ok(ReleaseOutcome::Conflict),
                "unknown" => Ok(ReleaseOutcome::Unknown),
                other => Err(DatabaseError::Unreadable(format!("release outcome {other}"))),
            })
            .collect()
    }
}
