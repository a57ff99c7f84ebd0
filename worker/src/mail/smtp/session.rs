//! The dialogue about one mail, command by command.

use std::time::{Duration, Instant};

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use super::patience::Patience;
use super::reply::problem;
use crate::mail::delivery::{HandOverError, NotSent, Problem, Step};
use crate::mail::message::Message;

/// Mails sent over one connection; many relays end it at a hundred.
const MAILS_MAX: u32 = 50;

/// A connection that is encrypted and signed in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    patience: Patience,
    mails: u32,
    used_at: Instant,
}

impl Session {
    pub(super) fn new(connection: AsyncSmtpConnection, patience: Patience) -> Self {
        Self { connection, patience, mails: 0, used_at: Instant::now() }
    }

    /// Whether the next mail may go over it.
    pub(super) fn is_fresh(&self) -> bool {
        self.mails < MAILS_MAX && self.used_at.elapsed() < self.patience.idle
    }

    /// MAIL and RCPT: whether the server would take the mail.
    pub(super) async fn address(&mut self, message: &Message) -> Result<(), NotSent> {
        self.mails += 1;
        let mut parameters = Vec::new();
        if message.to.needs_smtputf8() {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(NotSent::NeedsSmtputf8);
            }
            parameters.push(MailParameter::SmtpUtfEight);
            // RFC 6531 §3.1: a server with SMTPUTF8 has 8BITMIME; the address stands in a header as it is.
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mail = Mail::new(Some(message.from.as_lettre().clone()), parameters);
        let answer = within(self.patience.answer, self.connection.command(mail)).await;
        // It is about the operator's own address: every mail would fail alike, and none may be lost over it.
        answer.map_err(|problem| NotSent::Away { step: Step::Mail, problem })?;
        let rcpt = Rcpt::new(message.to.as_lettre().clone(), Vec::new());
        let answer = within(self.patience.answer, self.connection.command(rcpt)).await;
        answer.map_err(|problem| judged(Step::Rcpt, problem))?;
        Ok(())
    }

    /// DATA, the content, the dot.
    pub(super) async fn hand_over(&mut self, message: &Message) -> Result<(), HandOverError> {
        let answer = within(self.patience.answer, self.connection.command(Data)).await;
        answer.map_err(|problem| judged(Step::Data, problem))?;
        let answer = within(self.patience.taken, self.connection.message(&message.bytes)).await;
        self.used_at = Instant::now();
        match answer {
            Ok(_) => Ok(()),
            // Its answer to the dot is what counts (RFC 5321 §4.1.1.4); 421 means that it did not take it.
            Err(problem @ Problem::Reply(_)) => Err(judged(Step::Content, problem).into()),
            // The dot may have arrived although its answer did not.
            Err(problem) => Err(HandOverError::Unknown { problem }),
        }
    }

    /// Forgets the mail that was being addressed; false when the connection is of no more use.
    pub(super) async fn reset(&mut self) -> bool {
        within(self.patience.answer, self.connection.command(Rset)).await.is_ok()
    }

    /// Ends it in order, if the server answers.
    pub(super) async fn quit(mut self) {
        // Whatever it answers, the mails are sent.
        let _ = within(self.patience.quit, self.connection.quit()).await;
    }
}

async fn within<T>(
    limit: Duration,
    command: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, Problem> {
    match timeout(limit, command).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(problem(&error)),
        Err(_) => Err(Problem::TimedOut),
    }
}

/// What the end of a command means for this mail.
fn judged(step: Step, problem: Problem) -> NotSent {
    match problem {
        Problem::Reply(reply) if reply.closes() => NotSent::Away { step, problem: Problem::Reply(reply) },
        Problem::Reply(reply) if reply.is_permanent() => NotSent::Refused { step, reply },
        Problem::Reply(reply) => NotSent::Deferred { step, reply },
        problem => NotSent::Away { step, problem },
    }
}
