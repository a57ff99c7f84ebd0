//! Refused calls, for whoever helps their callers.

use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Database, DatabaseError, LimitStanding};

/// So many refused calls of one account for one reason, and the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCallCount {
    /// Whose.
    pub account_id: Uuid,
    /// With which key; none for a token.
    pub api_key_id: Option<Uuid>,
    /// Why, as `docs/errors.md` names it.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// `Endpoint::as_str()`.
    pub endpoint: &'static str,
    /// The model asked for, where it is known.
    pub model: Option<String>,
    /// The limit that was reached, if it was one.
    pub limit: Option<LimitStanding>,
    /// How often.
    pub refusals: i64,
}

impl RefusedCallCount {
    fn to_json(&self) -> Value {
        let mut object = json!({
            "account_id": self.account_id,
            "api_key_id": self.api_key_id,
            "code": self.code,
            "status": self.status,
            "endpoint": self.endpoint,
            "model": self.model,
            "refusals": self.refusals,
        });
        if let Some(limit) = &self.limit {
            object["scope"] = limit.scope.as_str().into();
            object["meter"] = limit.meter.as_str().into();
            object["period"] = limit.period.as_str().into();
            object["granted"] = limit.granted.into();
            object["used"] = limit.used.into();
            object["held"] = limit.reserved.into();
        }
        object
    }
}

impl Database {
    /// Adds what this worker has refused since it last told.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn count_refused_calls(&self, calls: &[RefusedCallCount]) -> Result<(), DatabaseError> {
        let calls: Vec<Value> = calls.iter().map(RefusedCallCount::to_json).collect();
        let query = sqlx::query("select octroi_private.count_refused_calls($1)").bind(Json(calls));
        self.answer(query.execute(self.pool())).await.map(drop)
    }
}
