//! What the verbs must do, in plain Rust: no cache, no locks, no periods beyond arithmetic.
//!
//! It knows one account. Time is in hours since noon of the account's first day; no operation happens within half an
//! hour of a boundary, so that the running clock of the database cannot cross one unseen.

mod decide;
mod grants;
mod settle;

use std::collections::BTreeMap;

pub use decide::{Ask, Told};
pub use grants::Grant;
pub use settle::{Report, Settled};

/// What a limit bounds: scope, subject (a number of the test's own), meter, period.
pub type LimitKey = (&'static str, usize, &'static str, &'static str);

/// A limit as a rule states it: how much, and how much beyond is allowed.
pub type Amount = (i64, i64);

/// Prices of a model, micro-USD per million tokens: input, output.
pub const PRICES: [(&str, i64, i64); 2] =
    [("gpt-5.4-mini", 750_000, 4_500_000), ("gpt-5.4", 2_500_000, 15_000_000)];

/// Hours from the account's first noon to the end of its first month, which is February of a common year.
const HOURS_A_MONTH: i64 = 28 * 24;

/// What one limit counts in one period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Balance {
    /// By the plan, or by a budget where it says nothing.
    pub included: i64,
    /// What a budget caps all of it at.
    pub ceiling: Option<i64>,
    /// With grants, as of the last change of rules.
    pub allowed: i64,
    /// Beyond that.
    pub overage: i64,
    /// Charged.
    pub used: i64,
    /// Held.
    pub reserved: i64,
    /// Taken from grants.
    pub draws: i64,
}

impl Balance {
    /// An amount under the ceiling.
    pub fn capped(&self, amount: i64) -> i64 {
        self.ceiling.map_or(amount, |ceiling| amount.min(ceiling))
    }

    /// What is granted in all; a limit below what is used and held stands at that.
    pub fn granted(&self) -> i64 {
        self.allowed.max(self.used + self.reserved - self.overage) + self.overage
    }

    /// What is not used, whoever holds some of it.
    pub fn unused(&self) -> i64 {
        self.allowed + self.overage - self.used
    }

    /// What is left.
    pub fn room(&self) -> i64 {
        self.granted() - self.used - self.reserved
    }
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Held.
    Open,
    /// Charged.
    Settled,
    /// Did not happen.
    Released,
    /// Its time ran out.
    Expired,
}

/// A call that was granted.
#[derive(Clone, Debug)]
pub struct Request {
    /// What was asked.
    pub ask: Ask,
    /// Output allowed per choice.
    pub output_tokens: i64,
    /// Hour in which it began.
    pub started: i64,
    /// The plan in force then, by its place among the account's plans.
    pub plan: usize,
    /// How it stands.
    pub state: State,
    /// Limits that bound it, with the period's first hour and what it holds of each.
    pub holds: Vec<((LimitKey, i64), i64)>,
    /// What it was settled with.
    pub report: Option<Report>,
    /// What it was charged: tokens, cost, requests.
    pub charged: [i64; 3],
}

/// An account and everything that happened to it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Hours since its first noon.
    pub hour: i64,
    /// Limits of each plan it had, the running one last.
    pub plans: Vec<BTreeMap<LimitKey, Amount>>,
    /// Limits it set itself.
    pub budgets: BTreeMap<LimitKey, i64>,
    /// Quota on top, in the order it was granted.
    pub grants: Vec<Grant>,
    /// Every limit and period seen.
    pub balances: BTreeMap<(LimitKey, i64), Balance>,
    /// Every call granted, in order.
    pub requests: Vec<Request>,
    /// Limits for which a call waits that is decided in the same statement.
    awaited: Vec<LimitKey>,
}

impl Account {
    /// Limits in force: the plan's, and where it has none the budget's.
    pub fn limits(&self) -> BTreeMap<LimitKey, Amount> {
        let mut limits = self.plans.last().cloned().unwrap_or_default();
        for (key, amount) in &self.budgets {
            limits.entry(*key).or_insert((*amount, 0));
        }
        limits
    }

    /// The first hour of the period that runs now. Hour 0 is noon; days begin at midnight, months at noon.
    fn period_start(&self, period: &str) -> i64 {
        match period {
            "day" => (self.hour + 12).div_euclid(24) * 24 - 12,
            "month" => i64::from(self.hour >= HOURS_A_MONTH) * HOURS_A_MONTH,
            _ => 0,
        }
    }

    /// The hour in which a limit's running period ends.
    pub fn resets(&self, key: &LimitKey) -> i64 {
        match key.3 {
            "day" => self.period_start("day") + 24,
            "month" if self.hour < HOURS_A_MONTH => HOURS_A_MONTH,
            "month" => HOURS_A_MONTH + 31 * 24,
            _ => i64::MAX,
        }
    }

    /// Whether every call has ended, so that the set of limits may change without splitting a call's charge.
    pub fn is_quiet(&self) -> bool {
        self.requests.iter().all(|request| matches!(request.state, State::Settled | State::Released))
    }

    /// Brings the running balances in line with the rules; `fresh` limits count what was used before them.
    pub fn refresh(&mut self) {
        self.expire_grants();
        let limits = self.limits();
        for (key, (included, overage)) in limits {
            let start = self.period_start(key.3);
            let used = self.used_since(&key, start);
            let on_top =
                if key.0 == "account" && key.2 == "tokens" && key.3 == "month" { self.on_top() } else { 0 };
            let ceiling = self.budgets.get(&key).copied();
            let balance = self.balances.entry((key, start)).or_default();
            (balance.used, balance.included, balance.ceiling) = (used, included, ceiling);
            let amount = included + on_top + balance.draws;
            balance.allowed = balance.capped(amount);
            balance.overage = ceiling.map_or(overage, |ceiling| overage.min((ceiling - amount).max(0)));
        }
    }

    /// Everything charged to a limit's subject since an hour, whether the limit was there or not.
    fn used_since(&self, key: &LimitKey, start: i64) -> i64 {
        let meter = ["tokens", "cost", "requests"].iter().position(|meter| *meter == key.2).expect("a meter");
        let concerns = |request: &&Request| request.started >= start && request.ask.concerns(key);
        self.requests.iter().filter(concerns).map(|request| request.charged[meter]).sum()
    }

    /// The running balance of a limit in force.
    pub fn running(&self, key: &LimitKey) -> &Balance {
        &self.balances[&(*key, self.period_start(key.3))]
    }

    /// Expires what is open from an earlier hour.
    pub fn sweep(&mut self) {
        for index in 0..self.requests.len() {
            if self.requests[index].state == State::Open && self.requests[index].started < self.hour {
                self.give_back(index, State::Expired);
            }
        }
    }

    /// Ends a call without usage and returns its holds.
    pub fn give_back(&mut self, index: usize, state: State) {
        self.requests[index].state = state;
        for (at, amount) in self.requests[index].holds.clone() {
            self.balances.get_mut(&at).expect("a held balance").reserved -= amount;
        }
    }

    /// Releases a call; the outcome.
    pub fn release(&mut self, index: usize) -> &'static str {
        match self.requests[index].state {
            State::Open => {
                self.give_back(index, State::Released);
                "released"
            }
            State::Released => "replayed",
            State::Settled | State::Expired => "conflict",
        }
    }
}
