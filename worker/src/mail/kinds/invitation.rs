//! Somebody is asked to join a team.

use serde::Deserialize;
use time::OffsetDateTime;

use super::{Content, fact, link};
use crate::mail::single_line::single_line;
use crate::mail::wording::{Wording, WordingError};

/// Somebody is asked to join a team, by whoever looks after it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Invitation {
    /// As what.
    pub role: InvitedRole,
    /// The address of who invites; none when it cannot be opened.
    #[serde(default)]
    pub inviter: Option<String>,
    /// Where to answer; whoever has it is taken for whom the mail went to.
    pub url: String,
    /// When the link ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// What an invitation makes of who accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitedRole {
    /// Calls, and sees their own usage.
    Member,
    /// Looks after the team as well.
    Admin,
}

impl InvitedRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl Invitation {
    pub(super) fn say(&self, wording: &Wording<'_>, account: Option<&str>) -> Result<Content, WordingError> {
        let team = account.unwrap_or_default();
        let lead = match self.inviter.as_deref().map(single_line) {
            Some(inviter) => wording.say("invitation-lead", &[("inviter", &inviter), ("account", team)])?,
            None => wording.say("invitation-lead-bare", &[("account", team)])?,
        };
        let role = wording.say("invitation-role", &[("role", self.role.as_str())])?;
        let until = fact(wording, "invitation-until", wording.instant(self.expires_at)?)?;
        Ok(Content {
            subject: wording.text("invitation-subject")?,
            paragraphs: vec![lead, role, wording.text("invitation-sign-in")?],
            facts: vec![until],
            actions: link(wording, "invitation-do", Some(&self.url))?.into_iter().collect(),
        })
    }
}

/// The link stays out of logs, and so does the address.
impl std::fmt::Debug for Invitation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Invitation")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
