//! A running stand-in in a test's own process.

use std::path::Path;
use std::sync::Arc;

use super::faults::Fault;
use super::listener::Listening;
use super::mailbox::{ReceivedMail, TooLate};
use super::{Sim, TlsMode};
use crate::http::ListenError;

/// A running stand-in. It stops when this is dropped.
pub struct Handle {
    sim: Arc<Sim>,
    listening: Listening,
}

impl Handle {
    pub(super) fn new(sim: Arc<Sim>, listening: Listening) -> Self {
        Self { sim, listening }
    }

    /// What a client takes as its URL, credentials included: `smtp://user:password@127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        let scheme = if self.sim.options.tls == TlsMode::Implicit { "smtps" } else { "smtp" };
        let credentials = self.sim.options.credentials.as_ref();
        let credentials =
            credentials.map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default();
        let plain = if self.sim.options.tls == TlsMode::None { "?tls=none" } else { "" };
        format!("{scheme}://{credentials}{}{plain}", self.listening.address())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.listening.address().port()
    }

    /// The certificate a client has to believe, PEM.
    pub fn authority(&self) -> &str {
        &self.sim.identity.authority
    }

    /// Writes that certificate to a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_authority(&self, file: &Path) -> std::io::Result<()> {
        std::fs::write(file, self.authority())
    }

    /// The mails accepted so far, oldest first.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.sim.mailbox.mails()
    }

    /// Waits until so many mails have been accepted.
    ///
    /// # Errors
    /// [`TooLate`] after 30 s.
    pub async fn mails_when(&self, count: usize) -> Result<Vec<ReceivedMail>, TooLate> {
        self.sim.mailbox.wait_for(count).await
    }

    /// Every command that came, without arguments that are secret, oldest first.
    pub fn commands(&self) -> Vec<String> {
        self.sim.mailbox.commands()
    }

    /// Forgets mails and commands.
    pub fn clear(&self) {
        self.sim.mailbox.clear();
    }

    /// Plans a fault behind those already planned.
    pub fn fault(&self, fault: Fault) {
        self.sim.plan.add(fault);
    }

    /// The faults still to come.
    pub fn faults_left(&self) -> Vec<Fault> {
        self.sim.plan.left()
    }

    /// Forgets the plan.
    pub fn clear_faults(&self) {
        self.sim.plan.clear();
    }

    /// Lets every stalled connection go on.
    pub fn release(&self) {
        self.sim.plan.release();
    }

    /// Cuts all connections and refuses new ones until [`Handle::come_back`].
    ///
    /// # Errors
    /// [`ListenError::Stopped`].
    pub async fn go_down(&self) -> Result<(), ListenError> {
        self.listening.close().await
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// A [`ListenError`].
    pub async fn come_back(&self) -> Result<(), ListenError> {
        self.listening.open().await
    }
}
