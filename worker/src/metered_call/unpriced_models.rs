//! Models that were asked for and have no price, counted here and told to the database now and then: the operator reads
//! of them in `octroi doctor`. Names come from clients, so nothing of this grows with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;

use crate::database::Database;

/// Names kept between two tellings, and told at once; SQL takes no more. What comes beyond is not counted.
const MAX_NAMES: usize = 100;
/// Longest name that is counted, bytes.
const MAX_NAME_BYTES: usize = 64;
/// Shortest time between two tellings, seconds. What was counted in the last of them before a shutdown is lost.
const TELL_EVERY_SECONDS: u64 = 10;

/// The counters of one worker.
pub(super) struct UnpricedModels {
    database: Database,
    counters: Arc<Mutex<Counters>>,
}

#[derive(Debug, Default)]
struct Counters {
    asked: HashMap<String, i64>,
    told_at: Option<Instant>,
}

impl Counters {
    /// Counts one more, and takes everything out when it is time to tell.
    fn count(&mut self, model: &str, now: Instant) -> Option<HashMap<String, i64>> {
        if let Some(count) = self.asked.get_mut(model) {
            *count = count.saturating_add(1);
        } else if model.len() <= MAX_NAME_BYTES && self.asked.len() < MAX_NAMES {
            self.asked.insert(model.to_owned(), 1);
        }
        let pause = Duration::from_secs(TELL_EVERY_SECONDS);
        let is_due = self.told_at.is_none_or(|told_at| now.duration_since(told_at) >= pause);
        (is_due && !self.asked.is_empty()).then(|| {
            self.told_at = Some(now);
            std::mem::take(&mut self.asked)
        })
    }
}

impl UnpricedModels {
    /// Nothing was asked for yet.
    pub fn new(database: Database) -> Self {
        Self { database, counters: Arc::default() }
    }

    /// Counts a call for `model`, and tells in a task of its own when it is time to.
    pub fn count(&self, model: &str, tracker: &TaskTracker) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asked) = counters.count(model, Instant::now()) else { return };
        drop(counters);
        let database = self.database.clone();
        tracker.spawn(async move {
            if let Err(error) = database.count_unpriced_models(&asked).await {
                tracing::warn!(%error, "models without a price that were asked for could not be told");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_what_follows_together() {
        let (mut counters, start) = (Counters::default(), Instant::now());
        let first = counters.count("gpt-99", start).expect("it is time");
        assert_eq!(first, HashMap::from([("gpt-99".to_owned(), 1)]));
        assert_eq!(counters.count("gpt-99", start + Duration::from_secs(1)), None);
        let told = counters.count("gpt-98", start + Duration::from_secs(TELL_EVERY_SECONDS));
        assert_eq!(told, Some(HashMap::from([("gpt-99".to_owned(), 1), ("gpt-98".to_owned(), 1)])));
    }

    #[test]
    fn whoever_makes_up_names_fills_no_memory() {
        let (mut counters, start) = (Counters::default(), Instant::now());
        counters.count("gpt-99", start);
        for number in 0..10_000 {
            assert_eq!(counters.count(&format!("made-up-{number}"), start), None);
        }
        assert_eq!(counters.count(&"x".repeat(MAX_NAME_BYTES + 1), start), None);
        assert_eq!(counters.asked.len(), MAX_NAMES);
    }
}
