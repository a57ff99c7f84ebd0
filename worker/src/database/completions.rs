//! Completions asked for through SQL: loading the request, reporting a failure, reading a kept answer.

use bytes::Bytes;
use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Database, DatabaseError, StoredResponse};

/// A completion someone asked for with `octroi.request_completion`.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Who pays.
    pub account_id: Uuid,
    /// Who asked, and the only one who may read the answer.
    pub user_id: Uuid,
    /// `Endpoint::as_str()` of the request.
    pub endpoint: String,
    /// The request body as JSON.
    pub request: Box<serde_json::value::RawValue>,
}

impl Database {
    /// The request behind a completion; none when it was answered, expired or erased.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn load_completion(&self, completion_id: Uuid) -> Result<Option<Completion>, DatabaseError> {
        let query = sqlx::query(
            "select account_id, user_id, endpoint, request from octroi_private.load_completion($1)",
        )
        .bind(completion_id);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Completion {
            account_id: row.try_get(0)?,
            user_id: row.try_get(1)?,
            endpoint: row.try_get(2)?,
            request: row.try_get::<Json<Box<serde_json::value::RawValue>>, _>(3)?.0,
        }))
    }

    /// Records that a completion failed for good: an HTTP status and an error in OpenAI's shape.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn fail_completion(
        &self,
        completion_id: Uuid,
        status: u16,
        error: &serde_json::Value,
    ) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.fail_completion($1, $2, $3)")
            .bind(completion_id)
            .bind(i16::try_from(status).unwrap_or(500))
            .bind(Json(error));
        self.answer(query.execute(self.pool())).await?;
        Ok(())
    }

    /// The kept answer of a settled request; none when it was not kept or is gone.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn stored_response(&self, request_id: Uuid) -> Result<Option<StoredResponse>, DatabaseError> {
        let query = sqlx::query("select status, content_type, body from octroi_private.stored_response($1)")
            .bind(request_id);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StoredResponse {
            status: u16::try_from(row.try_get::<i16, _>(0)?)
                .map_err(|_| DatabaseError::Unreadable("negative status of a stored response".to_owned()))?,
            content_type: row.try_get(1)?,
            body: Bytes::from(row.try_get::<Vec<u8>, _>(2)?),
        }))
    }
}
