//! The refusal where only calls under way hold what a call needs: it fits, soon.

use std::time::Duration;

use super::quota::{QuotaStanding, amount, per, whose};
use crate::database::{HeldBack, LimitMeter, PurchasePages};

/// A call for which no room came free while it waited.
#[derive(Debug, Clone)]
pub struct QuotaHeld {
    /// The limit, and what the call needs of it.
    pub held: HeldBack,
    /// Calls that hold something of it; none if they could not be counted.
    pub held_calls: Option<u64>,
    /// How long the call waited.
    pub waited: Duration,
    /// When room is to be expected, seconds.
    pub retry_after_seconds: u64,
}

impl QuotaHeld {
    /// The numbers for programs. More quota is not what is missing, so no page is named.
    pub fn standing(&self) -> QuotaStanding {
        QuotaStanding::of(&self.held.standing, Some(self.held.needed), &PurchasePages::default())
    }

    /// The same for people.
    pub fn message(&self) -> String {
        let limit = &self.held.standing;
        let holders = match self.held_calls {
            Some(1) => "1 call, which gives back what it does not use".to_owned(),
            Some(calls) => format!("{calls} calls, which give back what they do not use"),
            None => "calls, which give back what they do not use".to_owned(),
        };
        let waited = match self.waited.as_secs() {
            0 => String::new(),
            seconds => format!(" It waited {seconds} s for room."),
        };
        format!(
            "{whose} {granted}{per} has room for this call, but not beside the calls under way: it needs {needed}; \
             {used} used, {reserved} held by {holders}.{waited} Try again in {retry} s.{remedy}",
            whose = whose(limit.scope),
            granted = amount(limit.granted, limit.meter),
            per = per(limit.period),
            needed = amount(self.held.needed, limit.meter),
            used = amount(limit.used, limit.meter),
            reserved = amount(limit.reserved, limit.meter),
            retry = self.retry_after_seconds,
            remedy = match limit.meter {
                LimitMeter::Requests => "",
                LimitMeter::Tokens | LimitMeter::Cost =>
                    " A call that asks for fewer output tokens holds less.",
            },
        )
    }
}
