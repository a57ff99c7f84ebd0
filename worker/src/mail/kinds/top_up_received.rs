//! A top-up was paid and granted.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, Links, Meter, fact, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// A top-up was paid and granted. Amounts are in the meter's unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TopUpReceived {
    /// What it adds to.
    pub meter: Meter,
    /// How much it adds.
    pub amount: i64,
    /// What it is sold as.
    pub pack_name: String,
    /// What was paid, in the currency's smallest unit; none when nobody paid.
    #[serde(default)]
    pub paid_minor: Option<i64>,
    /// ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// When what is left of it goes; none if never.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub expires_at: Option<OffsetDateTime>,
    /// What the account has left in all.
    pub remaining: i64,
    /// Where to see it.
    #[serde(default)]
    pub links: Links,
}

impl TopUpReceived {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let amount = wording.amount(self.meter, self.amount)?;
        let mut facts = vec![fact(wording, "top-up-received-pack", single_line(&self.pack_name))?];
        if let (Some(paid_minor), Some(currency)) = (self.paid_minor, &self.currency) {
            let money = wording.money(paid_minor, &single_line(currency))?;
            facts.push(fact(wording, "top-up-received-paid", money)?);
        }
        let expires = match self.expires_at {
            Some(at) => wording.instant(at)?,
            None => wording.text("top-up-received-expires-never")?,
        };
        facts.push(fact(wording, "top-up-received-expires", expires)?);
        let left = wording.amount(self.meter, self.remaining.max(0))?;
        facts.push(fact(wording, "top-up-received-left", left)?);
        Ok(Content {
            subject: wording.text("top-up-received-subject")?,
            paragraphs: vec![wording.say("top-up-received-lead", &[("amount", &amount)])?],
            facts,
            actions: link(wording, "top-up-received-do", self.links.billing.as_deref())?
                .into_iter()
                .collect(),
        })
    }
}
