//! Billing requests: what account owners ask of Stripe.

use sqlx::Row;
use sqlx::types::Json;
use uuid::Uuid;

use super::session::to_bigint;
use super::{CloseWindow, Database, DatabaseError};
use crate::stripe::ChangePreview;

/// A request that waits to be carried out.
#[derive(Debug, Clone)]
pub struct BillingRequest {
    /// What is asked for.
    pub kind: String,
    /// Whose account it is about.
    pub account_id: Uuid,
    /// The account's customer at Stripe, once there is one.
    pub customer_id: Option<String>,
    /// What every call for it is made under.
    pub idempotency_key: String,
    /// What to do, with every id of Stripe's.
    pub args: serde_json::Value,
}

/// What to do next to cancel a subscription at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelStep {
    /// Look again after so many seconds.
    Wait {
        /// Whole seconds.
        seconds: u64,
    },
    /// End it at Stripe.
    Cancel,
    /// There is nothing left to end.
    Done,
}

/// What to do next before a change that begins a new billing cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeStep {
    /// Look again after so many seconds.
    Wait {
        /// Whole seconds.
        seconds: u64,
    },
    /// Ask what Stripe has counted in each window.
    Compare(Vec<CloseWindow>),
    /// Make it: all that was used beyond the plan is counted, and no more is.
    Change,
    /// The request has ended meanwhile.
    Done,
    /// Stripe does not count what the ledger says.
    Disputed,
}

/// A call that was refused at a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCall {
    /// Who would have paid.
    pub account_id: Uuid,
    /// Who called.
    pub user_id: Uuid,
    /// The model as the client named it.
    pub model: String,
    /// Upper bound of the input, in tokens.
    pub input_tokens: u64,
    /// Output tokens wanted for each choice; none where the call named no limit.
    pub output_tokens: Option<u64>,
    /// How many choices the call asked for.
    pub choices: u32,
    /// Whether the model was to reason; none where that was left to it.
    pub reasoning: Option<bool>,
}

impl Database {
    /// A pending request; none when it is finished or unknown.
    ///
    /// # Errors
    /// Any [`DatabaseError`]; SQLSTATE OC032 or OC033 when it can no longer be done.
    pub async fn load_billing_request(&self, id: Uuid) -> Result<Option<BillingRequest>, DatabaseError> {
        let query = sqlx::query(
            "select kind, account_id, customer_id, idempotency_key, args from octroi_private.load_billing_request($1)",
        )
        .bind(id);
        let Some(row) = self.answer(query.fetch_optional(self.pool())).await? else { return Ok(None) };
        Ok(Some(BillingRequest {
            kind: row.try_get(0)?,
            account_id: row.try_get(1)?,
            customer_id: row.try_get(2)?,
            idempotency_key: row.try_get(3)?,
            args: row.try_get::<Json<serde_json::Value>, _>(4)?.0,
        }))
    }

    /// Makes a customer the account's; the one that is the account's now, which is another if a race was lost.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn link_stripe_customer(
        &self,
        account_id: Uuid,
        customer_id: &str,
    ) -> Result<String, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.link_stripe_customer($1, $2)")
            .bind(account_id)
            .bind(customer_id);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Ends a request well; false when it had ended.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_billing_request(
        &self,
        id: Uuid,
        object_id: &str,
        url: Option<&str>,
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.finish_billing_request($1, $2, $3)")
            .bind(id)
            .bind(object_id)
            .bind(url);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Ends a request for a preview; false when it had ended.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_preview(&self, id: Uuid, preview: &ChangePreview) -> Result<bool, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.finish_preview($1, $2)").bind(id).bind(Json(preview));
        self.answer(query.fetch_one(self.pool())).await
    }

    /// The address to fill in on the page that a request asks for; none where none is to be.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn checkout_email(&self, id: Uuid) -> Result<Option<String>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.checkout_email($1)").bind(id);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Ends a request badly, with words for its owner, what at Stripe is the reason, and where something can be done
    /// about it; false when it had ended.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn fail_billing_request(
        &self,
        id: Uuid,
        code: &str,
        message: &str,
        (object_id, url): (Option<&str>, Option<&str>),
    ) -> Result<bool, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.fail_billing_request($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(code)
            .bind(message)
            .bind(object_id)
            .bind(url);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// What to do next before a change that begins a new billing cycle, given what Stripe has counted if it was asked.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn change_step(
        &self,
        id: Uuid,
        totals: Option<&serde_json::Value>,
    ) -> Result<ChangeStep, DatabaseError> {
        let query =
            sqlx::query("select action, wait_seconds, windows from octroi_private.change_step($1, $2)")
                .bind(id)
                .bind(totals.map(Json));
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let seconds: i32 = row.try_get(1)?;
        match row.try_get::<&str, _>(0)? {
            "wait" => Ok(ChangeStep::Wait { seconds: seconds.max(1).unsigned_abs().into() }),
            "compare" => Ok(ChangeStep::Compare(row.try_get::<Json<Vec<CloseWindow>>, _>(2)?.0)),
            "change" => Ok(ChangeStep::Change),
            "done" => Ok(ChangeStep::Done),
            "disputed" => Ok(ChangeStep::Disputed),
            other => Err(DatabaseError::Unreadable(format!("the step {other} of a change"))),
        }
    }

    /// What to do next to cancel a subscription at once.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn cancel_step(&self, id: Uuid) -> Result<CancelStep, DatabaseError> {
        let query = sqlx::query("select action, wait_seconds from octroi_private.cancel_step($1)").bind(id);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let seconds: i32 = row.try_get(1)?;
        match row.try_get::<&str, _>(0)? {
            "wait" => Ok(CancelStep::Wait { seconds: seconds.max(1).unsigned_abs().into() }),
            "cancel" => Ok(CancelStep::Cancel),
            "done" => Ok(CancelStep::Done),
            other => Err(DatabaseError::Unreadable(format!("the step {other} of a cancellation"))),
        }
    }

    /// Takes note of a call that was refused at a limit; the request for a pack that this led to.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn note_refused_at_limit(&self, call: &RefusedCall) -> Result<Option<Uuid>, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.note_refused_at_limit($1, $2, $3, $4, $5, $6, $7)")
                .bind(call.account_id)
                .bind(call.user_id)
                .bind(&call.model)
                .bind(to_bigint(call.input_tokens))
                .bind(call.output_tokens.map(to_bigint))
                .bind(i32::try_from(call.choices).unwrap_or(i32::MAX))
                .bind(call.reasoning);
        self.answer(query.fetch_one(self.pool())).await
    }
}
