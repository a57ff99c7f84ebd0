//! Mail, for tests: a mail server with a worker that uses it, mails of every kind, and what becomes of them.

mod letters;
mod on_stage;
mod post_office;

use std::time::Duration;

use octroi_worker::mail::{HandOverError, Mailer, Message, NotSent, Patience};

pub use letters::{contractual, draft, kinds, message, news, read, threshold, warning};
pub use post_office::{CREDENTIALS, PostOffice, process, worker};

/// Where the gateway is said to be.
pub const PUBLIC_URL: &str = "https://api.acme.example";

/// Limits that a test can wait for.
pub fn impatience() -> Patience {
    let soon = Duration::from_millis(300);
    Patience {
        place: soon,
        connect: soon,
        open: Duration::from_millis(900),
        answer: soon,
        taken: soon,
        quit: soon,
        after_failure: Duration::ZERO,
        ..Patience::default()
    }
}

/// Sends a mail as a job does: offer, then hand over.
///
/// # Errors
/// A [`HandOverError`].
pub async fn send(mailer: &Mailer, message: Message) -> Result<(), HandOverError> {
    mailer.offer(message).await?.hand_over().await
}

/// What a [`NotSent`] says when nothing else happened.
pub fn not_sent(sent: Result<(), HandOverError>) -> NotSent {
    match sent {
        Err(HandOverError::NotSent(not_sent)) => not_sent,
        other => panic!("surely not sent was expected: {other:?}"),
    }
}
