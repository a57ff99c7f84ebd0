//! The inbox of Stripe's events.

use sqlx::types::Json;

use super::{Database, DatabaseError};

/// How many events one call takes.
pub const EVENTS_MAX: usize = 256;

/// What became of an event.
#[derive(Debug)]
pub struct EventVerdict {
    /// `queued`, `duplicate`, `ignored`, `quarantined` or `refused`.
    pub state: String,
    /// Why it was quarantined or refused.
    pub reason: Option<String>,
}

impl Database {
    /// Takes events in, at most [`EVENTS_MAX`], with a job for each object that one of interest is about: a verdict for
    /// each, in their order.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn receive_stripe_events<E: serde::Serialize + Sync>(
        &self,
        events: &[E],
    ) -> Result<Vec<EventVerdict>, DatabaseError> {
        let query = sqlx::query_as(
            "select r.state, r.reason from octroi_private.receive_stripe_events($1) as r order by r.number",
        );
        let verdicts = self.answer(query.bind(Json(events)).fetch_all(self.pool())).await?;
        Ok(verdicts.into_iter().map(|(state, reason)| EventVerdict { state, reason }).collect())
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
