//! What a worker that sends mails has for it.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::compose::Composer;
use super::mailer::Mailer;
use super::phrasebook::PhraseError;
use super::smtp::{Patience, SmtpSetupError};
use crate::config::MailConfig;

/// Composing and handing over. Cloning shares the connections.
#[derive(Clone)]
pub struct Post {
    /// Makes messages.
    pub composer: Arc<Composer>,
    /// Hands them over.
    pub mailer: Mailer,
    /// The longest that one mail can take.
    pub longest: Duration,
}

/// Mail cannot be sent as configured.
#[derive(Debug, Error)]
pub enum PostError {
    /// A language's file of phrases is malformed.
    #[error(transparent)]
    Phrases(#[from] PhraseError),
    /// The mail server cannot be spoken to.
    #[error(transparent)]
    Smtp(#[from] SmtpSetupError),
}

impl Post {
    /// Prepares both. Must be called within a runtime; connects to nothing yet.
    ///
    /// # Errors
    /// A [`PostError`].
    pub fn new(config: &MailConfig) -> Result<Self, PostError> {
        let patience = Patience::default();
        Ok(Self {
            composer: Arc::new(Composer::new(config)?),
            mailer: Mailer::new(config, patience)?,
            longest: patience.longest(),
        })
    }
}
