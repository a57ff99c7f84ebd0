//! Mail: composing it in the reader's language, and handing it over.
//!
//! A mail is a row first ([`crate::jobs`] claims it). [`Composer`] turns the row into a [`Message`]; a [`Mailer`] hands
//! the message over in two steps, because what may be repeated differs between them:
//!
//! 1. [`Mailer::offer`] brings the other side to where it would take the mail: connection, TLS, `AUTH`, `MAIL`, `RCPT`.
//!    Whatever fails here, the mail was not sent.
//! 2. [`Offer::hand_over`] sends it: `DATA`, the content, the final dot. When the connection is lost after that, nobody
//!    knows whether it was taken ([`HandOverError::Unknown`]).
//!
//! Between the two the job records that the mail is about to go. So a crash, or an answer that never comes, leaves a row
//! that says so, and SQL decides by its kind: a warning is not sent again (nobody is warned twice of one threshold), a
//! contractual mail is, under the same Message-ID and with the same bytes.

mod address;
mod compose;
mod currency;
mod delivery;
#[cfg(test)]
mod examples;
mod file;
mod kinds;
mod language;
mod letter;
mod mailer;
mod message;
mod phrasebook;
mod post;
mod sender;
mod single_line;
mod smtp;
mod wording;

pub use address::{Address, AddressError};
pub use compose::{ComposeError, Composer, Draft};
pub use delivery::{HandOverError, NotSent, Problem, Reply, Step};
pub use kinds::{
    AlertScope, AutoTopUpFailed, Breach, BreachNotice, Invitation, InvitedRole, Kind, Links, Meter, NewOwner,
    OwnerChange, PaymentDetails, PaymentFailed, SubscriptionEnded, Threshold, TopUpReceived,
};
pub use language::Language;
pub use mailer::{Mailer, Offer};
pub use message::Message;
pub use phrasebook::{PhraseError, Phrasebook};
pub use post::{Post, PostError};
pub use sender::{Sender, SenderError};
pub use smtp::{Patience, SmtpSetupError};
pub use wording::WordingError;
