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
    /// Where to say what pays.
    #[serde(default)]
    pub links: Links,
}

impl NewOwner {
    pub(super) fn say(&self, wording: &Wording<'_>) -> Result<Content, WordingError> {
        let effect = match &self.plan {
            Some(plan) => wording.say("new-owner-plan", &[("plan", &single_line(plan))])?,
            None => wording.text("new-owner-subscription")?,
        };
        Ok(Content {
            subject: wording.text("new-owner-subject")?,
            paragraphs: vec![wording.text("new-owner-lead")?, effect, wording.text("new-owner-ask")?],
            facts: Vec::new(),
            actions: link(wording, "new-owner-do", self.links.billing.as_deref())?.into_iter().collect(),
        })
    }
}
