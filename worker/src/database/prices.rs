//! Prices of models: declaring them, and what is in force.

use sqlx::Row;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::{Database, DatabaseError};

/// One difference between the prices declared and those in force.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceChange {
    /// The model.
    pub model: String,
    /// `new`, `changed` or `removed`.
    pub change: String,
    /// What differs; none unless it is changed.
    pub field: Option<String>,
    /// What it was.
    pub was: Option<serde_json::Value>,
    /// What it becomes.
    pub becomes: Option<serde_json::Value>,
    /// From when on.
    pub takes_effect_at: Option<OffsetDateTime>,
}

/// A price that is in force, or begins later.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedPrice {
    /// The model.
    pub model: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// From when on.
    pub starts_at: OffsetDateTime,
    /// The first moment without it.
    pub ends_at: Option<OffsetDateTime>,
    /// Whether it is in force now.
    pub is_in_force: bool,
    /// The other columns of `octroi_private.model_price`, by name.
    pub prices: serde_json::Value,
}

impl Database {
    /// Declares prices: new rows where something changed. With `is_dry_run` nothing is written.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE OC030 with every fault in its detail.
    pub async fn declare_prices(
        &self,
        prices: &serde_json::Value,
        is_dry_run: bool,
    ) -> Result<Vec<PriceChange>, DatabaseError> {
        let query = sqlx::query(
            "select model, change, field, was, becomes, takes_effect_at from octroi_private.declare_prices($1, $2)",
        )
        .bind(Json(prices))
        .bind(is_dry_run);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(PriceChange {
                    model: row.try_get(0)?,
                    change: row.try_get(1)?,
                    field: row.try_get(2)?,
                    was: row.try_get(3)?,
                    becomes: row.try_get(4)?,
                    takes_effect_at: row.try_get(5)?,
                })
            })
            .collect()
    }

    /// The prices in force and to come.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn price_list(&self) -> Result<Vec<ListedPrice>, DatabaseError> {
        let query = sqlx::query(
            "select model, aliases, starts_at, ends_at, is_in_force, prices from octroi_private.price_list()",
        );
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(ListedPrice {
                    model: row.try_get(0)?,
                    aliases: row.try_get(1)?,
                    starts_at: row.try_get(2)?,
                    ends_at: row.try_get(3)?,
                    is_in_force: row.try_get(4)?,
                    prices: row.try_get(5)?,
                })
            })
            .collect()
    }
}
