//! A top-up that the account buys by itself was not bought.

use serde::Deserialize;

use super::{Content, Links, Meter, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// The reason of a purchase that the account's own monthly limit forbade: nothing failed, and it stays on.
const MONTHLY_CAP: &str = "monthly_cap";

/// A top-up that the account buys by itself was not bought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AutoTopUpFailed {
    /// What was to be paid, in the currency's smallest unit.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// What it would have added to.
    pub meter: Meter,
    /// How much it would have added, in the meter's unit.
    pub amount: i64,
    /// `monthly_cap`, or why it failed, such as Stripe's `card_declined`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where to see to it.
    #[serde(default)]
    pub links: Links,
}

impl AutoTopUpFailed {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let amount = wording.amount(self.meter, self.amount)?;
        let money = wording.money(self.amount_minor, &single_line(&self.currency))?;
        let reason = self.reason.as_deref().unwrap_or("other");
        let variables = [("amount", amount.as_str()), ("money", &money)];
        let actions = [
            link(wording, "auto-top-up-failed-check", self.links.billing.as_deref())?,
            link(wording, "top-up", self.links.top_up.as_deref())?,
        ];
        let (subject, paragraphs) = if reason == MONTHLY_CAP {
            let lead = wording.say("auto-top-up-cap-lead", &variables)?;
            ("auto-top-up-cap-subject", vec![lead, wording.text("auto-top-up-cap-do")?])
        } else {
            let lead = wording.say("auto-top-up-failed-lead", &variables)?;
            let why = wording.say("auto-top-up-failed-reason", &[("reason", reason)])?;
            ("auto-top-up-failed-subject", vec![lead, why, wording.text("auto-top-up-failed-off")?])
        };
        Ok(Content {
            subject: wording.text(subject)?,
            paragraphs,
            facts: Vec::new(),
            actions: actions.into_iter().flatten().collect(),
        })
    }
}
