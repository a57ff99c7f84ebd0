//! Calls that an account's own month refused, told to the database beside the refusal: whoever asked for packs has one
//! bought, though nothing was settled that could have noticed.

use std::time::Duration;

use moka::future::Cache;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::database::{Database, LimitPeriod, LimitScope, Refusal, RefusedCall};

/// Accounts remembered; one beyond that is told of again.
const MAX_ACCOUNTS: u64 = 4_096;
/// Shortest time between two tellings of one account, seconds.
const TELL_EVERY_SECONDS: u64 = 60;

/// The accounts that were told of in the last minute.
pub(super) struct RefusedAtLimit {
    database: Database,
    told: Cache<Uuid, ()>,
}

impl RefusedAtLimit {
    /// Nothing was told yet.
    pub fn new(database: Database) -> Self {
        let told = Cache::builder()
            .max_capacity(MAX_ACCOUNTS)
            .time_to_live(Duration::from_secs(TELL_EVERY_SECONDS))
            .build();
        Self { database, told }
    }

    /// Tells of a refused call in a task of its own, at most once a minute for an account.
    pub async fn tell(&self, refusal: &Refusal, call: RefusedCall, tracker: &TaskTracker) {
        if !is_by_account_month(refusal) || !self.told.entry(call.account_id).or_insert(()).await.is_fresh() {
            return;
        }
        let (database, told) = (self.database.clone(), self.told.clone());
        tracker.spawn(async move {
            if let Err(error) = database.note_refused_at_limit(&call).await {
                tracing::warn!(account.id = %call.account_id, %error, "a refusal at the limit could not be told");
                told.invalidate(&call.account_id).await;
            }
        });
    }
}

/// Whether the limit was the one that packs raise.
fn is_by_account_month(refusal: &Refusal) -> bool {
    refusal.standing.as_ref().is_some_and(|standing| {
        standing.scope == LimitScope::Account && standing.period == LimitPeriod::Month
    })
}
