//! Users of Auth who have no account yet, because Octroi came after them.

use sqlx::Row;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// What one bite of the walk over Auth's users came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfilledBite {
    /// The last user looked at; none when there was nobody left.
    pub last_user_id: Option<Uuid>,
    /// Users looked at.
    pub users: u64,
    /// Accounts opened for those who had none.
    pub accounts_opened: u64,
    /// Addresses kept that could not be kept before.
    pub addresses_kept: u64,
}

impl Database {
    /// Takes in the next `max_rows` users of Auth behind `after`, as one transaction.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn backfill_people(
        &self,
        after: Option<Uuid>,
        max_rows: i32,
    ) -> Result<BackfilledBite, DatabaseError> {
        let query = sqlx::query(
            "select last_user_id, users, accounts_opened, addresses_kept
               from octroi_private.backfill_people($1, $2)",
        )
        .bind(after)
        .bind(max_rows);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(BackfilledBite {
            last_user_id: row.try_get(0)?,
            users: count(row.try_get(1)?),
            accounts_opened: count(row.try_get(2)?),
            addresses_kept: count(row.try_get(3)?),
        })
    }

    /// How many users of Auth have no account.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn users_without_account(&self) -> Result<u64, DatabaseError> {
        let query = sqlx::query("select octroi_private.users_without_account()");
        Ok(count(self.answer(query.fetch_one(self.pool())).await?.try_get(0)?))
    }

    /// Whether the user of a verified token is still to be taken in, and not one who was erased.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn is_without_account(&self, user_id: Uuid) -> Result<bool, DatabaseError> {
        let query = sqlx::query("select octroi_private.is_without_account($1)").bind(user_id);
        Ok(self.answer(query.fetch_one(self.pool())).await?.try_get(0)?)
    }
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or_default()
}
