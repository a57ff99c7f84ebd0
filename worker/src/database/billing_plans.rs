//! Plans: declaring them, and what must be at Stripe because of them.

use sqlx::Row;
use sqlx::types::Json;

use super::{Database, DatabaseError};

/// One difference between the plans declared and those in force.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanChange {
    /// `plan` or `top_up`.
    pub kind: String,
    /// Its code.
    pub code: String,
    /// `new`, `changed`, `removed` or `unchanged`.
    pub change: String,
    /// What differs; none unless it is changed.
    pub field: Option<String>,
    /// What it was.
    pub was: Option<serde_json::Value>,
    /// What it becomes.
    pub becomes: Option<serde_json::Value>,
    /// The version then in force.
    pub version: Option<i32>,
}

/// What something is sold for beside what it can cost at worst. Money is in micro-USD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanMargin {
    /// `plan`, `overage` or `top_up`.
    pub kind: String,
    /// The plan's or the pack's code.
    pub code: String,
    /// How it is paid (`month`, `year`, `free`, `trial`), the meter of an overage, or the plan a pack is sold on.
    pub part: String,
    /// The dearest model that may be used.
    pub model: Option<String>,
    /// What a million of its dearest tokens cost.
    pub token_price: Option<i64>,
    /// What it is sold for; none when the currency's worth is not declared.
    pub worth: Option<i64>,
    /// What it can cost; none when nothing bounds it.
    pub worst_cost: Option<i64>,
    /// What can be lost on it.
    pub loss: Option<i64>,
    /// What the declaration lets be lost.
    pub allowed_loss: Option<i64>,
    /// Why it does.
    pub reason: Option<String>,
    /// Whether more can be lost than is allowed.
    pub is_refused: bool,
}

/// Something that must be at Stripe for the versions in force or in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// `product`, `meter`, `price` or `metered_price`.
    pub object: String,
    /// What it is found by: the product's id, the price's lookup key, the meter's event name.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// Prices only.
    pub currency: Option<String>,
    /// Prices only, in the currency's minor unit.
    pub amount_minor: Option<i64>,
    /// `month` or `year`; none when paid once.
    pub interval: Option<String>,
    /// Metered prices only: units in a slice.
    pub slice: Option<i64>,
    /// Metered prices only: the meter that counts.
    pub event_name: Option<String>,
    /// Its id, once it is known to be there.
    pub stripe_id: Option<String>,
    /// The product of a price.
    pub parent_key: Option<String>,
    /// Whether anyone may still buy it.
    pub is_sold: bool,
}

impl Database {
    /// Declares plans: new versions where something changed. With `is_dry_run` nothing is written.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE OC030 with every fault in its detail.
    pub async fn declare_plans(
        &self,
        plans: &serde_json::Value,
        is_dry_run: bool,
    ) -> Result<Vec<PlanChange>, DatabaseError> {
        let query = sqlx::query(
            "select kind, code, change, field, was, becomes, version from octroi_private.declare_plans($1, $2)",
        )
        .bind(Json(plans))
        .bind(is_dry_run);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                let json = |column: &str| -> Result<Option<serde_json::Value>, sqlx::Error> {
                    Ok(row.try_get::<Option<Json<serde_json::Value>>, _>(column)?.map(|Json(value)| value))
                };
                Ok(PlanChange {
                    kind: row.try_get("kind")?,
                    code: row.try_get("code")?,
                    change: row.try_get("change")?,
                    field: row.try_get("field")?,
                    was: json("was")?,
                    becomes: json("becomes")?,
                    version: row.try_get("version")?,
                })
            })
            .collect()
    }

    /// What everything in a declaration is sold for, and what it can cost at worst.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn plan_margins(&self, plans: &serde_json::Value) -> Result<Vec<PlanMargin>, DatabaseError> {
        let query = sqlx::query(
            "select kind, code, part, model, token_price, worth, worst_cost, loss, allowed_loss, reason, is_refused
             from octroi_private.plan_margins($1)",
        )
        .bind(Json(plans));
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(PlanMargin {
                    kind: row.try_get("kind")?,
                    code: row.try_get("code")?,
                    part: row.try_get("part")?,
                    model: row.try_get("model")?,
                    token_price: row.try_get("token_price")?,
                    worth: row.try_get("worth")?,
                    worst_cost: row.try_get("worst_cost")?,
                    loss: row.try_get("loss")?,
                    allowed_loss: row.try_get("allowed_loss")?,
                    reason: row.try_get("reason")?,
                    is_refused: row.try_get("is_refused")?,
                })
            })
            .collect()
    }

    /// Everything that must be at Stripe.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn plan_catalogue(&self) -> Result<Vec<CatalogueEntry>, DatabaseError> {
        let query = sqlx::query(
            "select object, key, name, currency, amount_minor, recurring_interval, slice, event_name, stripe_id,
                    stripe_parent_key, is_sold
             from octroi_private.plan_catalogue()",
        );
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(CatalogueEntry {
                    object: row.try_get("object")?,
                    key: row.try_get("key")?,
                    name: row.try_get("name")?,
                    currency: row.try_get("currency")?,
                    amount_minor: row.try_get("amount_minor")?,
                    interval: row.try_get("recurring_interval")?,
                    slice: row.try_get("slice")?,
                    event_name: row.try_get("event_name")?,
                    stripe_id: row.try_get("stripe_id")?,
                    parent_key: row.try_get("stripe_parent_key")?,
                    is_sold: row.try_get("is_sold")?,
                })
            })
            .collect()
    }

    /// Keeps the id of something at Stripe; false when it was known.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE OC030 when it has another id already.
    pub async fn record_stripe_id(&self, key: &str, stripe_id: &str) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.record_stripe_ids($1)")
            .bind(Json(serde_json::json!({ key: stripe_id })));
        let new: i32 = self.answer(query.fetch_one(self.pool())).await?;
        Ok(new > 0)
    }

    /// Changes settings of billing; `{}` changes none. What they are then.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE 22023 when one cannot be.
    pub async fn set_billing_settings(
        &self,
        settings: &serde_json::Value,
    ) -> Result<serde_json::Value, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.set_billing_settings($1)").bind(Json(settings));
        let Json(settings) = self.answer(query.fetch_one(self.pool())).await?;
        Ok(settings)
    }
}
