//! Handing mails over, whichever way they leave.

use std::sync::Arc;

use super::delivery::{HandOverError, NotSent};
use super::file::Directory;
use super::message::Message;
use super::smtp::{Patience, Pool, SmtpOffer, SmtpServer, SmtpSetupError};
use crate::config::{MailBackend, MailConfig};

/// The way mails leave. Cloning shares its connections.
#[derive(Clone)]
pub struct Mailer(Backend);

#[derive(Clone)]
enum Backend {
    Smtp(Arc<Pool>),
    File(Directory),
}

/// A mail that would be taken. Dropped, it is not sent.
pub struct Offer(Offered);

enum Offered {
    Smtp(Box<SmtpOffer>),
    File { directory: Directory, message: Message },
}

impl Mailer {
    /// The configured way. Must be called within a runtime; connects to nothing yet.
    ///
    /// # Errors
    /// A [`SmtpSetupError`].
    pub fn new(config: &MailConfig, patience: Patience) -> Result<Self, SmtpSetupError> {
        Ok(Self(match &config.backend {
            MailBackend::Smtp(smtp) => {
                Backend::Smtp(Pool::new(SmtpServer::new(smtp, config.from.address.domain(), patience)?))
            }
            MailBackend::File { directory } => Backend::File(Directory::new(directory)),
        }))
    }

    /// Brings the other side to where it would take the mail.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn offer(&self, message: Message) -> Result<Offer, NotSent> {
        Ok(Offer(match &self.0 {
            Backend::Smtp(pool) => Offered::Smtp(Box::new(pool.offer(message).await?)),
            Backend::File(directory) => {
                directory.check().await?;
                Offered::File { directory: directory.clone(), message }
            }
        }))
    }

    /// Whether mails can leave, told to the operator: a server is connected to and signed in at, and no mail is sent.
    ///
    /// # Errors
    /// [`NotSent`], saying at which step it ends.
    pub async fn check(&self) -> Result<String, NotSent> {
        match &self.0 {
            Backend::Smtp(pool) => Ok(format!("the mail server at {} lets us in", pool.check().await?)),
            Backend::File(directory) => {
                directory.check().await?;
                Ok("mails can be written into OCTROI_MAIL_DIRECTORY".to_owned())
            }
        }
    }

    /// Ends what is kept open.
    pub async fn close(&self) {
        if let Backend::Smtp(pool) = &self.0 {
            pool.close().await;
        }
    }
}

impl Offer {
    /// Sends it.
    ///
    /// # Errors
    /// A [`HandOverError`]; only [`HandOverError::Unknown`] may have sent it all the same.
    pub async fn hand_over(self) -> Result<(), HandOverError> {
        match self.0 {
            Offered::Smtp(offer) => offer.hand_over().await,
            Offered::File { directory, message } => Ok(directory.write(&message).await?),
        }
    }
}
