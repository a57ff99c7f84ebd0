//! Which calls of a batch one statement can decide.

use std::collections::HashSet;

use pgrx::Uuid;
use pgrx::prelude::*;

/// First and last call, counted from one, of each stretch in which no id and no idempotency key stands twice: a call
/// that repeats another must see what became of it.
pub fn segments(
    request_ids: &Array<'_, Uuid>,
    account_ids: &Array<'_, Uuid>,
    idempotency_keys: &Array<'_, &str>,
) -> Vec<(i32, i32)> {
    let mut segments = vec![(1, 0)];
    let mut ids = HashSet::new();
    let mut keys = HashSet::new();
    for ((id, account), key) in request_ids.iter().zip(account_ids.iter()).zip(idempotency_keys.iter()) {
        let key = key.map(|key| (account, key.to_owned()));
        if ids.contains(&id) || key.as_ref().is_some_and(|key| keys.contains(key)) {
            let next = segments.last().map_or(1, |(_, last)| last + 1);
            segments.push((next, next - 1));
            ids.clear();
            keys.clear();
        }
        ids.insert(id);
        keys.extend(key);
        if let Some(segment) = segments.last_mut() {
            segment.1 += 1;
        }
    }
    segments
}
