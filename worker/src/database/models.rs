//! Which models can be called, and their own limits.

use std::collections::HashMap;

use sqlx::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// A model as `GET /v1/models` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// The model's name.
    pub model: String,
    /// When it became available here.
    pub created_at: OffsetDateTime,
    /// Its provider.
    pub owned_by: String,
}

/// What a model can take and give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLimits {
    /// Most output tokens of one choice; none when unknown.
    pub max_output_tokens: Option<u64>,
    /// Most input tokens; none when unknown.
    pub max_input_tokens: Option<u64>,
    /// The tokenizer's name, such as `o200k_base`.
    pub encoding: String,
    /// The ledger's names of the endpoints it answers at.
    pub endpoints: Vec<String>,
}

/// What an operator should know of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelTrouble {
    /// `ending`, `allowed_without_price` or `asked_without_price`.
    pub kind: String,
    /// The model.
    pub model: String,
    /// How often it was asked for.
    pub requests: Option<i64>,
    /// When it ends, or was asked for last.
    pub at: Option<OffsetDateTime>,
}

impl Database {
    /// Tells how often models without a price were asked for.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn count_unpriced_models(&self, asked: &HashMap<String, i64>) -> Result<(), DatabaseError> {
        // Postgres cannot hold U+0000 in text; no model has such a name.
        let (models, counts): (Vec<&str>, Vec<i64>) = asked
            .iter()
            .filter(|(model, _)| !model.contains('\0'))
            .map(|(model, count)| (model.as_str(), *count))
            .unzip();
        let query =
            sqlx::query("select octroi_private.count_unpriced_models($1, $2)").bind(models).bind(counts);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Models that end, are gone, or are asked for in vain.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn model_troubles(&self) -> Result<Vec<ModelTrouble>, DatabaseError> {
        let query = sqlx::query("select kind, model, requests, at from octroi_private.model_troubles()");
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(ModelTrouble {
                    kind: row.try_get(0)?,
                    model: row.try_get(1)?,
                    requests: row.try_get(2)?,
                    at: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// The models that an account, and one of its keys, can call at this moment.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn model_list(
        &self,
        account_id: Uuid,
        api_key_id: Option<Uuid>,
    ) -> Result<Vec<ListedModel>, DatabaseError> {
        let query = sqlx::query("select model, created_at, owned_by from octroi_private.model_list($1, $2)")
            .bind(account_id)
            .bind(api_key_id);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(ListedModel {
                    model: row.try_get(0)?,
                    created_at: row.try_get(1)?,
                    owned_by: row.try_get(2)?,
                })
            })
            .collect()
    }

    /// A model's limits; none when it has no price and so cannot be called.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn model_limits(&self, model: &str) -> Result<Option<ModelLimits>, DatabaseError> {
        // Postgres cannot hold U+0000 in text; no model has such a name.
        if model.contains('\0') {
            return Ok(None);
        }
        let query = sqlx::query(
            "select max_output_tokens, max_input_tokens, encoding, endpoints from octroi_private.model_limits($1)",
        )
        .bind(model);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        let tokens = |column: usize| -> Result<Option<u64>, DatabaseError> {
            Ok(row.try_get::<Option<i64>, _>(column)?.and_then(|count| u64::try_from(count).ok()))
        };
        Ok(Some(ModelLimits {
            max_output_tokens: tokens(0)?,
            max_input_tokens: tokens(1)?,
            encoding: row.try_get(2)?,
            endpoints: row.try_get(3)?,
        }))
    }
}
