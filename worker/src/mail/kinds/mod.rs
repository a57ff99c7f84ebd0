//! What mails are about: one file per kind, which says its letter in words.

mod auto_top_up_failed;
mod breach;
mod invitation;
mod new_owner;
mod news;
mod payment_failed;
mod subscription_ended;
mod threshold;
mod top_up_received;

use serde::Deserialize;

pub use auto_top_up_failed::AutoTopUpFailed;
pub use breach::{Breach, BreachNotice};
pub use invitation::{Invitation, InvitedRole};
pub use new_owner::{NewOwner, OwnerChange, PaymentDetails};
pub use news::News;
pub use payment_failed::PaymentFailed;
pub use subscription_ended::SubscriptionEnded;
pub use threshold::{AlertScope, Threshold};
pub use top_up_received::TopUpReceived;

use super::compose::ComposeError;
use super::letter::{Fact, Link};
use super::single_line::single_line;
use super::wording::{Wording, WordingError};

/// What a mail is about, as its row in `octroi_private.mail` spells it: `kind` and `data`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Kind {
    /// So much of a limit is used up.
    Threshold(Threshold),
    /// A payment of the subscription failed.
    PaymentFailed(PaymentFailed),
    /// The subscription ended.
    SubscriptionEnded(SubscriptionEnded),
    /// A top-up was paid and granted.
    TopUpReceived(TopUpReceived),
    /// A top-up that the account buys by itself was not bought.
    AutoTopUpFailed(AutoTopUpFailed),
    /// A team passed to whoever is written to.
    NewOwner(NewOwner),
    /// What is new.
    News(News),
    /// Personal data were breached.
    Breach(Breach),
    /// Somebody is asked to join a team.
    Invitation(Invitation),
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Tokens.
    Tokens,
    /// Calls.
    Requests,
    /// Money, in nano-USD.
    Cost,
}

impl Meter {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Cost => "cost",
        }
    }
}

/// Where the operator's customers do what a mail asks of them; none is configured at first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Links {
    /// Choosing a plan.
    pub upgrade: Option<String>,
    /// Buying a top-up.
    pub top_up: Option<String>,
    /// Invoices and means of payment.
    pub billing: Option<String>,
}

/// The part of a letter that depends on its kind.
pub(super) struct Content {
    pub subject: String,
    pub paragraphs: Vec<String>,
    pub facts: Vec<Fact>,
    pub actions: Vec<Link>,
}

impl Kind {
    /// Every kind this worker can write.
    pub const NAMES: [&'static str; 9] = [
        "threshold",
        "payment_failed",
        "subscription_ended",
        "top_up_received",
        "auto_top_up_failed",
        "news",
        "breach",
        "new_owner",
        "invitation",
    ];

    /// The kind in a row.
    ///
    /// # Errors
    /// [`ComposeError::UnknownKind`], or [`ComposeError::Data`] when the data do not fit it.
    pub fn read(kind: &str, data: serde_json::Value) -> Result<Self, ComposeError> {
        if !Self::NAMES.contains(&kind) {
            return Err(ComposeError::UnknownKind { kind: kind.to_owned() });
        }
        serde_json::from_value(serde_json::json!({ "kind": kind, "data": data }))
            .map_err(|_| ComposeError::Data { kind: kind.to_owned() })
    }

    /// The phrases that say why a mail of this kind comes, and how to stop it where that is possible.
    pub(super) fn reason_phrases(&self, is_contractual: bool) -> (&'static str, &'static str) {
        match self {
            Self::Invitation(_) => ("invitation-mail", "unsubscribe"),
            Self::News(_) => ("news-mail", "unsubscribe-news"),
            _ if is_contractual => ("service-mail", "unsubscribe"),
            _ => ("warning-mail", "unsubscribe"),
        }
    }

    /// Says it. `account` is the team's name; none for a personal account.
    pub(super) fn say(&self, wording: &Wording<'_>, account: Option<&str>) -> Result<Content, WordingError> {
        let account = account.map(single_line).filter(|name| !name.is_empty());
        let account = account.as_deref();
        let mut content = match self {
            Self::Threshold(about) => about.say(wording, account)?,
            Self::PaymentFailed(about) => about.say(wording)?,
            Self::SubscriptionEnded(about) => about.say(wording)?,
            Self::TopUpReceived(about) => about.say(wording)?,
            Self::AutoTopUpFailed(about) => about.say(wording)?,
            Self::NewOwner(about) => about.say(wording)?,
            Self::Invitation(about) => about.say(wording, account)?,
            Self::News(about) => about.say(wording)?,
            Self::Breach(about) => about.say(wording)?,
        };
        if let Some(account) = account {
            let variables = [("subject", content.subject.as_str()), ("account", account)];
            content.subject = wording.say("about-account", &variables)?;
        }
        Ok(content)
    }
}

fn fact(wording: &Wording<'_>, label: &str, value: String) -> Result<Fact, WordingError> {
    Ok(Fact { label: wording.text(label)?, value })
}

/// A link, if there is somewhere to go that a mail may point to.
fn link(wording: &Wording<'_>, label: &str, url: Option<&str>) -> Result<Option<Link>, WordingError> {
    let Some(url) = url.filter(|url| is_web_address(url)) else { return Ok(None) };
    Ok(Some(Link { label: wording.text(label)?, url: url.to_owned() }))
}

/// A mail points to the web and to nothing else, whatever its row says.
fn is_web_address(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}
