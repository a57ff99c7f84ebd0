//! From a row of `octroi_private.mail` to a message: who, in which language, about what.

use lettre::message::Mailbox;
use thiserror::Error;
use time::OffsetDateTime;

use super::Language;
use super::address::{Address, AddressError};
use super::kinds::Kind;
use super::letter::{Letter, Link};
use super::message::{Envelope, Message, message};
use super::phrasebook::{PhraseError, Phrasebook};
use super::wording::{Wording, WordingError};
use crate::config::MailConfig;

/// Longest token of an unsubscribe link, in bytes.
const TOKEN_BYTES_MAX: usize = 200;

/// A mail as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// Who gets it.
    pub address: String,
    /// In which language.
    pub language: Language,
    /// The reader's time zone, an IANA name; UTC when none.
    pub time_zone: Option<String>,
    /// The team it is about; none for a personal account.
    pub account_name: Option<String>,
    /// What makes this mail one and the same, however often it is sent.
    pub dedupe_key: String,
    /// When it was decided on.
    pub created_at: OffsetDateTime,
    /// Whether it is part of the contract, so that nobody can unsubscribe from it.
    pub is_contractual: bool,
    /// The reader's token to unsubscribe with; every mail that is not contractual has one.
    pub unsubscribe_token: Option<String>,
}

/// A mail cannot be made. Trying again is useless, except for a kind that a newer worker knows.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// A newer schema has kinds that this worker cannot write.
    #[error("this worker knows no mail of kind {kind}")]
    UnknownKind {
        /// The row's kind.
        kind: String,
    },
    /// Its row is not what its kind asks for.
    #[error("its data are not what a mail of kind {kind} asks for")]
    Data {
        /// The row's kind.
        kind: String,
    },
    /// There is nobody to send it to.
    #[error("it cannot be addressed: {0}")]
    Address(#[from] AddressError),
    /// It could not be unsubscribed from, although it must be.
    #[error("it is not contractual and has no usable unsubscribe token")]
    Unsubscribe,
    /// It cannot be put into words.
    #[error("it cannot be put into words: {0}")]
    Wording(#[from] WordingError),
    /// Its template failed.
    #[error("its template failed: {0}")]
    Template(#[from] askama::Error),
    /// Its headers cannot be built.
    #[error("its headers cannot be built: {0}")]
    Headers(#[from] lettre::error::Error),
}

/// Makes messages.
pub struct Composer {
    phrases: Phrasebook,
    from: Mailbox,
    from_address: Address,
    public_url: String,
}

impl Composer {
    /// Writes as the configured sender.
    ///
    /// # Errors
    /// [`PhraseError`] when a language's file is malformed.
    pub fn new(config: &MailConfig) -> Result<Self, PhraseError> {
        Ok(Self {
            phrases: Phrasebook::new()?,
            from: config.from.mailbox(),
            from_address: config.from.address.clone(),
            public_url: config.public_url.clone(),
        })
    }

    /// Makes the message of a draft.
    ///
    /// # Errors
    /// A [`ComposeError`].
    pub fn compose(&self, draft: &Draft) -> Result<Message, ComposeError> {
        let to = draft.address.parse()?;
        let wording = Wording::new(&self.phrases, draft.language, draft.time_zone.as_deref())?;
        let letter = self.letter(draft, &wording)?;
        let envelope = Envelope {
            from: &self.from,
            from_address: &self.from_address,
            to,
            dedupe_key: &draft.dedupe_key,
            created_at: draft.created_at,
        };
        message(&letter, envelope)
    }

    fn letter(&self, draft: &Draft, wording: &Wording<'_>) -> Result<Letter, ComposeError> {
        let content = draft.kind.say(wording, draft.account_name.as_deref())?;
        let service = self.from.name.clone().unwrap_or_else(|| self.from_address.domain().to_owned());
        let (reason, stop) = draft.kind.reason_phrases(draft.is_contractual);
        let unsubscribe = match draft.is_contractual {
            true => None,
            false => Some(Link { label: wording.text(stop)?, url: self.unsubscribe_url(draft)? }),
        };
        Ok(Letter {
            language: wording.language(),
            subject: content.subject,
            paragraphs: content.paragraphs,
            facts: content.facts,
            actions: content.actions,
            colon: wording.text("colon")?,
            reason: wording.say(reason, &[("service", &service)])?,
            unsubscribe,
            service,
        })
    }

    fn unsubscribe_url(&self, draft: &Draft) -> Result<String, ComposeError> {
        let token = draft.unsubscribe_token.as_deref().unwrap_or_default();
        let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !plain {
            return Err(ComposeError::Unsubscribe);
        }
        Ok(format!("{}/unsubscribe/{token}", self.public_url))
    }
}
