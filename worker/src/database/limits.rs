//! Limits as the verbs report them: which one is strictest and how it stands.

use sqlx::Row;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Database, DatabaseError, ReserveItem};

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// The paying account, shared by its members.
    Account,
    /// One member's share of a team account.
    Member,
    /// One API key's budget.
    ApiKey,
    /// One model's share within an account.
    Model,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitMeter {
    /// Input plus output tokens.
    Tokens,
    /// Calls.
    Requests,
    /// Nano-USD.
    Cost,
}

/// How often the count starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitPeriod {
    /// The billing month, from the subscription's anchor.
    Month,
    /// The calendar day in UTC.
    Day,
    /// Never.
    Lifetime,
}

/// Who set a limit, and so who can raise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitSetter {
    /// The plan that the account pays for.
    Plan,
    /// The account's own budget.
    Budget,
    /// The operator, for this account alone.
    Operator,
}

/// How the strictest applicable limit stood right after the verdict. Amounts are in the meter's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitStanding {
    /// Whose limit it is.
    pub scope: LimitScope,
    /// What it counts.
    pub meter: LimitMeter,
    /// How often it starts again.
    pub period: LimitPeriod,
    /// The limit in force.
    pub granted: i64,
    /// Settled so far in the period.
    pub used: i64,
    /// Held by calls under way.
    pub reserved: i64,
    /// What a new call could still hold.
    pub remaining: i64,
    /// When the period began; none for a limit without one.
    pub period_start: Option<OffsetDateTime>,
    /// When the count starts again; none means never.
    pub resets_at: Option<OffsetDateTime>,
    /// The plan's name, for messages.
    pub plan: Option<String>,
    /// Who set it.
    pub set_by: LimitSetter,
}

impl Database {
    /// How many open calls hold something of the limit `standing` that held `call` back.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn calls_holding(
        &self,
        call: &ReserveItem,
        standing: &LimitStanding,
    ) -> Result<u64, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.calls_holding($1, $2, $3, $4, $5, $6, $7)")
            .bind(call.account_id)
            .bind(call.api_key_id)
            .bind(call.user_id)
            .bind(&call.model)
            .bind(standing.scope.as_str())
            .bind(standing.meter.as_str())
            .bind(standing.period.as_str());
        let calls: i64 = self.answer(query.fetch_one(self.pool())).await?;
        Ok(u64::try_from(calls).unwrap_or_default())
    }
}

impl Database {
    /// Keeps the places of calls that wait for room; how many of them still have one.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn renew_tickets(&self, calls: &[Uuid]) -> Result<i64, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.renew_tickets($1)").bind(calls);
        self.answer(query.fetch_one(self.pool())).await
    }
}

impl LimitScope {
    /// The word used in SQL and in the `quota` object of a refusal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Member => "member",
            Self::ApiKey => "api_key",
            Self::Model => "model",
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "account" => Some(Self::Account),
            "member" => Some(Self::Member),
            "api_key" | "key" => Some(Self::ApiKey),
            "model" => Some(Self::Model),
            _ => None,
        }
    }
}

impl LimitMeter {
    /// The word used in SQL and in the `quota` object of a refusal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Cost => "cost",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Tokens, Self::Requests, Self::Cost].into_iter().find(|meter| meter.as_str() == text)
    }
}

impl LimitPeriod {
    /// The word used in SQL and in the `quota` object of a refusal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Day => "day",
            Self::Lifetime => "lifetime",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Month, Self::Day, Self::Lifetime].into_iter().find(|period| period.as_str() == text)
    }
}

impl LimitSetter {
    /// The word used in SQL and in the `quota` object of a refusal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Budget => "budget",
            Self::Operator => "operator",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Plan, Self::Budget, Self::Operator].into_iter().find(|setter| setter.as_str() == text)
    }
}

impl LimitStanding {
    /// Reads the eleven limit columns that start at `first` in the order `scope, meter, period, granted, used, reserved,
    /// remaining, period_start, resets_at, retry_after_seconds, plan`, and `set_by`; none when no limit applied.
    pub(super) fn from_row(row: &PgRow, first: usize) -> Result<Option<Self>, DatabaseError> {
        let Some(scope) = row.try_get::<Option<&str>, _>(first)? else { return Ok(None) };
        let meter = row.try_get::<&str, _>(first + 1)?;
        let period = row.try_get::<&str, _>(first + 2)?;
        let set_by = row.try_get::<&str, _>("set_by")?;
        let (Some(scope), Some(meter), Some(period), Some(set_by)) = (
            LimitScope::read(scope),
            LimitMeter::read(meter),
            LimitPeriod::read(period),
            LimitSetter::read(set_by),
        ) else {
            return Err(DatabaseError::Unreadable(format!("limit {scope}/{meter}/{period} of {set_by}")));
        };
        Ok(Some(Self {
            scope,
            meter,
            period,
            granted: row.try_get(first + 3)?,
            used: row.try_get(first + 4)?,
            reserved: row.try_get(first + 5)?,
            remaining: row.try_get(first + 6)?,
            period_start: row.try_get(first + 7)?,
            resets_at: row.try_get(first + 8)?,
            plan: row.try_get(first + 10)?,
            set_by,
        }))
    }
}
