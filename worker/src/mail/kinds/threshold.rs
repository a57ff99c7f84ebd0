//! So much of a limit is used up.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, Links, Meter, fact, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// So much of a limit is used up. Amounts are in the meter's unit: tokens, calls or nano-USD.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Threshold {
    /// The threshold crossed, in percent.
    pub threshold: i64,
    /// Whose limit.
    pub scope: AlertScope,
    /// What it counts.
    pub meter: Meter,
    /// What is used of it.
    pub used: i64,
    /// How much it is, top-ups included.
    pub granted: i64,
    /// What is left of it.
    pub remaining: i64,
    /// When it begins anew; none if never.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub resets_at: Option<OffsetDateTime>,
    /// When it will be used up at the present rate; none if not before it resets.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub runs_out_at: Option<OffsetDateTime>,
    /// Whether the present rate is known: it takes a day of use.
    #[serde(default = "yes")]
    pub rate_known: bool,
    /// The plan's name.
    #[serde(default)]
    pub plan: Option<String>,
    /// Whether use beyond the limit is billed instead of refused.
    #[serde(default)]
    pub overage_on: bool,
    /// Where to get more.
    #[serde(default)]
    pub links: Links,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertScope {
    /// The account's own.
    Account,
    /// What a team allows one of its members.
    Member,
}

impl Threshold {
    pub(super) fn say(&self, wording: &Wording<'_>, account: Option<&str>) -> Result<Content, WordingError> {
        let used = wording.amount(self.meter, self.used)?;
        let granted = wording.amount(self.meter, self.granted)?;
        let percent = wording.percent(self.threshold)?;
        let subject = [("meter", self.meter.as_str()), ("percent", percent.as_str())];
        let opening = match (self.scope, account) {
            (AlertScope::Member, Some(_)) => "threshold-member",
            (AlertScope::Member, None) => "threshold-own",
            (AlertScope::Account, Some(_)) => "threshold-team",
            (AlertScope::Account, None) => "threshold-account",
        };
        let variables =
            [("used", used.as_str()), ("granted", &granted), ("account", account.unwrap_or_default())];
        let mut paragraphs = vec![wording.say(opening, &variables)?];
        if self.threshold >= 100 {
            paragraphs.push(wording.text(self.effect())?);
        }
        let mut facts = Vec::new();
        if let Some(plan) = &self.plan {
            facts.push(fact(wording, "threshold-plan", single_line(plan))?);
        }
        facts.push(fact(wording, "threshold-used", used)?);
        facts.push(fact(wording, "threshold-left", wording.amount(self.meter, self.remaining.max(0))?)?);
        let reset = match self.resets_at {
            Some(at) => wording.instant(at)?,
            None => wording.text("threshold-reset-never")?,
        };
        facts.push(fact(wording, "threshold-reset", reset)?);
        facts.push(fact(wording, "threshold-forecast", self.forecast(wording)?)?);
        let actions = [
            link(wording, "upgrade", self.links.upgrade.as_deref())?,
            link(wording, "top-up", self.links.top_up.as_deref())?,
        ];
        Ok(Content {
            subject: wording.say("threshold-subject", &subject)?,
            paragraphs,
            facts,
            actions: actions.into_iter().flatten().collect(),
        })
    }

    /// What happens beyond the limit.
    fn effect(&self) -> &'static str {
        match (self.scope, self.overage_on) {
            (AlertScope::Member, _) => "threshold-member-reached",
            (AlertScope::Account, true) => "threshold-overage",
            (AlertScope::Account, false) => "threshold-reached",
        }
    }

    fn forecast(&self, wording: &Wording<'_>) -> Result<String, WordingError> {
        match (self.remaining, self.runs_out_at, self.resets_at) {
            (..=0, _, _) => wording.text("threshold-is-out"),
            _ if !self.rate_known => wording.text("threshold-too-early"),
            (_, Some(at), _) => wording.say("threshold-runs-out", &[("when", &wording.instant(at)?)]),
            (_, None, Some(_)) => wording.text("threshold-lasts"),
            (_, None, None) => wording.text("threshold-lasts-on"),
        }
    }
}

/// Mails that were written before the rate could be unknown say nothing of it.
fn yes() -> bool {
    true
}
