//! Quota on top of the plan.

use super::{Account, LimitKey, Request};

/// A grant.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// 0 rollover, 1 promo, 2 top-up: the order of drawing.
    pub kind: usize,
    /// Tokens.
    pub amount: i64,
    /// Tokens taken.
    pub drawn: i64,
    /// The hour in which it ends.
    pub expires: i64,
    /// Whether it has ended.
    pub ended: bool,
}

impl Account {
    /// What is left of the grants that run.
    pub(super) fn on_top(&self) -> i64 {
        self.grants.iter().filter(|grant| !grant.ended).map(|grant| grant.amount - grant.drawn).sum()
    }

    pub(super) fn expire_grants(&mut self) {
        for grant in &mut self.grants {
            grant.ended |= grant.expires <= self.hour;
        }
    }

    /// Draws what a call of `charged` tokens used beyond the plan's own amount, from what was not over when it began.
    /// What was drawn before is used up beyond the plan already; a plan left while the call ran is the one it was
    /// allowed by.
    pub(super) fn draw(&mut self, at: (LimitKey, i64), request: usize, charged: i64) {
        let Request { started, plan, .. } = self.requests[request];
        let left_plan = if plan + 1 < self.plans.len() { self.plans[plan].get(&at.0) } else { None };
        let balance = self.balances.get_mut(&at).expect("a charged balance");
        let included = left_plan.map_or(0, |(amount, _)| *amount).max(balance.included);
        let mut left = charged.min(balance.used - balance.draws - included).max(0);
        let mut order: Vec<usize> =
            (0..self.grants.len()).filter(|index| self.grants[*index].expires > started).collect();
        order.sort_by_key(|index| (self.grants[*index].kind, self.grants[*index].expires, *index));
        for index in order {
            let grant = &mut self.grants[index];
            let taken = left.min(grant.amount - grant.drawn);
            grant.drawn += taken;
            balance.draws += taken;
            if grant.ended {
                balance.allowed = balance.capped(balance.allowed + taken);
            }
            left -= taken;
        }
    }
}
