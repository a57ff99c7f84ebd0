//! The refusal at a limit: whose it is, how much, until when, where to upgrade.

use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::database::{LimitMeter, LimitPeriod, LimitScope, LimitSetter, LimitStanding, PurchasePages};

/// Nano-USD in a cent.
const NANO_USD_PER_CENT: i64 = 10_000_000;

/// A limit that does not allow the call.
#[derive(Debug, Clone)]
pub struct QuotaRefusal {
    /// `quota_exceeded`, `member_budget_reached`, `key_budget_reached`, `model_budget_reached` or `spend_cap_reached`.
    pub code: &'static str,
    /// The strictest limit, as SQL names it.
    pub limit: LimitStanding,
    /// What the call needs of it at least, in its unit.
    pub needed: Option<i64>,
    /// Seconds until the limit resets; none if it never does.
    pub retry_after_seconds: Option<u64>,
    /// Where the customer gets more.
    pub pages: PurchasePages,
}

/// The extension object `error.quota`; amounts are integers in `unit`.
#[derive(Debug, Serialize)]
pub struct QuotaStanding {
    limit: i64,
    used: i64,
    reserved: i64,
    remaining: i64,
    /// What this call needs at least.
    needed: Option<i64>,
    unit: &'static str,
    scope: &'static str,
    set_by: &'static str,
    period_start: Option<String>,
    period_end: Option<String>,
    upgrade_url: Option<String>,
    topup_url: Option<String>,
}

impl QuotaStanding {
    /// How `limit` stands for a call that needs so much of it; `pages` where more of it can be had.
    pub(super) fn of(limit: &LimitStanding, needed: Option<i64>, pages: &PurchasePages) -> Self {
        let page = |url: &Option<Arc<str>>| url.as_deref().map(str::to_owned);
        Self {
            limit: limit.granted,
            used: limit.used,
            reserved: limit.reserved,
            remaining: limit.remaining,
            needed,
            unit: unit(limit.meter),
            scope: limit.scope.as_str(),
            set_by: limit.set_by.as_str(),
            period_start: limit.period_start.and_then(rfc3339),
            period_end: limit.resets_at.and_then(rfc3339),
            upgrade_url: page(&pages.upgrade_url),
            topup_url: page(&pages.top_up_url),
        }
    }
}

impl QuotaRefusal {
    /// The numbers for programs.
    pub fn standing(&self) -> QuotaStanding {
        QuotaStanding::of(&self.limit, self.needed, &self.pages_that_help())
    }

    /// The same for people. The opening is OpenAI's own, which some clients look for.
    pub fn message(&self) -> String {
        let LimitStanding { granted, used, reserved, remaining, meter, .. } = self.limit;
        let reset = self.limit.resets_at.and_then(rfc3339).map_or_else(
            || "It does not reset.".to_owned(),
            |resets_at| format!("It resets at {resets_at}."),
        );
        let needs = self
            .needed
            .map_or_else(String::new, |needed| format!("it needs at least {}; ", amount(needed, meter)));
        format!(
            "You exceeded your current quota, please check your plan and billing details. {whose} {granted}{per} does \
             not leave enough for this call: {needs}{used} used, {reserved} held by calls in flight, {remaining} left. \
             {reset} {remedy}",
            whose = whose(self.limit.scope),
            granted = amount(granted, meter),
            per = per(self.limit.period),
            used = amount(used, meter),
            reserved = amount(reserved, meter),
            remaining = amount(remaining, meter),
            remedy = self.remedy(),
        )
    }

    /// Who can raise the limit, and what needs less of it.
    fn remedy(&self) -> String {
        let pages = self.pages_that_help();
        let page = pages.upgrade_url.as_deref().or(pages.top_up_url.as_deref());
        let raise = match (self.limit.set_by, self.limit.scope, page) {
            (LimitSetter::Plan, _, Some(url)) => format!("Get more at {url}."),
            (LimitSetter::Plan, LimitScope::Model, None) => "Another model may have more left.".to_owned(),
            (LimitSetter::Plan, _, None) => "A larger plan has more.".to_owned(),
            (LimitSetter::Budget, LimitScope::Account | LimitScope::Model, _) => {
                "It is the account's own budget, which its owner can raise.".to_owned()
            }
            (LimitSetter::Budget, LimitScope::Member, _) => {
                "An owner or admin of the account can raise it.".to_owned()
            }
            (LimitSetter::Budget, LimitScope::ApiKey, _) => {
                "An admin of the account can raise it, and whoever made the key can make one with a higher limit."
                    .to_owned()
            }
            (LimitSetter::Operator, _, _) => {
                "It was set for this account by whoever runs the service, who can raise it.".to_owned()
            }
        };
        match self.limit.meter {
            LimitMeter::Requests => raise,
            LimitMeter::Tokens | LimitMeter::Cost => format!("{raise} A shorter input needs less."),
        }
    }

    /// A larger plan raises a plan's limits, and a pack what the account may use in a month. Neither raises what the
    /// account or the operator set.
    fn pages_that_help(&self) -> PurchasePages {
        let LimitStanding { set_by, scope, period, .. } = self.limit;
        let is_plans = set_by == LimitSetter::Plan;
        let is_packs = is_plans && scope == LimitScope::Account && period == LimitPeriod::Month;
        PurchasePages {
            upgrade_url: self.pages.upgrade_url.clone().filter(|_| is_plans),
            top_up_url: self.pages.top_up_url.clone().filter(|_| is_packs),
        }
    }
}

/// RFC 3339 in UTC.
pub fn rfc3339(at: OffsetDateTime) -> Option<String> {
    let at = at.replace_nanosecond(0).ok()?;
    at.format(&Rfc3339).ok()
}

pub(super) fn whose(scope: LimitScope) -> &'static str {
    match scope {
        LimitScope::Account => "This account's limit of",
        LimitScope::Member => "Your limit as a team member of",
        LimitScope::ApiKey => "This API key's limit of",
        LimitScope::Model => "The limit for this model of",
    }
}

pub(super) fn per(period: LimitPeriod) -> &'static str {
    match period {
        LimitPeriod::Month => " a month",
        LimitPeriod::Day => " a day",
        LimitPeriod::Lifetime => " in all",
    }
}

fn unit(meter: LimitMeter) -> &'static str {
    match meter {
        LimitMeter::Tokens | LimitMeter::Requests => meter.as_str(),
        LimitMeter::Cost => "nano_usd",
    }
}

/// Money is cut to whole cents for reading; the exact figure is in the `quota` object.
pub(super) fn amount(value: i64, meter: LimitMeter) -> String {
    match meter {
        LimitMeter::Tokens | LimitMeter::Requests => format!("{value} {}", meter.as_str()),
        LimitMeter::Cost => {
            let cents = value / NANO_USD_PER_CENT;
            format!("${}.{:02}", cents / 100, cents % 100)
        }
    }
}
