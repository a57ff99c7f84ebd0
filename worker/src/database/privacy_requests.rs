//! Rights that people asked for and that an operator has to look at.

use sqlx::Row;

use super::{Database, DatabaseError};

/// A request of a person about their data that is due soon or late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyTrouble {
    /// The request's id.
    pub request_id: String,
    /// What was asked for, and by when it is to be answered or confirmed.
    pub detail: String,
}

impl Database {
    /// The requests that wait for an operator, the most urgent first.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn privacy_troubles(&self) -> Result<Vec<PrivacyTrouble>, DatabaseError> {
        let query = sqlx::query("select subject, detail from octroi_private.privacy_troubles()");
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| Ok(PrivacyTrouble { request_id: row.try_get(0)?, detail: row.try_get(1)? }))
            .collect()
    }
}
