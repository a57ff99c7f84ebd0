//! A payment of the subscription failed.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, Links, fact, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// A payment of the subscription failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaymentFailed {
    /// What was to be paid, in the currency's smallest unit.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// When Stripe tries again; none if it gave up.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub next_attempt_at: Option<OffsetDateTime>,
    /// The plan's name; none when the account has left it meanwhile.
    #[serde(default)]
    pub plan: Option<String>,
    /// Where to see to it.
    #[serde(default)]
    pub links: Links,
}

impl PaymentFailed {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let money = wording.money(self.amount_minor, &single_line(&self.currency))?;
        let mut facts = vec![fact(wording, "payment-failed-amount", money.clone())?];
        let lead = match self.plan.as_deref().map(single_line) {
            Some(plan) => {
                let lead = wording.say("payment-failed-lead", &[("money", &money), ("plan", &plan)])?;
                facts.insert(0, fact(wording, "payment-failed-plan", plan)?);
                lead
            }
            None => wording.say("payment-failed-lead-bare", &[("money", &money)])?,
        };
        let next = match self.next_attempt_at {
            Some(at) => wording.say("payment-failed-next", &[("when", &wording.instant(at)?)])?,
            None => wording.text("payment-failed-last")?,
        };
        Ok(Content {
            subject: wording.text("payment-failed-subject")?,
            paragraphs: vec![lead, next, wording.text("payment-failed-effect")?],
            facts,
            actions: link(wording, "payment-failed-do", self.links.billing.as_deref())?.into_iter().collect(),
        })
    }
}
