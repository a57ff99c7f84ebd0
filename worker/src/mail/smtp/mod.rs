//! The mail server: connecting, the dialogue, and the connections kept open between mails.
//!
//! lettre speaks SMTP here, one command at a time: its own transport hides at which command a mail failed, and so whether
//! it may have been sent.

mod connect;
mod line_reader;
mod patience;
mod pool;
mod reply;
mod session;

pub(super) use connect::SmtpServer;
pub use connect::SmtpSetupError;
pub use patience::Patience;
pub(super) use pool::{Pool, SmtpOffer};
