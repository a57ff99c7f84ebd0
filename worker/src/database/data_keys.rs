//! The keys that seal personal data: which operator key wraps how many, and wrapping them anew.

use sqlx::Row;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// What an operator key is in use for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorKeyUse {
    /// Its id.
    pub operator_key_id: String,
    /// Whether it wraps new data keys.
    pub is_active: bool,
    /// Whether the server has it. Without it the data keys below do not open.
    pub is_known: bool,
    /// Data keys it wraps.
    pub data_keys: u64,
}

/// What became of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotatedBatch {
    /// The last person looked at; none when there was nothing left.
    pub last_user_id: Option<Uuid>,
    /// Data keys wrapped anew, and checked.
    pub rotated: u64,
    /// Data keys that do not open.
    pub failed: u64,
}

impl Database {
    /// How many data keys each operator key wraps, the active one first.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn operator_key_use(&self) -> Result<Vec<OperatorKeyUse>, DatabaseError> {
        let query = sqlx::query(
            "select operator_key_id, is_active, is_known, data_keys from octroi_private.operator_key_use()",
        );
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(OperatorKeyUse {
                    operator_key_id: row.try_get(0)?,
                    is_active: row.try_get(1)?,
                    is_known: row.try_get(2)?,
                    data_keys: count(row.try_get(3)?),
                })
            })
            .collect()
    }

    /// Wraps the next `max_rows` data keys behind `after` with the active operator key, as one transaction.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; OC050 as [`DatabaseError::Misuse`] without operator keys.
    pub async fn rotate_data_keys(
        &self,
        after: Option<Uuid>,
        max_rows: i32,
    ) -> Result<RotatedBatch, DatabaseError> {
        let query =
            sqlx::query("select last_user_id, rotated, failed from octroi_private.rotate_data_keys($1, $2)")
                .bind(after)
                .bind(max_rows);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(RotatedBatch {
            last_user_id: row.try_get(0)?,
            rotated: count(row.try_get(1)?),
            failed: count(row.try_get(2)?),
        })
    }
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}
