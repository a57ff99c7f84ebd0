//! The audit log's chain, as SQL verifies it.

use sqlx::Row;

use super::{Database, DatabaseError};

/// A link of the chain: its position and its hash, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPosition {
    /// How many links stand before it.
    pub position: i64,
    /// SHA-256 of the link before and of its entry.
    pub hash: String,
}

/// What a walk along a part of the chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPart {
    /// Links that hold.
    pub checked: i32,
    /// The last of them; none when the walk could not begin.
    pub last: Option<AuditPosition>,
    /// The first break.
    pub broken: Option<AuditBreak>,
}

/// Where the chain breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBreak {
    /// At which position.
    pub position: i64,
    /// `missing_link`, `missing_entry`, `changed` or `unlinked_entry`.
    pub problem: String,
}

impl Database {
    /// Verifies up to `max` links after a position. Fewer than that: the head is reached.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn verify_audit(&self, after: i64, max: i32) -> Result<AuditPart, DatabaseError> {
        let query = sqlx::query(
            "select checked, last_position, last_hash, broken_at, problem from octroi_private.verify_audit($1, $2)",
        )
        .bind(after)
        .bind(max);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let (position, hash): (i64, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
        let (broken_at, problem): (Option<i64>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        Ok(AuditPart {
            checked: row.try_get(0)?,
            last: hash.map(|hash| AuditPosition { position, hash }),
            broken: broken_at.zip(problem).map(|(position, problem)| AuditBreak { position, problem }),
        })
    }

    /// A link of the chain, or its head; none when it is not there.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn audit_position(
        &self,
        position: Option<i64>,
    ) -> Result<Option<AuditPosition>, DatabaseError> {
        let query = sqlx::query("select reached, hash from octroi_private.audit_position($1)").bind(position);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(AuditPosition { position: row.try_get(0)?, hash: row.try_get(1)? }))
    }
}
