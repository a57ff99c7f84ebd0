//! The subscription ended.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, Links, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// The subscription ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubscriptionEnded {
    /// Which plan it was for.
    pub plan: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub ended_at: OffsetDateTime,
    /// The plan the account is on now; none if it has none.
    #[serde(default)]
    pub plan_now: Option<String>,
    /// Where to subscribe again.
    #[serde(default)]
    pub links: Links,
}

impl SubscriptionEnded {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let (plan, when) = (single_line(&self.plan), wording.instant(self.ended_at)?);
        let now = match &self.plan_now {
            Some(plan) => wording.say("subscription-ended-fallback", &[("plan", &single_line(plan))])?,
            None => wording.text("subscription-ended-nothing")?,
        };
        Ok(Content {
            subject: wording.text("subscription-ended-subject")?,
            paragraphs: vec![
                wording.say("subscription-ended-lead", &[("plan", &plan), ("when", &when)])?,
                now,
                wording.text("subscription-ended-top-ups")?,
            ],
            facts: Vec::new(),
            actions: link(wording, "subscription-ended-do", self.links.upgrade.as_deref())?
                .into_iter()
                .collect(),
        })
    }
}
