//! What is left to do after a person was erased.

use std::fmt;

use serde::Deserialize;
use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// One bite of removing an erased person's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Rows removed, or unlinked from the person.
    pub rows_done: i64,
    /// Whether nothing is left.
    pub is_done: bool,
}

/// A customer that Stripe is to forget, or that somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedCustomer {
    /// Its id at Stripe.
    pub id: String,
    /// Checkout sessions that could still be paid.
    pub session_ids: Vec<String>,
}

/// An invoice that is neither paid nor void.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OpenInvoice {
    /// Its id at Stripe.
    pub id: String,
    /// Whether it was never finalised.
    pub is_draft: bool,
}

/// What to do next to erase a customer at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureStep {
    /// Look again after so many seconds.
    Wait {
        /// Whole seconds.
        seconds: u64,
    },
    /// End a subscription, with a last invoice.
    Cancel {
        /// Its id.
        subscription: String,
        /// What would have changed it later.
        schedule: Option<String>,
    },
    /// Give up on what was not paid in time.
    Waive(Vec<OpenInvoice>),
    /// Delete the customer.
    Delete,
    /// Take off a team's customer what belongs to whoever left.
    HandOver(Handover),
    /// Nothing is left at Stripe: say so.
    Finish,
    /// It is done.
    Done,
}

/// How a team's customer passes to its next owner.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Handover {
    /// In seconds since 1970: what came later does not belong to whoever left.
    pub until_s: i64,
    /// How the next owner is reached; none where that is not known.
    #[serde(default)]
    pub email: Option<String>,
    /// Their language.
    #[serde(default)]
    pub locale: Option<String>,
}

/// What became of a list of tombstones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Persons who were here, and are erased again.
    pub erased: i64,
    /// Tombstones of nobody here.
    pub absent: i64,
}

#[derive(Deserialize, Default)]
struct StepArgs {
    #[serde(default)]
    subscription: Option<String>,
    #[serde(default)]
    schedule: Option<String>,
    #[serde(default)]
    invoices: Vec<OpenInvoice>,
}

impl Database {
    /// Removes some of an erased person's calls.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn remove_usage(&self, receipt_id: Uuid, max_rows: i32) -> Result<Removal, DatabaseError> {
        let query = sqlx::query("select rows_done, is_done from octroi_private.remove_usage($1, $2)")
            .bind(receipt_id)
            .bind(max_rows);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(Removal { rows_done: row.try_get(0)?, is_done: row.try_get(1)? })
    }

    /// The customer that a step is to erase; none when it is done.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn erasure_customer(&self, step_id: i64) -> Result<Option<ErasedCustomer>, DatabaseError> {
        let query = sqlx::query("select customer_id, session_ids from octroi_private.erasure_customer($1)")
            .bind(step_id);
        let Some(row) = self.answer(query.fetch_optional(self.pool())).await? else { return Ok(None) };
        Ok(Some(ErasedCustomer { id: row.try_get(0)?, session_ids: row.try_get(1)? }))
    }

    /// What to do next for a step at Stripe.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn erasure_step(&self, step_id: i64) -> Result<ErasureStep, DatabaseError> {
        let query =
            sqlx::query("select action, args, wait_seconds from octroi_private.erasure_at_stripe($1)")
                .bind(step_id);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let action = row.try_get::<&str, _>(0)?;
        if action == "hand_over" {
            return Ok(ErasureStep::HandOver(row.try_get::<Json<_>, _>(1)?.0));
        }
        let Json(args) = row.try_get::<Json<StepArgs>, _>(1)?;
        let seconds: i32 = row.try_get(2)?;
        match (action, args.subscription) {
            ("wait", _) => Ok(ErasureStep::Wait { seconds: seconds.max(1).unsigned_abs().into() }),
            ("cancel", Some(subscription)) => {
                Ok(ErasureStep::Cancel { subscription, schedule: args.schedule })
            }
            ("waive", _) => Ok(ErasureStep::Waive(args.invoices)),
            ("delete", _) => Ok(ErasureStep::Delete),
            ("finish", _) => Ok(ErasureStep::Finish),
            ("done", _) => Ok(ErasureStep::Done),
            (other, _) => Err(DatabaseError::Unreadable(format!("the step {other} of an erasure"))),
        }
    }

    /// Takes note that a step is done; false when it was.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_erasure_step(&self, step_id: i64) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_erasure_step($1)").bind(step_id);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Tombstones as lines, after a line.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn tombstones(&self, after: Option<&str>, max: i32) -> Result<Vec<String>, DatabaseError> {
        let query =
            sqlx::query_scalar("select t from octroi_private.tombstones($1, $2) as t").bind(after).bind(max);
        self.answer(query.fetch_all(self.pool())).await
    }

    /// Erases again whoever these lines name.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE OC046 when one is no tombstone.
    pub async fn replay_tombstones(&self, lines: &[String]) -> Result<Replayed, DatabaseError> {
        let query =
            sqlx::query("select erased, absent from octroi_private.replay_tombstones($1)").bind(lines);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(Replayed { erased: row.try_get(0)?, absent: row.try_get(1)? })
    }
}

/// Nobody's address goes into a log.
impl fmt::Debug for Handover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handover").field("until_s", &self.until_s).finish_non_exhaustive()
    }
}
