//! Calls that were refused, counted here and told to the database every few seconds, so that whoever helps a customer can
//! say why: a flood of refused calls must not become a flood of statements.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::{Database, RefusedCallCount};
use crate::gateway::GatewayError;
use crate::metered_call::Caller;
use crate::openai::Endpoint;

/// Counters kept between two tellings, one for each account and code; what comes beyond is not told.
const MAX_COUNTERS: usize = 4096;
/// Pause between two tellings, seconds.
const TELL_SECONDS: u64 = 10;
/// Longest model name kept, bytes; a longer one is none.
const MAX_MODEL_BYTES: usize = 100;

/// Which call was refused, as far as is known besides why.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'r> {
    /// Who called.
    pub caller: Caller,
    /// What was called.
    pub endpoint: Endpoint,
    /// What the client was answered.
    pub error: &'r GatewayError,
    /// The model asked for, where it is known.
    pub model: Option<&'r str>,
}

type Counters = HashMap<(uuid::Uuid, &'static str), RefusedCallCount>;

/// The counters of one worker. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct RefusedCalls {
    counters: Arc<Mutex<Counters>>,
}

impl RefusedCalls {
    /// Counts a refused call of somebody who is known.
    pub fn count(&self, refused: Refused<'_>) {
        let Refused { caller, endpoint, error, model } = refused;
        let limit = match error {
            GatewayError::Quota(refusal) => Some(refusal.limit.clone()),
            GatewayError::QuotaHeld(refusal) => Some(refusal.held.standing.clone()),
            _ => None,
        };
        self.add(RefusedCallCount {
            account_id: caller.account_id,
            api_key_id: caller.api_key_id,
            code: error.code(),
            status: error.status().as_u16(),
            endpoint: endpoint.as_str(),
            model: model.filter(|model| model.len() <= MAX_MODEL_BYTES).map(str::to_owned),
            limit,
            refusals: 1,
        });
    }

    /// The newest call stands for those before it.
    fn add(&self, mut call: RefusedCallCount) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (call.account_id, call.code);
        match counters.get(&key) {
            Some(known) => call.refusals = call.refusals.saturating_add(known.refusals),
            None if counters.len() >= MAX_COUNTERS => return,
            None => {}
        }
        counters.insert(key, call);
    }

    fn take(&self) -> Vec<RefusedCallCount> {
        let counters = std::mem::take(&mut *self.counters.lock().unwrap_or_else(PoisonError::into_inner));
        counters.into_values().collect()
    }

    /// Tells the database what was counted until `stop`; what is counted after that is for [`Self::tell`].
    pub async fn tell_until(&self, database: &Database, stop: CancellationToken) {
        let pause = Duration::from_secs(TELL_SECONDS);
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            self.tell(database).await;
        }
    }

    /// Tells the database what was counted since it was last told.
    pub async fn tell(&self, database: &Database) {
        let taken = self.take();
        if taken.is_empty() {
            return;
        }
        if let Err(error) = database.count_refused_calls(&taken).await {
            tracing::warn!(%error, "refused calls could not be told and are kept");
            for call in taken {
                self.put_back(call);
            }
        }
    }

    /// What was counted meanwhile is newer.
    fn put_back(&self, call: RefusedCallCount) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (call.account_id, call.code);
        if let Some(newer) = counters.get_mut(&key) {
            newer.refusals = newer.refusals.saturating_add(call.refusals);
        } else if counters.len() < MAX_COUNTERS {
            counters.insert(key, call);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn caller(account: u128) -> Caller {
        Caller { api_key_id: None, account_id: Uuid::from_u128(account), user_id: Uuid::from_u128(9) }
    }

    fn refuse(refused: &RefusedCalls, account: u128, model: Option<&str>) {
        let error = model
            .map_or(GatewayError::Busy, |model| GatewayError::ModelNotAllowed { model: model.to_owned() });
        let caller = caller(account);
        refused.count(Refused { caller, endpoint: Endpoint::Responses, error: &error, model });
    }

    #[test]
    fn refused_calls_are_counted_by_account_and_code_and_the_last_one_stands_for_them() {
        let refused = RefusedCalls::default();
        for model in ["first", "last"] {
            refuse(&refused, 1, Some(model));
        }
        refuse(&refused, 1, None);
        refuse(&refused, 2, None);
        let mut taken = refused.take();
        taken.sort_by_key(|call| (call.account_id, call.code));
        let told: Vec<_> =
            taken.iter().map(|call| (call.code, call.refusals, call.status, call.model.as_deref())).collect();
        let busy = ("server_busy", 1, 503, None);
        assert_eq!(told, [("model_not_allowed", 2, 403, Some("last")), busy, busy]);
        assert!(refused.take().is_empty(), "what was taken is not told twice");
    }

    #[test]
    fn what_could_not_be_told_is_added_to_what_came_meanwhile() {
        let refused = RefusedCalls::default();
        refuse(&refused, 1, Some("older"));
        let taken = refused.take();
        refuse(&refused, 1, Some("newer"));
        taken.into_iter().for_each(|call| refused.put_back(call));
        let told = refused.take();
        assert_eq!((told.len(), told[0].refusals, told[0].model.as_deref()), (1, 2, Some("newer")));
    }

    #[test]
    fn refusals_of_ever_new_accounts_fill_a_bounded_memory() {
        let refused = RefusedCalls::default();
        for account in 0..(MAX_COUNTERS as u128 + 500) {
            refuse(&refused, account, None);
        }
        assert_eq!(refused.take().len(), MAX_COUNTERS);
    }
}
