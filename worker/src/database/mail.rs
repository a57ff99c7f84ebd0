//! Mails as rows: claimed, about to go, and what became of them; and turning warnings off by the link in one.

use std::fmt;

use sqlx::Row;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Database, DatabaseError};

/// A mail that is to be sent now. `attempt` is the fence: only its holder can say what became of the mail.
#[derive(Clone)]
pub struct ClaimedMail {
    /// The mail's row.
    pub mail_id: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// What it is about.
    pub kind: String,
    /// What it says, by kind.
    pub data: serde_json::Value,
    /// Whether nobody can unsubscribe from it.
    pub is_contractual: bool,
    /// What makes it one and the same, however often it is sent.
    pub dedupe_key: String,
    /// When it was decided on.
    pub created_at: OffsetDateTime,
    /// Who gets it.
    pub address: String,
    /// In which language, as a BCP 47 tag.
    pub locale: String,
    /// The reader's time zone, an IANA name.
    pub time_zone: Option<String>,
    /// The team it is about; none for a personal account.
    pub account_name: Option<String>,
    /// The reader's token to unsubscribe with; none in what is contractual.
    pub unsubscribe_token: Option<String>,
}

/// What became of an attempt, as `mark_mail` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// It was taken.
    Sent,
    /// It will never be taken.
    Refused,
    /// It was not taken, and may be another time.
    Deferred,
    /// It went out and no answer came.
    Unknown,
}

/// Whether a mail will be tried again, as SQL decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It will.
    Queued,
    /// It will not: sent, refused, unknown, or cancelled meanwhile.
    Finished,
}

/// Where the holder of a token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscription {
    /// Whether there is such a token.
    pub found: bool,
    /// Its holder's language, as a BCP 47 tag.
    pub locale: String,
    /// Whether it gets nothing of the kind any more.
    pub is_unsubscribed: bool,
    /// What the token stands for.
    pub purpose: MailPurpose,
}

/// What nobody has to be written to about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// Limits that are being used up.
    UsageAlerts,
    /// What is new.
    News,
}

impl MailOutcome {
    /// The word used in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Unknown => "unknown",
        }
    }
}

impl Database {
    /// Claims a mail; none when there is nothing to send any more.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn claim_mail(&self, mail_id: Uuid) -> Result<Option<ClaimedMail>, DatabaseError> {
        let query = sqlx::query(
            "select mail_id, attempt, kind, data, is_contractual, dedupe_key, created_at, address, locale, time_zone,
                    account_name, unsubscribe_token
               from octroi_private.claim_mail($1)",
        )
        .bind(mail_id);
        let row = self.answer(query.fetch_optional(self.pool())).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ClaimedMail {
            mail_id: row.try_get(0)?,
            attempt: row.try_get(1)?,
            kind: row.try_get(2)?,
            data: row.try_get::<Json<serde_json::Value>, _>(3)?.0,
            is_contractual: row.try_get(4)?,
            dedupe_key: row.try_get(5)?,
            created_at: row.try_get(6)?,
            address: row.try_get(7)?,
            locale: row.try_get(8)?,
            time_zone: row.try_get(9)?,
            account_name: row.try_get(10)?,
            unsubscribe_token: row.try_get(11)?,
        }))
    }

    /// Records that the mail may be delivered from now on; false when it must not go, or not from this attempt.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn begin_mail(&self, mail_id: Uuid, attempt: i32) -> Result<bool, DatabaseError> {
        let query =
            sqlx::query_scalar("select octroi_private.begin_mail($1, $2)").bind(mail_id).bind(attempt);
        self.answer(query.fetch_one(self.pool())).await
    }

    /// Records what became of an attempt.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn mark_mail(
        &self,
        mail_id: Uuid,
        attempt: i32,
        outcome: MailOutcome,
        detail: Option<&str>,
    ) -> Result<MailState, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.mark_mail($1, $2, $3, $4)")
            .bind(mail_id)
            .bind(attempt)
            .bind(outcome.as_str())
            .bind(detail);
        let state: Option<String> = self.answer(query.fetch_one(self.pool())).await?;
        Ok(match state.as_deref() {
            Some("queued" | "sending") => MailState::Queued,
            _ => MailState::Finished,
        })
    }

    /// Takes back the consent that `token` stands for, or only looks.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn unsubscribe(&self, token: &str, act: bool) -> Result<Unsubscription, DatabaseError> {
        let query = sqlx::query(
            "select found, locale, is_unsubscribed, purpose from octroi_private.unsubscribe($1, $2)",
        )
        .bind(token)
        .bind(act);
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let purpose: Option<String> = row.try_get(3)?;
        Ok(Unsubscription {
            found: row.try_get(0)?,
            locale: row.try_get(1)?,
            is_unsubscribed: row.try_get(2)?,
            purpose: match purpose.as_deref() {
                Some("news") => MailPurpose::News,
                _ => MailPurpose::UsageAlerts,
            },
        })
    }
}

/// Who it is for stays out of logs.
impl fmt::Debug for ClaimedMail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClaimedMail")
            .field("mail_id", &self.mail_id)
            .field("attempt", &self.attempt)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
