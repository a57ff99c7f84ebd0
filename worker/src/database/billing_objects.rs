//! Mirrors of Stripe's objects: locked, fetched, applied.

use sqlx::Row;
use sqlx::types::Json;

use super::{Database, DatabaseError};

/// What became of a fetched object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is what we know now.
    Taken,
    /// The lock was lost meanwhile; nothing was written.
    Fenced,
    /// It was stored, and nothing follows from it.
    Quarantined {
        /// Why not.
        problem: String,
    },
}

impl Database {
    /// Locks an object for so many seconds; the fence, or none while another holds it.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn lock_stripe_object(
        &self,
        kind: &str,
        id: &str,
        lease_seconds: i32,
    ) -> Result<Option<i64>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.lock_stripe_object($1, $2, $3)")
            .bind(kind)
            .bind(id)
            .bind(lease_seconds);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Writes down an object that was fetched under the lock, and unlocks it.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn apply_stripe_object(
        &self,
        kind: &str,
        id: &str,
        fence: i64,
        object: &(impl serde::Serialize + Sync),
    ) -> Result<Applied, DatabaseError> {
        let query =
            sqlx::query("select outcome, problem from octroi_private.apply_stripe_object($1, $2, $3, $4)")
                .bind(kind)
                .bind(id)
                .bind(fence)
                .bind(Json(object));
        let row = self.answer(query.fetch_one(self.pool())).await?;
        match row.try_get::<&str, _>(0)? {
            "applied" => Ok(Applied::Taken),
            "fenced" => Ok(Applied::Fenced),
            "quarantined" => {
                Ok(Applied::Quarantined { problem: row.try_get::<Option<String>, _>(1)?.unwrap_or_default() })
            }
            other => Err(DatabaseError::Unreadable(format!("the outcome {other} of an object"))),
        }
    }

    /// Unlocks an object that could not be fetched; false when the lock was lost.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn unlock_stripe_object(
        &self,
        kind: &str,
        id: &str,
        fence: i64,
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.unlock_stripe_object($1, $2, $3)")
            .bind(kind)
            .bind(id)
            .bind(fence);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Up to `max` ids that we hold to be alive, in order, after `after`.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn live_stripe_ids(
        &self,
        kind: &str,
        after: &str,
        max: i32,
    ) -> Result<Vec<String>, DatabaseError> {
        let query = sqlx::query_scalar("select i from octroi_private.live_stripe_ids($1, $2, $3) as i")
            .bind(kind)
            .bind(after)
            .bind(max);
        self.answer(query.fetch_all(self.pool())).await
    }
}
