//! When a call is sent again at once, always with the same idempotency key.

use std::time::Duration;

use uuid::Uuid;

use super::error::StripeError;

/// Most times one call is sent before the job that makes it is told.
pub(super) const ATTEMPTS_MAX: u32 = 4;
/// Pause before the second attempt, in milliseconds; it doubles with each.
const PAUSE_MS_FIRST: u64 = 200;
/// Longest pause within a call, in milliseconds: what takes longer is left to the job.
const PAUSE_MS_MAX: u64 = 4_000;

/// What one attempt came to, as far as repeating it goes.
#[derive(Debug)]
pub(super) struct Failed {
    /// What to tell if it is the last.
    pub error: StripeError,
    /// `Stripe-Should-Retry`, where Stripe says.
    pub should_retry: Option<bool>,
    /// The answer was kept under the key, and would be the same again.
    pub replayed: bool,
}

/// The pause before the next attempt; none when there is to be none. `attempt` counts from 1.
pub(super) fn pause_after(failed: &Failed, attempt: u32) -> Option<Duration> {
    if attempt >= ATTEMPTS_MAX || failed.replayed || failed.should_retry == Some(false) {
        return None;
    }
    let again = match &failed.error {
        StripeError::Busy { .. } | StripeError::Unreachable | StripeError::ServerError { .. } => true,
        // Whatever was waited for in vain took its time already, and may still be under way.
        StripeError::OutcomeUnknown { stage } => *stage != TIMED_OUT,
        StripeError::Refused { .. } => failed.should_retry == Some(true),
        StripeError::Denied { .. }
        | StripeError::Unreadable(_)
        | StripeError::Unnamed
        | StripeError::NoKey => false,
    };
    if !again {
        return None;
    }
    let asked = match &failed.error {
        StripeError::Busy { retry_after, .. } => *retry_after,
        _ => None,
    };
    let pause = asked.unwrap_or_default().max(spread(PAUSE_MS_FIRST << (attempt - 1)));
    (pause <= Duration::from_millis(PAUSE_MS_MAX)).then_some(pause)
}

/// How a call ended that was given up waiting for.
pub(super) const TIMED_OUT: &str = "no answer came in time";

/// Half to all of so many milliseconds: calls that failed together must not come back together.
fn spread(ms: u64) -> Duration {
    let draw = Uuid::new_v4().as_u64_pair().1;
    Duration::from_millis(ms / 2 + draw % (ms / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: StripeError) -> Failed {
        Failed { error, should_retry: None, replayed: false }
    }

    fn refused() -> StripeError {
        StripeError::Refused {
            status: 400,
            code: "parameter_missing".to_owned(),
            decline_code: None,
            param: None,
            message: String::new(),
        }
    }

    fn busy(retry_after: Option<Duration>) -> StripeError {
        StripeError::Busy { status: 429, retry_after }
    }

    #[test]
    fn what_had_no_effect_or_is_guarded_by_its_key_is_sent_again_a_few_times() {
        let broken = StripeError::OutcomeUnknown { stage: "the connection broke" };
        let failing = StripeError::ServerError { status: 500 };
        for error in [busy(None), StripeError::Unreachable, broken, failing] {
            assert!(pause_after(&failed(error.clone()), 1).is_some());
            assert!(pause_after(&failed(error), ATTEMPTS_MAX).is_none());
        }
    }

    #[test]
    fn what_would_end_the_same_is_not_sent_again() {
        let unknown = StripeError::ServerError { status: 500 };
        assert!(pause_after(&Failed { replayed: true, ..failed(unknown) }, 1).is_none());
        assert!(pause_after(&failed(refused()), 1).is_none());
        assert!(pause_after(&failed(StripeError::OutcomeUnknown { stage: TIMED_OUT }), 1).is_none());
    }

    #[test]
    fn stripes_own_word_on_repeating_decides() {
        let no = Failed { should_retry: Some(false), ..failed(busy(None)) };
        assert!(pause_after(&no, 1).is_none());
        assert!(pause_after(&Failed { should_retry: Some(true), ..failed(refused()) }, 1).is_some());
    }

    #[test]
    fn a_long_pause_is_left_to_the_job() {
        assert!(pause_after(&failed(busy(Some(Duration::from_secs(30)))), 1).is_none());
        let short = pause_after(&failed(busy(Some(Duration::from_secs(2)))), 1).unwrap();
        assert_eq!(short, Duration::from_secs(2));
        for attempt in 1..ATTEMPTS_MAX {
            assert!(pause_after(&failed(busy(None)), attempt).unwrap() <= Duration::from_secs(4));
        }
    }
}
