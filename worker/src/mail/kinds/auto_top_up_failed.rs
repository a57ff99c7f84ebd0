//! A top-up that the account buys by itself could not be paid.

use serde::Deserialize;

use super::{Content, Links, Meter, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// A top-up that the account buys by itself could not be paid.
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
    /// Stripe's code, such as `card_declined`.
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
        let actions = [
            link(wording, "auto-top-up-failed-check", self.links.billing.as_deref())?,
            link(wording, "top-up", self.links.top_up.as_deref())?,
        ];
        Ok(Content {
            subject: wording.text("auto-top-up-failed-subject")?,
            paragraphs: vec![
                wording.say("auto-top-up-failed-lead", &[("amount", &amount), ("money", &money)])?,
                wording.say("auto-top-up-failed-reason", &[("reason", reason)])?,
                wording.text("auto-top-up-failed-do")?,
            ],
            facts: Vec::new(),
            actions: actions.into_iter().flatten().collect(),
        })
    }
}
