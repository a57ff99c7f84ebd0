//! Corrections of names and addresses, on their way to Stripe.

use std::fmt;

use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Database, DatabaseError};
use crate::stripe::CustomerDetails;

/// A correction that Stripe is to be told of.
#[derive(Clone)]
pub struct ContactChange {
    /// Which of the corrections that were made of it this is.
    pub version: i32,
    /// The account's customer at Stripe.
    pub customer_id: String,
    /// What the call is made under.
    pub idempotency_key: String,
    /// What changes.
    pub details: CustomerDetails,
    /// What an earlier owner left at Stripe is still being removed, and this would go with it.
    pub must_wait: bool,
}

impl Database {
    /// A correction that waits; none when it has ended or its customer is gone.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn load_contact_change(&self, id: Uuid) -> Result<Option<ContactChange>, DatabaseError> {
        let query = sqlx::query(
            "select version, customer_id, idempotency_key, details, must_wait
             from octroi_private.load_contact_change($1)",
        )
        .bind(id);
        let Some(row) = self.answer(query.fetch_optional(self.pool())).await? else { return Ok(None) };
        Ok(Some(ContactChange {
            version: row.try_get(0)?,
            customer_id: row.try_get(1)?,
            idempotency_key: row.try_get(2)?,
            details: row.try_get::<Json<CustomerDetails>, _>(3)?.0,
            must_wait: row.try_get(4)?,
        }))
    }

    /// Ends a correction, well or with what went wrong; false when a newer one waits in its place. Without a version it
    /// ends whichever it is.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_contact_change(
        &self,
        id: Uuid,
        version: Option<i32>,
        error: Option<&str>,
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_contact_change($1, $2, $3)")
            .bind(id)
            .bind(version)
            .bind(error);
        self.answer(query.fetch_one(self.pool())).await
    }
}

/// What somebody is called and where they live stays out of logs.
impl fmt::Debug for ContactChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContactChange").field("version", &self.version).finish_non_exhaustive()
    }
}
