//! What was accepted, and every command that came.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// The longest a test waits for a mail.
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// Commands kept; older ones are forgotten.
const COMMANDS_MAX: usize = 10_000;

/// A mail that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Who it is from, by its envelope.
    pub from: String,
    /// Who it is for, by its envelope.
    pub to: Vec<String>,
    /// The mail as it came, without the dots that transparency added.
    pub bytes: Vec<u8>,
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// Who had signed in.
    pub user: Option<String>,
    /// Whether its envelope asked for SMTPUTF8.
    pub smtputf8: bool,
    /// Which connection it came on, from 1.
    pub connection: u64,
}

impl ReceivedMail {
    /// The value of a header, unfolded; nothing when there is none.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("{found} mails came within {limit:?}, not {wanted}")]
pub struct TooLate {
    found: usize,
    wanted: usize,
    limit: Duration,
}

pub(super) struct Mailbox {
    mails: Mutex<Vec<ReceivedMail>>,
    commands: Mutex<Vec<String>>,
    count: watch::Sender<usize>,
    directory: Option<PathBuf>,
}

impl Mailbox {
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        Self { mails: Mutex::default(), commands: Mutex::default(), count: watch::Sender::new(0), directory }
    }

    /// Keeps a mail, durably if there is a directory. An error is told to the client, who has to try again.
    pub(super) fn keep(&self, mail: ReceivedMail) -> std::io::Result<()> {
        let mut mails = locked(&self.mails);
        if let Some(directory) = &self.directory {
            let name = format!("{:06}", mails.len() + 1);
            let partial = directory.join(format!(".{name}.partial"));
            std::fs::write(&partial, &mail.bytes)?;
            std::fs::rename(&partial, directory.join(format!("{name}.eml")))?;
        }
        mails.push(mail);
        self.count.send_replace(mails.len());
        Ok(())
    }

    pub(super) fn mails(&self) -> Vec<ReceivedMail> {
        locked(&self.mails).clone()
    }

    pub(super) fn note(&self, command: &str) {
        let mut commands = locked(&self.commands);
        if commands.len() == COMMANDS_MAX {
            commands.remove(0);
        }
        commands.push(command.to_owned());
    }

    pub(super) fn commands(&self) -> Vec<String> {
        locked(&self.commands).clone()
    }

    pub(super) fn clear(&self) {
        locked(&self.mails).clear();
        locked(&self.commands).clear();
        self.count.send_replace(0);
    }

    pub(super) async fn wait_for(&self, wanted: usize) -> Result<Vec<ReceivedMail>, TooLate> {
        let mut count = self.count.subscribe();
        let came = tokio::time::timeout(WAIT_LIMIT, count.wait_for(|found| *found >= wanted)).await;
        let mails = self.mails();
        match came {
            Ok(_) => Ok(mails),
            Err(_) => Err(TooLate { found: mails.len(), wanted, limit: WAIT_LIMIT }),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
