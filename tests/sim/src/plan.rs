//! The plan of what will go wrong: a queue from which each request or delivery takes the first fault
//! that is meant for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Faults that can be planned at once.
const MAX_FAULTS: usize = 10_000;

/// One planned fault of kind `K`, for what `M` matches.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault<M: Default, K> {
    /// What it is for.
    #[serde(default, rename = "match")]
    pub matches: M,
    /// How many that match pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many that match it strikes; 0 is all of them until the plan is cleared.
    #[serde(default = "once")]
    pub times: u32,
    /// What goes wrong.
    pub kind: K,
    /// What else goes wrong at the same time.
    #[serde(default = "Vec::new")]
    pub and: Vec<K>,
}

const fn once() -> u32 {
    1
}

impl<M: Default, K> From<K> for Fault<M, K> {
    fn from(kind: K) -> Self {
        Self { matches: M::default(), after: 0, times: 1, kind, and: Vec::new() }
    }
}

impl<M: Default, K> Fault<M, K> {
    /// Strikes `times` that match; 0 is all of them.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Lets `after` that match pass first.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// Only strikes what `matches` says.
    #[must_use]
    pub fn on(self, matches: M) -> Self {
        Self { matches, ..self }
    }

    /// Goes wrong in one more way at the same time.
    #[must_use]
    pub fn and(mut self, kind: K) -> Self {
        self.and.push(kind);
        self
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.kind).chain(&self.and)
    }
}

/// The plan is full.
#[derive(Debug, thiserror::Error)]
#[error("no more than {MAX_FAULTS} faults can be planned")]
pub struct PlanFull;

/// Planned faults.
#[derive(Debug)]
pub struct Plan<M: Default, K> {
    faults: Mutex<VecDeque<Fault<M, K>>>,
}

impl<M: Default, K> Default for Plan<M, K> {
    fn default() -> Self {
        Self { faults: Mutex::new(VecDeque::new()) }
    }
}

impl<M: Default + Clone, K: Clone> Plan<M, K> {
    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault<M, K>>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds faults behind those already planned.
    pub fn add(&self, faults: impl IntoIterator<Item = Fault<M, K>>) -> Result<(), PlanFull> {
        let mut planned = self.faults();
        for fault in faults {
            if planned.len() >= MAX_FAULTS {
                return Err(PlanFull);
            }
            planned.push_back(fault);
        }
        Ok(())
    }

    /// What is still planned.
    pub fn list(&self) -> Vec<Fault<M, K>> {
        self.faults().iter().cloned().collect()
    }

    /// Plans nothing any more.
    pub fn clear(&self) {
        self.faults().clear();
    }

    /// Takes the first fault that `suits`.
    pub(crate) fn take(&self, suits: impl Fn(&Fault<M, K>) -> bool) -> Option<Fault<M, K>> {
        let mut faults = self.faults();
        let mut index = 0;
        while let Some(fault) = faults.get_mut(index) {
            index += 1;
            if !suits(fault) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            return match fault.times {
                0 => Some(fault.clone()),
                1 => faults.remove(index - 1),
                _ => {
                    fault.times -= 1;
                    Some(fault.clone())
                }
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_taker_gets_the_first_fault_meant_for_it() {
        let plan = Plan::<Option<u8>, &str>::default();
        assert!(plan.add([Fault::from("mini").on(Some(7)), Fault::from("any").times(2)]).is_ok());
        let kind = |for_whom: u8| {
            let suits = |fault: &Fault<Option<u8>, _>| fault.matches.is_none_or(|only| only == for_whom);
            plan.take(suits).map(|fault| fault.kind)
        };
        assert_eq!(kind(1), Some("any"));
        assert_eq!(kind(7), Some("mini"));
        assert_eq!(kind(7), Some("any"));
        assert_eq!(kind(7), None);
    }

    #[test]
    fn a_fault_can_wait_for_its_turn_and_stay_for_ever() {
        let plan = Plan::<(), &str>::default();
        assert!(plan.add([Fault::from("late").after(2).times(0)]).is_ok());
        let struck: Vec<bool> = (0..5).map(|_| plan.take(|_| true).is_some()).collect();
        assert_eq!(struck, [false, false, true, true, true]);
    }
}
