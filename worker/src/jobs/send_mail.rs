//! Sends a mail that SQL has decided on.
//!
//! The row says `sending` from before the content goes out until its answer is recorded. Whatever stops the worker in
//! between leaves that, and SQL reads it as "may have been delivered": a warning is not sent again then, a contractual
//! mail is, as the same mail.

use std::time::Duration;

use uuid::Uuid;

use super::JobContext;
use crate::database::{ClaimedMail, Database, DatabaseError, MailOutcome, MailState};
use crate::mail::{ComposeError, Draft, HandOverError, Kind, Language, Message, NotSent, Post};
use crate::queue::{Failure, Outcome};

/// How often what became of a mail is tried to be recorded.
const MARK_TRIES: u32 = 20;
/// Pause between those tries, in seconds.
const MARK_PAUSE_SECONDS: u64 = 2;
/// Pause before a worker without mail looks again at one it claimed all the same, in seconds.
const NO_MAIL_SNOOZE_SECONDS: u64 = 60;

/// Runs the job.
pub(super) async fn run(mail_id: Uuid, context: &JobContext) -> Result<Outcome, Failure> {
    let Some(post) = &context.post else {
        return Ok(Outcome::Snooze(Duration::from_secs(NO_MAIL_SNOOZE_SECONDS)));
    };
    let Some(mail) = context.database.claim_mail(mail_id).await? else { return Ok(Outcome::Done) };
    let attempt = Attempt { database: &context.database, mail_id, number: mail.attempt };
    let message = match compose(post, mail) {
        Ok(message) => message,
        Err(error) => return attempt.not_composed(&error).await,
    };
    let offer = match post.mailer.offer(message).await {
        Ok(offer) => offer,
        Err(not_sent) => return attempt.not_sent(not_sent).await,
    };
    if !context.database.begin_mail(mail_id, attempt.number).await? {
        // Another attempt has it, or it is not to go any more; the next look tells.
        return Err(Failure::UnderWay);
    }
    match offer.hand_over().await {
        Ok(()) => {
            attempt.mark(MailOutcome::Sent, None).await?;
            Ok(Outcome::Done)
        }
        Err(HandOverError::NotSent(not_sent)) => attempt.not_sent(not_sent).await,
        Err(error @ HandOverError::Unknown { .. }) => {
            let problem = error.to_string();
            let state = attempt.mark(MailOutcome::Unknown, Some(&problem)).await?;
            Err(Failure::MailMayBeSent { problem, is_tried_again: state == MailState::Queued })
        }
    }
}

fn compose(post: &Post, mail: ClaimedMail) -> Result<Message, ComposeError> {
    post.composer.compose(&Draft {
        kind: Kind::read(&mail.kind, mail.data)?,
        address: mail.address,
        language: Language::from_tag(&mail.locale),
        time_zone: mail.time_zone,
        account_name: mail.account_name,
        dedupe_key: mail.dedupe_key,
        created_at: mail.created_at,
        is_contractual: mail.is_contractual,
        unsubscribe_token: mail.unsubscribe_token,
    })
}

/// An attempt that has claimed its mail.
struct Attempt<'a> {
    database: &'a Database,
    mail_id: Uuid,
    number: i32,
}

impl Attempt<'_> {
    /// Records that the mail cannot be made. One of a kind that only newer workers know waits for one of them.
    async fn not_composed(&self, error: &ComposeError) -> Result<Outcome, Failure> {
        let problem = error.to_string();
        let is_for_another = matches!(error, ComposeError::UnknownKind { .. });
        let outcome = if is_for_another { MailOutcome::Deferred } else { MailOutcome::Refused };
        self.mark(outcome, Some(&problem)).await?;
        Err(Failure::MailNotComposed { problem, is_for_another })
    }

    /// Records that the mail was not sent.
    async fn not_sent(&self, not_sent: NotSent) -> Result<Outcome, Failure> {
        let outcome = match &not_sent {
            NotSent::Refused { .. } | NotSent::NeedsSmtputf8 => MailOutcome::Refused,
            NotSent::Deferred { .. } | NotSent::Away { .. } | NotSent::Busy => MailOutcome::Deferred,
        };
        if let NotSent::Away { .. } = &not_sent {
            tracing::warn!(mail.id = %self.mail_id, problem = %not_sent, "mails cannot leave");
        }
        self.mark(outcome, Some(&not_sent.to_string())).await?;
        Err(Failure::MailNotSent(not_sent))
    }

    /// Records what became of the mail, through a short outage too: a mail that went out and is not known to have would
    /// be sent again if it is contractual.
    async fn mark(&self, outcome: MailOutcome, detail: Option<&str>) -> Result<MailState, DatabaseError> {
        let mut tries = 1;
        loop {
            match self.database.mark_mail(self.mail_id, self.number, outcome, detail).await {
                Err(error) if error.is_transient() && tries < MARK_TRIES => {
                    tracing::warn!(mail.id = %self.mail_id, %error, "the outcome of a mail is being written again");
                    tries += 1;
                    tokio::time::sleep(Duration::from_secs(MARK_PAUSE_SECONDS)).await;
                }
                result => return result,
            }
        }
    }
}
