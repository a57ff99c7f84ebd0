//! The plan: a queue of faults, from which each request takes the first that is meant for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Fault, FaultKind, FaultMatch};

/// Faults that can be planned at once.
const MAX_FAULTS: usize = 10_000;

/// What a request shows of itself to the plan.
#[derive(Clone, Copy, Debug)]
pub struct Target<'r> {
    /// The endpoint's name.
    pub endpoint: &'r str,
    /// The model, once the body is read.
    pub model: Option<&'r str>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// The raw body.
    pub body: &'r [u8],
}

/// The plan is full.
#[derive(Debug, thiserror::Error)]
#[error("no more than {MAX_FAULTS} faults can be planned")]
pub struct PlanFull;

/// Planned faults.
#[derive(Debug, Default)]
pub struct FaultPlan {
    faults: Mutex<VecDeque<Fault>>,
}

impl FaultPlan {
    fn faults(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds faults behind those already planned.
    pub fn add(&self, faults: impl IntoIterator<Item = Fault>) -> Result<(), PlanFull> {
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
    pub fn list(&self) -> Vec<Fault> {
        self.faults().iter().cloned().collect()
    }

    /// Plans nothing any more.
    pub fn clear(&self) {
        self.faults().clear();
    }

    /// Takes a `reset_before_body`, which must strike before the body and so can match the endpoint only.
    pub fn take_early(&self, endpoint: &str) -> Option<Fault> {
        let target = Target { endpoint, model: None, stream: false, body: b"" };
        self.take_where(&target, |fault| fault.kind == FaultKind::ResetBeforeBody)
    }

    /// Takes the fault for a request whose body is read.
    pub fn take(&self, target: &Target<'_>) -> Option<Fault> {
        self.take_where(target, |fault| fault.kind != FaultKind::ResetBeforeBody)
    }

    fn take_where(&self, target: &Target<'_>, suits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut faults = self.faults();
        let mut index = 0;
        while let Some(fault) = faults.get_mut(index) {
            index += 1;
            if !suits(fault) || !fault.matches.covers(target) {
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

impl FaultMatch {
    fn covers(&self, target: &Target<'_>) -> bool {
        let contains = |text: &String| {
            let text = text.as_bytes();
            text.is_empty() || target.body.windows(text.len()).any(|window| window == text)
        };
        self.endpoint.as_deref().is_none_or(|endpoint| endpoint == target.endpoint)
            && self.model.as_deref().is_none_or(|model| Some(model) == target.model)
            && self.stream.is_none_or(|stream| stream == target.stream)
            && self.body_contains.as_ref().is_none_or(contains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(model: &str) -> Target<'_> {
        Target { endpoint: "chat.completions", model: Some(model), stream: true, body: b"" }
    }

    #[test]
    fn each_request_takes_the_first_fault_meant_for_it() {
        let plan = FaultPlan::default();
        let only_mini = FaultMatch { model: Some("gpt-4o-mini".to_owned()), ..FaultMatch::default() };
        let planned =
            [Fault::from(FaultKind::NoDone).on(only_mini), Fault::from(FaultKind::NoUsage).times(2)];
        assert!(plan.add(planned).is_ok());
        let kind = |model| plan.take(&chat(model)).map(|fault| fault.kind);
        assert_eq!(kind("gpt-4o"), Some(FaultKind::NoUsage));
        assert_eq!(kind("gpt-4o-mini"), Some(FaultKind::NoDone));
        assert_eq!(kind("gpt-4o-mini"), Some(FaultKind::NoUsage));
        assert_eq!(kind("gpt-4o-mini"), None);
    }

    #[test]
    fn a_fault_can_wait_for_its_turn_and_stay_for_ever() {
        let plan = FaultPlan::default();
        assert!(plan.add([Fault::from(FaultKind::NullUsage).after(2).times(0)]).is_ok());
        let struck: Vec<bool> = (0..5).map(|_| plan.take(&chat("o3")).is_some()).collect();
        assert_eq!(struck, [false, false, true, true, true]);
    }
}
