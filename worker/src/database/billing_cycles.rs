//! Closing a billing cycle, step by step.

use serde::Deserialize;
use sqlx::Row;
use sqlx::types::Json;

use super::{Database, DatabaseError};

/// What to do next to close the cycle that an invoice bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseStep {
    /// Keep the draft from being finalised by Stripe.
    Hold,
    /// Look again after so many seconds.
    Wait {
        /// Whole seconds.
        seconds: u64,
    },
    /// Ask what Stripe has counted in each window.
    Compare(Vec<CloseWindow>),
    /// Finalise the draft.
    Finalise,
    /// Take items of a plan left behind off the subscription.
    DropItems(Vec<String>),
    /// It is closed.
    Done,
    /// Stripe has counted more than the ledger: an operator decides.
    Disputed,
}

/// A window to compare.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CloseWindow {
    /// What the total is told under.
    pub key: String,
    /// What to add up.
    #[serde(flatten)]
    pub window: crate::stripe::MeterWindow,
}

#[derive(Deserialize)]
struct CompareArgs {
    windows: Vec<CloseWindow>,
}

#[derive(Deserialize)]
struct DropArgs {
    items: Vec<String>,
}

impl Database {
    /// What to do next about an invoice.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn close_step(&self, invoice_id: &str) -> Result<CloseStep, DatabaseError> {
        let query = sqlx::query("select action, args, wait_seconds from octroi_private.close_step($1)")
            .bind(invoice_id);
        let Some(row) = self.answer(query.fetch_optional(self.pool())).await? else {
            return Ok(CloseStep::Done);
        };
        let args = || -> Result<serde_json::Value, DatabaseError> {
            let args: Option<Json<serde_json::Value>> = row.try_get(1)?;
            Ok(args.map(|Json(args)| args).unwrap_or_default())
        };
        let unreadable = |error: serde_json::Error| DatabaseError::Unreadable(error.to_string());
        match row.try_get::<&str, _>(0)? {
            "hold" => Ok(CloseStep::Hold),
            "wait" => {
                let seconds: Option<i32> = row.try_get(2)?;
                Ok(CloseStep::Wait { seconds: seconds.unwrap_or(1).max(1).unsigned_abs().into() })
            }
            "compare" => {
                let args: CompareArgs = serde_json::from_value(args()?).map_err(unreadable)?;
                Ok(CloseStep::Compare(args.windows))
            }
            "finalise" => Ok(CloseStep::Finalise),
            "drop_items" => {
                let args: DropArgs = serde_json::from_value(args()?).map_err(unreadable)?;
                Ok(CloseStep::DropItems(args.items))
            }
            "done" => Ok(CloseStep::Done),
            "disputed" => Ok(CloseStep::Disputed),
            other => Err(DatabaseError::Unreadable(format!("the step {other} of a cycle"))),
        }
    }

    /// Writes down that a step was taken; the state now.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn close_did(
        &self,
        invoice_id: &str,
        action: &str,
        result: &serde_json::Value,
    ) -> Result<String, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.close_did($1, $2, $3)")
            .bind(invoice_id)
            .bind(action)
            .bind(Json(result));
        self.answer(query.fetch_one(self.pool())).await
    }
}
