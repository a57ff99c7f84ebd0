//! Reconciling: ledger, reports, Stripe's meters, invoices and subscriptions, side by side.

use sqlx::Row;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::{Database, DatabaseError};
use crate::stripe::{Invoice, MeterWindow, Subscription};

/// What a reconciliation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconciled {
    /// Customers looked at.
    pub customers: i64,
    /// Differences there is a reason for.
    pub explained: i64,
    /// Differences there is none for.
    pub unexplained: i64,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of reconciliation_differences, documented there")]
pub struct Difference {
    pub customer_id: String,
    pub what: String,
    pub meter: Option<String>,
    pub period_start: Option<OffsetDateTime>,
    pub period_end: Option<OffsetDateTime>,
    pub ledger: Option<i64>,
    pub reported: Option<i64>,
    pub stripe: Option<i64>,
    pub invoiced: Option<i64>,
    pub is_explained: bool,
    pub reason: Option<String>,
}

/// Something about billing that an operator has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingTrouble {
    /// What it is.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Since when.
    pub since: Option<OffsetDateTime>,
    /// More words.
    pub detail: Option<String>,
}

impl Database {
    /// Begins a run; its number.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn start_reconciliation(&self) -> Result<i64, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.start_reconciliation()");
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Up to `max` customers of a run, in order, after `after`.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_customers(
        &self,
        run: i64,
        after: &str,
        max: i32,
    ) -> Result<Vec<String>, DatabaseError> {
        let query =
            sqlx::query_scalar("select customer_id from octroi_private.reconcile_customers($1, $2, $3)")
                .bind(run)
                .bind(after)
                .bind(max);
        self.answer(query.fetch_all(self.pool())).await
    }

    /// Compares a subscription that Stripe lists.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_subscription(
        &self,
        run: i64,
        customer: &str,
        subscription: &Subscription,
    ) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.reconcile_subscription($1, $2, $3)")
            .bind(run)
            .bind(customer)
            .bind(Json(subscription));
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Tells that every subscription of the customer was told.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_listed(&self, run: i64, customer: &str) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.reconcile_listed($1, $2)").bind(run).bind(customer);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// The windows of a customer to ask Stripe about, each with its key.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_windows(
        &self,
        run: i64,
        customer: &str,
    ) -> Result<Vec<(String, MeterWindow)>, DatabaseError> {
        let query =
            sqlx::query("select key, meter_id, start_s, end_s from octroi_private.reconcile_windows($1, $2)")
                .bind(run)
                .bind(customer);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                let window = MeterWindow {
                    meter_id: row.try_get(1)?,
                    customer: customer.to_owned(),
                    start_s: row.try_get(2)?,
                    end_s: row.try_get(3)?,
                };
                Ok((row.try_get(0)?, window))
            })
            .collect()
    }

    /// Compares what Stripe has counted in a window.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_window(
        &self,
        run: i64,
        customer: &str,
        key: &str,
        stripe_total: i64,
    ) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.reconcile_window($1, $2, $3, $4)")
            .bind(run)
            .bind(customer)
            .bind(key)
            .bind(stripe_total);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Compares an invoice.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_invoice(
        &self,
        run: i64,
        customer: &str,
        invoice: &Invoice,
    ) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.reconcile_invoice($1, $2, $3)")
            .bind(run)
            .bind(customer)
            .bind(Json(invoice));
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Tells that every invoice of the customer was told.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconcile_cycles(&self, run: i64, customer: &str) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.reconcile_cycles($1, $2)").bind(run).bind(customer);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Ends a run.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn finish_reconciliation(&self, run: i64) -> Result<Reconciled, DatabaseError> {
        let query = sqlx::query(
            "select customers, explained, unexplained from octroi_private.finish_reconciliation($1)",
        )
        .bind(run);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        Ok(Reconciled {
            customers: row.try_get(0)?,
            explained: row.try_get(1)?,
            unexplained: row.try_get(2)?,
        })
    }

    /// The differences a run found.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn reconciliation_differences(&self, run: i64) -> Result<Vec<Difference>, DatabaseError> {
        let query = sqlx::query(
            "select customer_id, what, meter, period_start, period_end, ledger, reported, stripe, invoiced,
                    is_explained, reason
             from octroi_private.reconciliation_differences($1)",
        )
        .bind(run);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(Difference {
                    customer_id: row.try_get("customer_id")?,
                    what: row.try_get("what")?,
                    meter: row.try_get("meter")?,
                    period_start: row.try_get("period_start")?,
                    period_end: row.try_get("period_end")?,
                    ledger: row.try_get("ledger")?,
                    reported: row.try_get("reported")?,
                    stripe: row.try_get("stripe")?,
                    invoiced: row.try_get("invoiced")?,
                    is_explained: row.try_get("is_explained")?,
                    reason: row.try_get("reason")?,
                })
            })
            .collect()
    }

    /// What about billing an operator has to look at.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn billing_troubles(&self) -> Result<Vec<BillingTrouble>, DatabaseError> {
        let query = sqlx::query("select kind, subject, since, detail from octroi_private.billing_troubles()");
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(BillingTrouble {
                    kind: row.try_get(0)?,
                    subject: row.try_get(1)?,
                    since: row.try_get(2)?,
                    detail: row.try_get(3)?,
                })
            })
            .collect()
    }
}
