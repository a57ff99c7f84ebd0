//! How long each part of the dialogue may take.

use std::time::Duration;

/// Time limits. RFC 5321 §4.5.3.2 has minutes for most; the server asked is the operator's own relay, which answers at
/// once, and a job waits here with one of few connections.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one of the connections we allow ourselves.
    pub place: Duration,
    /// One attempt at one address of the server.
    pub connect: Duration,
    /// Connecting, TLS, EHLO and AUTH together.
    pub open: Duration,
    /// The answer to a command.
    pub answer: Duration,
    /// The answer to the content. Giving up here leaves it unknown whether the mail was taken, so this is RFC 5321's own
    /// limit (§4.5.3.2.6).
    pub taken: Duration,
    /// The answer to QUIT, which changes nothing any more.
    pub quit: Duration,
    /// How long a connection is kept open for the next mail.
    pub idle: Duration,
    /// How long nobody tries again after connecting failed: a queue of mails must not hammer a server that is away.
    pub after_failure: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            place: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            open: Duration::from_secs(60),
            answer: Duration::from_secs(60),
            taken: Duration::from_secs(600),
            quit: Duration::from_secs(2),
            idle: Duration::from_secs(30),
            after_failure: Duration::from_secs(2),
        }
    }
}

impl Patience {
    /// The longest that sending one mail can take with these limits.
    pub fn longest(&self) -> Duration {
        // A kept connection that turns out dead is tried before a new one.
        self.place + self.answer * 2 + self.open + self.answer * 3 + self.taken + self.quit
    }
}
