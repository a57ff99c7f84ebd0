//! Which planned fault a request takes.

use super::{Fault, FaultKind, FaultMatch, FaultPlan};

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

/// Takes a `reset_before_body`, which must strike before the body and so can match the endpoint only.
pub fn take_early(plan: &FaultPlan, endpoint: &str) -> Option<Fault> {
    let target = Target { endpoint, model: None, stream: false, body: b"" };
    plan.take(|fault| fault.kind == FaultKind::ResetBeforeBody && fault.matches.covers(&target))
}

/// Takes the fault for a request whose body is read.
pub fn take(plan: &FaultPlan, target: &Target<'_>) -> Option<Fault> {
    plan.take(|fault| fault.kind != FaultKind::ResetBeforeBody && fault.matches.covers(target))
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
