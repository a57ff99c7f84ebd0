//! A team passed to somebody, who pays for it from now on.

use serde::Deserialize;

use super::{Content, Links, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// A team passed to whoever is written to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewOwner {
    /// The plan that is paid for; none when it cannot be named, which is said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub plan: Option<String>,
    /// How it came about.
    #[serde(default)]
    pub cause: OwnerChange,
    /// What becomes of the means of payment.
    #[serde(default)]
    pub payment: PaymentDetails,
    /// Where to say what pays.
    #[serde(default)]
    pub links: Links,
}

/// Why a team has another owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerChange {
    /// The former one was erased.
    #[default]
    Erased,
    /// The former one handed it over.
    Transferred,
}

/// What becomes of what a team was paid with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDetails {
    /// The former owner's, and taken off.
    #[default]
    Removed,
    /// Left as it is.
    Kept,
    /// Nobody pays for the team.
    None,
}

impl NewOwner {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let lead = match self.cause {
            OwnerChange::Erased => "new-owner-lead",
            OwnerChange::Transferred => "new-owner-transferred",
        };
        let mut paragraphs = vec![wording.text(lead)?];
        let plan = self.plan.as_deref().map(single_line);
        match (self.payment, &plan) {
            (PaymentDetails::Removed, Some(plan)) => {
                paragraphs.push(wording.say("new-owner-plan", &[("plan", plan)])?);
            }
            (PaymentDetails::Removed, None) => paragraphs.push(wording.text("new-owner-subscription")?),
            (PaymentDetails::Kept, _) => paragraphs.push(wording.text("new-owner-kept")?),
            (PaymentDetails::None, _) => paragraphs.push(wording.text("new-owner-unpaid")?),
        }
        if self.payment == PaymentDetails::Removed {
            paragraphs.push(wording.text("new-owner-ask")?);
        }
        let label = match self.payment {
            PaymentDetails::Removed => "new-owner-do",
            PaymentDetails::Kept | PaymentDetails::None => "new-owner-see",
        };
        Ok(Content {
            subject: wording.text("new-owner-subject")?,
            paragraphs,
            facts: Vec::new(),
            actions: link(wording, label, self.links.billing.as_deref())?.into_iter().collect(),
        })
    }
}
