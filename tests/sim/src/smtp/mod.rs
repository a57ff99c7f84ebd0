//! The mail server: a strict SMTP server over TLS that keeps what it accepts, and fails on command at any verb.
//!
//! It takes what RFC 5321 lets a client send and nothing else: commands in order, lines ended by CRLF, no bare CR or LF in
//! a mail, nothing before TLS and AUTH if it asks for them.

mod certificate;
mod command;
mod content;
mod dialogue;
mod envelope;
mod faults;
mod handle;
mod line;
mod listener;
mod mailbox;
mod transport;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

pub use certificate::CertificateError;
pub use command::SmtpArgs;
pub use faults::{Fault, FaultKind, Verb};
pub use handle::Handle;
pub use mailbox::{ReceivedMail, TooLate};

use crate::http::ListenError;
use certificate::Identity;
use faults::Plan;
use mailbox::Mailbox;

/// How a stand-in starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How connections are protected.
    pub tls: TlsMode,
    /// User name and password it insists on; without them it asks nobody who they are.
    pub credentials: Option<(String, String)>,
    /// Whether it takes addresses that are not ASCII.
    pub smtputf8: bool,
    /// Where accepted mails are also written to, one `.eml` each.
    pub directory: Option<PathBuf>,
}

/// How connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, without which it takes no mail.
    StartTls,
    /// None: STARTTLS is not offered.
    None,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: TlsMode::StartTls,
            credentials: None,
            smtputf8: true,
            directory: None,
        }
    }
}

/// Why a stand-in could not start.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSimError {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No certificate could be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate could not be written where it was asked for.
    #[error("cannot write the certificate: {0}")]
    CaFile(std::io::Error),
}

/// What every connection shares.
struct Sim {
    options: Options,
    identity: Identity,
    plan: Plan,
    mailbox: Mailbox,
}

/// Starts a stand-in on the current runtime. It answers once this returns.
///
/// # Errors
/// A [`SmtpSimError`].
pub async fn spawn(options: Options) -> Result<Handle, SmtpSimError> {
    let identity = Identity::new()?;
    let mailbox = Mailbox::new(options.directory.clone());
    let address = options.listen;
    let sim = Arc::new(Sim { options, identity, plan: Plan::default(), mailbox });
    let listening = listener::listen(address, Arc::clone(&sim)).await?;
    Ok(Handle::new(sim, listening))
}
