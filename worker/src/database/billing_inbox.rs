//! The inbox of Stripe's events.

use sqlx::types::Json;

use super::{Database, DatabaseError};

impl Database {
    /// Takes an event in, with a job if it is of interest: `queued`, `duplicate`, `ignored` or `quarantined`.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE 22023 when it is malformed.
    pub async fn receive_stripe_event(
        &self,
        event: &(impl serde::Serialize + Sync),
    ) -> Result<String, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.receive_stripe_event($1)").bind(Json(event));
        self.answer(query.fetch_one(self.pool())).await
    }

    /// The types of events that are of interest.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn subscribed_event_types(&self) -> Result<Vec<String>, DatabaseError> {
        let query = sqlx::query_scalar("select t from octroi_private.subscribed_event_types() as t");
        self.answer(query.fetch_all(self.pool())).await
    }

    /// Ends a thin event.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_stripe_event(
        &self,
        event_id: &str,
        state: &str,
        reason: Option<&str>,
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_stripe_event($1, $2, $3)")
            .bind(event_id)
            .bind(state)
            .bind(reason);
        self.answer(query.fetch_one(self.pool())).await
    }
}
