//! Making something once although a call for it may end in doubt.

use super::StripeError;

/// Makes something under `key`. When the outcome is not known, what is there is looked at. If nothing is, and it was
/// Stripe itself that failed, the thing is made under one other key: the first would answer with that failure for a day.
///
/// Fit only for what does no harm if Stripe should come up with the first one after all.
///
/// # Errors
/// Any [`StripeError`].
pub async fn made_once<T, Making, Looking>(
    key: &str,
    make: impl Fn(String) -> Making,
    look: impl Fn() -> Looking,
) -> Result<T, StripeError>
where
    Making: Future<Output = Result<T, StripeError>>,
    Looking: Future<Output = Result<Option<T>, StripeError>>,
{
    let error = match make(key.to_owned()).await {
        Err(error) if error.outcome_is_unknown() => error,
        outcome => return outcome,
    };
    if let Some(found) = look().await? {
        return Ok(found);
    }
    if !matches!(error, StripeError::ServerError { .. }) {
        return Err(error);
    }
    match make(format!("{key}-2")).await {
        Err(second) if second.outcome_is_unknown() => look().await?.ok_or(second),
        // That this one was not taken says nothing of the first.
        Err(second) if second.was_not_taken() => Err(error),
        outcome => outcome,
    }
}

/// A key for a change that may be made any number of times, and is repeated within one call only: one that lasted would
/// give an operator who goes back and forth yesterday's answer.
pub(super) fn fresh_key(id: &str) -> String {
    format!("octroi-{id}-{}", uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Plays Stripe: what the calls answer, in order, and what a look then finds.
    async fn play(
        answers: &[Result<u8, StripeError>],
        found: Option<u8>,
    ) -> (Result<u8, StripeError>, Vec<String>) {
        let keys = Mutex::new(Vec::new());
        let make = async |key: String| {
            let mut keys = keys.lock().unwrap();
            keys.push(key);
            answers[keys.len() - 1].clone()
        };
        let made = made_once("k", make, || async { Ok(found) }).await;
        (made, keys.into_inner().unwrap())
    }

    const FAILED: Result<u8, StripeError> = Err(StripeError::ServerError { status: 500 });

    #[tokio::test]
    async fn what_is_there_after_all_is_taken() {
        assert_eq!(play(&[FAILED], Some(7)).await, (Ok(7), vec!["k".to_owned()]));
    }

    #[tokio::test]
    async fn a_burnt_key_is_replaced_once() {
        let keys = vec!["k".to_owned(), "k-2".to_owned()];
        assert_eq!(play(&[FAILED, Ok(8)], None).await, (Ok(8), keys.clone()));
        assert_eq!(play(&[FAILED, FAILED], None).await, (FAILED, keys));
    }

    #[tokio::test]
    async fn a_doubt_stays_when_the_other_key_is_not_taken() {
        for not_taken in [
            StripeError::Busy { status: 429, retry_after: None },
            StripeError::Unreachable,
            StripeError::Denied { status: 401, code: "api_key_expired".to_owned() },
        ] {
            assert_eq!(play(&[FAILED, Err(not_taken)], None).await.0, FAILED);
        }
    }

    #[tokio::test]
    async fn what_may_still_be_under_way_is_not_begun_anew() {
        let silent = Err(StripeError::OutcomeUnknown { stage: "no answer came in time" });
        assert_eq!(play(std::slice::from_ref(&silent), None).await, (silent, vec!["k".to_owned()]));
    }
}
