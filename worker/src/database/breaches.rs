//! The register of breaches and the signals that may become one, as `octroi breach` and the gateway use them.

use sqlx::Row;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// A breach in the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachEntry {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub title: String,
    /// open, assessed, notified or closed.
    pub state: String,
    /// none, risk or high; none yet before it is assessed.
    pub risk: Option<String>,
    /// When the authority is owed a report.
    pub report_due_at: OffsetDateTime,
    /// When it was told.
    pub authority_notified_at: Option<OffsetDateTime>,
    /// How many people are affected.
    pub affected_count: Option<i64>,
    /// Minutes until the report is due, below zero when it is overdue; none when the clock has stopped.
    pub minutes_left: Option<i64>,
}

/// What an operator tells about the report to the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityReport {
    /// Which authority.
    pub authority: String,
    /// How it calls the case.
    pub reference: Option<String>,
    /// When it was told; now when none.
    pub notified_at: Option<OffsetDateTime>,
    /// Why so late, when it is.
    pub delay_reason: Option<String>,
}

/// Something that may be the sign of a breach.
#[derive(Debug, Clone, PartialEq)]
pub struct SecuritySignal {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub kind: String,
    /// Whose account.
    pub account_id: Option<Uuid>,
    /// Which key.
    pub api_key_id: Option<Uuid>,
    /// The beginning of the ten minutes, or the day, that it is about.
    pub window_start: OffsetDateTime,
    /// Its figures.
    pub detail: serde_json::Value,
    /// The breach it is part of.
    pub breach_id: Option<i64>,
    /// Why it was dismissed.
    pub dismissed_reason: Option<String>,
}

/// So many refusals of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalCount {
    /// Why access was refused, as SQL names it.
    pub reason: &'static str,
    /// Whose account; none when nobody is known.
    pub account_id: Option<Uuid>,
    /// Which key.
    pub api_key_id: Option<Uuid>,
    /// How often.
    pub count: i64,
}

impl Database {
    /// Enters a breach; its number and when the authority is owed a report.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn open_breach(
        &self,
        title: &str,
        nature: &str,
        detected_at: Option<OffsetDateTime>,
    ) -> Result<(i64, OffsetDateTime), DatabaseError> {
        let query = sqlx::query_as("select id, report_due_at from octroi_private.open_breach($1, $2, $3)")
            .bind(title)
            .bind(nature)
            .bind(detected_at);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Writes down what is known; how many people are affected.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn assess_breach(&self, id: i64, assessment: &serde_json::Value) -> Result<i64, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.assess_breach($1, $2)").bind(id).bind(Json(assessment));
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Records that the authority was told.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn notify_authority(&self, id: i64, report: &AuthorityReport) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.notify_authority($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(&report.authority)
            .bind(&report.reference)
            .bind(report.notified_at)
            .bind(&report.delay_reason);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Begins the notices to the people affected; how many they are.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn notify_affected(&self, id: i64, notice: &serde_json::Value) -> Result<i64, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.notify_affected($1, $2)").bind(id).bind(Json(notice));
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Queues the next batch of notices; with how many people it dealt.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn send_breach_notices(&self, id: i64, max_people: i32) -> Result<i32, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.send_breach_notices($1, $2)").bind(id).bind(max_people);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Ends a breach.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn close_breach(
        &self,
        id: i64,
        note: &str,
        no_notice_reason: Option<&str>,
    ) -> Result<(), DatabaseError> {
        let query = sqlx::query("select octroi_private.close_breach($1, $2, $3)")
            .bind(id)
            .bind(note)
            .bind(no_notice_reason);
        self.answer(query.execute(self.pool())).await.map(drop)
    }

    /// Everything the register knows of a breach; none when there is no such breach.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn breach_report(&self, id: i64) -> Result<Option<serde_json::Value>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.breach_report($1)").bind(id);
        let report: Option<Json<serde_json::Value>> = self.answer(query.fetch_one(self.pool())).await?;
        Ok(report.map(|Json(report)| report))
    }

    /// The register, with or without what is closed.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn breaches(&self, with_closed: bool) -> Result<Vec<BreachEntry>, DatabaseError> {
        let query = sqlx::query(
            "select id, title, state, risk, report_due_at, authority_notified_at, affected_count, minutes_left
               from octroi_private.breaches($1)",
        )
        .bind(with_closed);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(BreachEntry {
                    id: row.try_get(0)?,
                    title: row.try_get(1)?,
                    state: row.try_get(2)?,
                    risk: row.try_get(3)?,
                    report_due_at: row.try_get(4)?,
                    authority_notified_at: row.try_get(5)?,
                    affected_count: row.try_get(6)?,
                    minutes_left: row.try_get(7)?,
                })
            })
            .collect()
    }

    /// The newest signals, with or without those that were dealt with.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn security_signals(&self, all: bool) -> Result<Vec<SecuritySignal>, DatabaseError> {
        let query = sqlx::query(
            "select id, kind, account_id, api_key_id, window_start, detail, breach_id, dismissed_reason
               from octroi_private.security_signals($1)",
        )
        .bind(all);
        let rows = self.answer(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| {
                Ok(SecuritySignal {
                    id: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    account_id: row.try_get(2)?,
                    api_key_id: row.try_get(3)?,
                    window_start: row.try_get(4)?,
                    detail: row.try_get::<Json<serde_json::Value>, _>(5)?.0,
                    breach_id: row.try_get(6)?,
                    dismissed_reason: row.try_get(7)?,
                })
            })
            .collect()
    }

    /// Makes signals part of a breach, or dismisses them for a reason; how many.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn resolve_signals(
        &self,
        ids: &[i64],
        breach_id: Option<i64>,
        reason: Option<&str>,
    ) -> Result<i64, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.resolve_signals($1, $2, $3)")
            .bind(ids)
            .bind(breach_id)
            .bind(reason);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Changes the settings that are named and returns all of them.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn set_security_settings(
        &self,
        settings: &serde_json::Value,
    ) -> Result<serde_json::Value, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.set_security_settings($1)").bind(Json(settings));
        let settings: Json<serde_json::Value> = self.answer(query.fetch_one(self.pool())).await?;
        Ok(settings.0)
    }

    /// Tells what the gateway has refused.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn count_refusals(&self, counts: &[RefusalCount]) -> Result<(), DatabaseError> {
        let reasons: Vec<&str> = counts.iter().map(|count| count.reason).collect();
        let accounts: Vec<Option<Uuid>> = counts.iter().map(|count| count.account_id).collect();
        let keys: Vec<Option<Uuid>> = counts.iter().map(|count| count.api_key_id).collect();
        let numbers: Vec<i64> = counts.iter().map(|count| count.count).collect();
        let query = sqlx::query("select octroi_private.count_refusals($1, $2, $3, $4)")
            .bind(reasons)
            .bind(accounts)
            .bind(keys)
            .bind(numbers);
        self.answer(query.execute(self.pool())).await.map(drop)
    }
}
