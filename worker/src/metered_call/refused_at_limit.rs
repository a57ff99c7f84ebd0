//! Calls that were refused at a limit, told to the database beside the refusal: whoever asked for packs has one bought
//! where one helps, though nothing was settled that could have noticed.

use std::time::Duration;

use moka::future::Cache;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::database::{Database, LimitMeter, LimitPeriod, LimitScope, Refusal, RefusedCall};

/// Limits remembered; one beyond that is told of again.
const MAX_LIMITS: u64 = 4_096;
/// Shortest time between two tellings of one limit, seconds.
const TELL_EVERY_SECONDS: u64 = 60;

/// Which limit of which account.
type Limit = (Uuid, LimitScope, LimitMeter, LimitPeriod);

/// The limits that were told of in the last minute.
pub(super) struct RefusedAtLimit {
    database: Database,
    told: Cache<Limit, ()>,
}

impl RefusedAtLimit {
    /// Nothing was told yet.
    pub fn new(database: Database) -> Self {
        let told = Cache::builder()
            .max_capacity(MAX_LIMITS)
            .time_to_live(Duration::from_secs(TELL_EVERY_SECONDS))
            .build();
        Self { database, told }
    }

    /// Tells of a refused call in a task of its own, at most once a minute for a limit. What comes of it SQL decides.
    pub async fn tell(&self, refusal: &Refusal, call: RefusedCall, tracker: &TaskTracker) {
        let Some(standing) = &refusal.standing else { return };
        let limit = (call.account_id, standing.scope, standing.meter, standing.period);
        if !self.told.entry(limit).or_insert(()).await.is_fresh() {
            return;
        }
        let (database, told) = (self.database.clone(), self.told.clone());
        tracker.spawn(async move {
            if let Err(error) = database.note_refused_at_limit(&call).await {
                tracing::warn!(account.id = %call.account_id, %error, "a refusal at a limit could not be told");
                told.invalidate(&limit).await;
            }
        });
    }
}
