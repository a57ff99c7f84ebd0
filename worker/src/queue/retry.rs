//! Every way a job can fail, and the one `match` that decides what follows.

use std::time::Duration;

use thiserror::Error;

use super::Outcome;
use crate::database::DatabaseError;
use crate::mail::NotSent;
use crate::stripe::StripeError;

/// Shortest pause before a retry, in seconds; it doubles with each attempt.
const BACKOFF_SECONDS_FIRST: u64 = 2;
/// Longest pause before a retry, in seconds.
const BACKOFF_SECONDS_MAX: u64 = 900;
/// Pause while the database or the upstream is away, or the operator's own quota is used up, in seconds.
const OUTAGE_SNOOZE_SECONDS: u64 = 15;
/// Longest pause an upstream can ask for, in seconds.
const ASKED_SNOOZE_SECONDS_MAX: u64 = 3600;
/// Pause before looking again at a call that another attempt has under way, in seconds.
const UNDER_WAY_SNOOZE_SECONDS: u64 = 30;

/// Pause while Stripe has no time for a call and does not say for how long, in seconds.
const STRIPE_BUSY_SNOOZE_SECONDS: u64 = 5;
/// Pause while Stripe does not take the operator's key, in seconds.
const STRIPE_DENIED_SNOOZE_SECONDS: u64 = 60;
/// Pause while the mail server is away or does not let us in, in seconds: mails wait, and all of them ask again.
const MAIL_SNOOZE_SECONDS: u64 = 60;
/// Pause while every connection to the mail server is busy, in seconds.
const MAIL_BUSY_SNOOZE_SECONDS: u64 = 5;

/// Why an attempt of a job failed. The text goes into the job's row: no content of requests, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The database is away.
    #[error("the database was not available")]
    DatabaseAway,
    /// The database refused a verb's arguments.
    #[error("the database refused the call, SQLSTATE {sqlstate}")]
    DatabaseRefused {
        /// The server's five characters.
        sqlstate: String,
    },
    /// The upstream did not take the call, or the operator's own account is used up.
    #[error("the upstream did not take the call")]
    UpstreamAway {
        /// What its `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The call fits its limits, but not beside what other calls hold.
    #[error("other calls hold what the call needs")]
    HeldBack {
        /// When room is to be expected.
        retry_after: Duration,
    },
    /// Another attempt has the same call under way.
    #[error("the call is under way in another attempt")]
    UnderWay,
    /// A call to Stripe failed.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// This worker is not configured for the job.
    #[error("this worker is not configured for the job")]
    NotConfigured,
    /// A mail cannot be made of its row.
    #[error("the mail cannot be made: {problem}")]
    MailNotComposed {
        /// Why; nothing of the mail itself.
        problem: String,
        /// Whether a newer worker can.
        is_for_another: bool,
    },
    /// A mail was not sent, surely.
    #[error("the mail was not sent: {0}")]
    MailNotSent(NotSent),
    /// A mail went out and no answer came.
    #[error("{problem}")]
    MailMayBeSent {
        /// Why no answer came.
        problem: String,
        /// Whether SQL has it sent again.
        is_tried_again: bool,
    },
    /// The row's arguments do not fit its kind.
    #[error("the arguments do not fit the kind")]
    BadArguments,
    /// The job ran longer than its kind may.
    #[error("the job ran into its time limit")]
    TimedOut,
    /// The job's code panicked.
    #[error("the job panicked")]
    Panicked,
}

/// What follows from a failure.
pub fn decide(failure: &Failure) -> Outcome {
    match failure {
        Failure::DatabaseAway => Outcome::Snooze(Duration::from_secs(OUTAGE_SNOOZE_SECONDS)),
        Failure::UpstreamAway { retry_after } => Outcome::Snooze(
            retry_after
                .unwrap_or(Duration::from_secs(OUTAGE_SNOOZE_SECONDS))
                .clamp(Duration::from_secs(1), Duration::from_secs(ASKED_SNOOZE_SECONDS_MAX)),
        ),
        Failure::HeldBack { retry_after } => Outcome::Snooze(*retry_after),
        Failure::UnderWay => Outcome::Snooze(Duration::from_secs(UNDER_WAY_SNOOZE_SECONDS)),
        Failure::Stripe(error) => decide_on_stripe(error),
        Failure::NotConfigured => Outcome::Snooze(Duration::from_secs(OUTAGE_SNOOZE_SECONDS)),
        Failure::MailNotSent(NotSent::Away { .. }) => {
            Outcome::Snooze(Duration::from_secs(MAIL_SNOOZE_SECONDS))
        }
        Failure::MailNotSent(NotSent::Busy) => Outcome::Snooze(Duration::from_secs(MAIL_BUSY_SNOOZE_SECONDS)),
        Failure::TimedOut
        | Failure::Panicked
        | Failure::MailNotComposed { is_for_another: true, .. }
        | Failure::MailNotSent(NotSent::Deferred { .. })
        | Failure::MailMayBeSent { is_tried_again: true, .. } => Outcome::Retry,
        Failure::DatabaseRefused { .. }
        | Failure::BadArguments
        | Failure::MailNotComposed { is_for_another: false, .. }
        | Failure::MailNotSent(NotSent::Refused { .. } | NotSent::NeedsSmtputf8)
        | Failure::MailMayBeSent { is_tried_again: false, .. } => Outcome::Cancel(failure.to_string()),
    }
}

/// What was surely not done waits without burning attempts; what is in doubt is asked again under the same key, and is
/// given up some day.
fn decide_on_stripe(error: &StripeError) -> Outcome {
    let snooze = |seconds| Outcome::Snooze(Duration::from_secs(seconds));
    match error {
        StripeError::Busy { retry_after: Some(asked), .. } => Outcome::Snooze(
            (*asked).clamp(Duration::from_secs(1), Duration::from_secs(ASKED_SNOOZE_SECONDS_MAX)),
        ),
        StripeError::Busy { retry_after: None, .. } => snooze(STRIPE_BUSY_SNOOZE_SECONDS),
        StripeError::Unreachable => snooze(OUTAGE_SNOOZE_SECONDS),
        StripeError::Denied { .. } => snooze(STRIPE_DENIED_SNOOZE_SECONDS),
        StripeError::ServerError { .. } | StripeError::OutcomeUnknown { .. } | StripeError::Unreadable(_) => {
            Outcome::Retry
        }
        StripeError::Refused { .. } | StripeError::Unnamed | StripeError::NoKey => {
            Outcome::Cancel(error.to_string())
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error.sqlstate() {
            Some(sqlstate) if !error.is_transient() => {
                Self::DatabaseRefused { sqlstate: sqlstate.to_owned() }
            }
            _ => Self::DatabaseAway,
        }
    }
}

/// How long to wait after a failed `attempt` (from 1). `spread` is any number peculiar to the job: jobs that failed
/// together must not come back together.
pub fn backoff(attempt: i32, spread: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    let seconds = (BACKOFF_SECONDS_FIRST << doublings).min(BACKOFF_SECONDS_MAX);
    let quarter = (seconds / 4).max(1);
    // A multiplicative hash: neighbouring job ids land far apart.
    let extra = (spread.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % (quarter + 1);
    Duration::from_secs(seconds + extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Problem, Reply, Step};

    #[test]
    fn an_outage_burns_no_attempt() {
        assert_eq!(decide(&Failure::DatabaseAway), Outcome::Snooze(Duration::from_secs(15)));
        assert_eq!(
            decide(&Failure::UpstreamAway { retry_after: None }),
            Outcome::Snooze(Duration::from_secs(15))
        );
        let held_back = Failure::HeldBack { retry_after: Duration::from_secs(3) };
        assert_eq!(decide(&held_back), Outcome::Snooze(Duration::from_secs(3)));
        assert_eq!(decide(&Failure::UnderWay), Outcome::Snooze(Duration::from_secs(30)));
    }

    #[test]
    fn an_upstream_is_believed_about_its_pause_but_only_so_far() {
        let after =
            |seconds| decide(&Failure::UpstreamAway { retry_after: Some(Duration::from_secs(seconds)) });
        assert_eq!(after(40), Outcome::Snooze(Duration::from_secs(40)));
        assert_eq!(after(0), Outcome::Snooze(Duration::from_secs(1)));
        assert_eq!(after(u64::MAX), Outcome::Snooze(Duration::from_secs(3600)));
    }

    #[test]
    fn only_what_is_in_doubt_at_stripe_burns_attempts() {
        let of_stripe = |error| decide(&Failure::Stripe(error));
        for error in [
            StripeError::Busy { status: 429, retry_after: None },
            StripeError::Unreachable,
            StripeError::Denied { status: 401, code: "api_key_expired".into() },
        ] {
            assert!(matches!(of_stripe(error), Outcome::Snooze(_)));
        }
        assert_eq!(of_stripe(StripeError::ServerError { status: 500 }), Outcome::Retry);
        assert_eq!(of_stripe(StripeError::OutcomeUnknown { stage: "the connection broke" }), Outcome::Retry);
        assert!(matches!(of_stripe(StripeError::Unnamed), Outcome::Cancel(_)));
    }

    #[test]
    fn what_cannot_succeed_is_cancelled_and_a_poison_job_burns_its_attempts() {
        assert!(matches!(decide(&Failure::BadArguments), Outcome::Cancel(_)));
        assert!(matches!(decide(&Failure::DatabaseRefused { sqlstate: "OC001".into() }), Outcome::Cancel(_)));
        assert_eq!(decide(&Failure::Panicked), Outcome::Retry);
        assert_eq!(decide(&Failure::TimedOut), Outcome::Retry);
    }

    #[test]
    fn a_mail_waits_for_its_server_is_tried_again_when_deferred_and_given_up_when_refused() {
        let reply = || Reply { code: 0, enhanced: None };
        let away = NotSent::Away { step: Step::Auth, problem: Problem::Reply(reply()) };
        assert_eq!(decide(&Failure::MailNotSent(away)), Outcome::Snooze(Duration::from_secs(60)));
        assert_eq!(decide(&Failure::MailNotSent(NotSent::Busy)), Outcome::Snooze(Duration::from_secs(5)));
        let deferred = NotSent::Deferred { step: Step::Rcpt, reply: reply() };
        assert_eq!(decide(&Failure::MailNotSent(deferred)), Outcome::Retry);
        for refused in [NotSent::Refused { step: Step::Rcpt, reply: reply() }, NotSent::NeedsSmtputf8] {
            assert!(matches!(decide(&Failure::MailNotSent(refused)), Outcome::Cancel(_)));
        }
        let not_composed =
            |is_for_another| decide(&Failure::MailNotComposed { problem: "odd".into(), is_for_another });
        assert_eq!(not_composed(true), Outcome::Retry);
        assert!(matches!(not_composed(false), Outcome::Cancel(_)));
        let may_be_sent =
            |is_tried_again| decide(&Failure::MailMayBeSent { problem: "lost".into(), is_tried_again });
        assert_eq!(may_be_sent(true), Outcome::Retry);
        assert_eq!(may_be_sent(false), Outcome::Cancel("lost".into()));
    }

    #[test]
    fn pauses_grow_to_a_ceiling_and_spread_out() {
        for spread in [0, 1, u64::MAX] {
            let pauses: Vec<u64> = (1..=12).map(|attempt| backoff(attempt, spread).as_secs()).collect();
            assert!(pauses[0] >= 2 && pauses[0] <= 3);
            assert!(pauses.iter().all(|&seconds| seconds <= 900 + 225));
            assert!(pauses[11] >= 900);
        }
        assert!(backoff(i32::MAX, 3) <= Duration::from_secs(1125));
        assert!(backoff(i32::MIN, 3) >= Duration::from_secs(2));
        let spread: std::collections::HashSet<_> = (0..100).map(|id| backoff(9, id)).collect();
        assert!(spread.len() > 20);
    }
}
