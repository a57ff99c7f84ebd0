//! What a call tells the operator's metrics: how it went at the provider, how fast, and what it cost, by model.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use metrics::SharedString;

use crate::database::{SettleOutcome, SettledUsage, Settlement};
use crate::openai::UpstreamError;
use crate::telemetry;

/// Model names told apart. Only models with a price get this far; one beyond that counts as `other`, so that what clients
/// write never decides how much is kept.
const MAX_MODELS: usize = 200;
/// What models beyond that are called.
const OTHER_MODELS: &str = "other";

/// How a call that was sent ended, from the operator's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpstreamOutcome {
    /// With a whole answer.
    Answered,
    /// Refused for what the request says.
    Refused,
    /// Refused because of the operator's own key, credit or rate.
    OwnAccount,
    /// Refused although nothing is wrong with it: 5xx, and 429 of a provider that is full.
    Unavailable,
    /// No connection could be made.
    Unreachable,
    /// Sent, and not answered.
    Unanswered,
    /// Answered in part.
    BrokeOff,
    /// Cut off on this side: the client had left.
    ClientLeft,
    /// Cut off on this side: the worker had to stop.
    Stopped,
}

impl UpstreamOutcome {
    /// The value of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::OwnAccount => "own_account",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
            Self::Unanswered => "unanswered",
            Self::BrokeOff => "broke_off",
            Self::ClientLeft => "client_left",
            Self::Stopped => "stopped",
        }
    }

    /// How a call without an answer ended.
    pub fn of(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::NotAccepted => Self::Unreachable,
            UpstreamError::Unknown { stage: "abandoned" } => Self::ClientLeft,
            UpstreamError::Unknown { .. } => Self::Unanswered,
            UpstreamError::TooLarge { .. } => Self::BrokeOff,
            UpstreamError::Refused { own_quota: true, .. }
            | UpstreamError::Refused { own_auth: true, .. } => Self::OwnAccount,
            UpstreamError::Refused { status: 429 | 500.., .. } => Self::Unavailable,
            UpstreamError::Refused { .. } => Self::Refused,
        }
    }
}

/// The metrics of one call, from the moment that it may be sent.
pub(super) struct CallMetrics {
    model: SharedString,
    sent_at: Instant,
    outcome: Option<UpstreamOutcome>,
}

impl CallMetrics {
    /// Of a call to this model, which has a price, that is about to be sent.
    pub fn start(model: &str) -> Self {
        Self { model: label(model), sent_at: Instant::now(), outcome: None }
    }

    /// Output has begun.
    pub fn first_token(&self) {
        metrics::histogram!(telemetry::FIRST_TOKEN_SECONDS, "model" => self.model.clone())
            .record(self.sent_at.elapsed());
    }

    /// How it ended; only the first word counts.
    pub fn ended(&mut self, outcome: UpstreamOutcome) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            metrics::counter!(telemetry::UPSTREAM_CALLS, "model" => self.model.clone(), "outcome" => outcome.as_str())
                .increment(1);
            metrics::histogram!(telemetry::UPSTREAM_SECONDS, "model" => self.model.clone())
                .record(self.sent_at.elapsed());
        }
    }

    /// What it cost, once that is recorded; a repetition has been counted before.
    pub fn charged(&self, usage: &SettledUsage, settlement: &Settlement) {
        if !matches!(settlement.outcome, SettleOutcome::Settled | SettleOutcome::SettledLate) {
            return;
        }
        let pools = [
            ("input", usage.input_tokens.saturating_sub(usage.cached_input_tokens)),
            ("cached_input", usage.cached_input_tokens),
            ("output", usage.output_tokens.saturating_sub(usage.reasoning_tokens)),
            ("reasoning", usage.reasoning_tokens),
        ];
        for (pool, tokens) in pools.into_iter().filter(|(_, tokens)| *tokens > 0) {
            metrics::counter!(telemetry::TOKENS, "model" => self.model.clone(), "pool" => pool)
                .increment(tokens);
        }
        metrics::counter!(telemetry::COST_NANO_USD, "model" => self.model.clone())
            .increment(u64::try_from(settlement.cost_nano_usd).unwrap_or_default());
    }
}

/// The model as metrics name it.
fn label(model: &str) -> SharedString {
    static MODELS: OnceLock<Mutex<HashSet<Arc<str>>>> = OnceLock::new();
    let models = MODELS.get_or_init(Mutex::default);
    bounded_label(&mut models.lock().unwrap_or_else(PoisonError::into_inner), model)
}

fn bounded_label(models: &mut HashSet<Arc<str>>, model: &str) -> SharedString {
    if let Some(known) = models.get(model) {
        return SharedString::from_shared(Arc::clone(known));
    }
    if models.len() >= MAX_MODELS {
        return SharedString::const_str(OTHER_MODELS);
    }
    let name: Arc<str> = model.into();
    models.insert(Arc::clone(&name));
    SharedString::from_shared(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_beyond_a_number_are_counted_as_one() {
        let mut models = HashSet::new();
        for number in 0..MAX_MODELS {
            let name = format!("model-{number}");
            assert_eq!(bounded_label(&mut models, &name).as_ref(), name);
        }
        assert_eq!(bounded_label(&mut models, "one-more").as_ref(), OTHER_MODELS);
        assert_eq!(
            bounded_label(&mut models, "model-7").as_ref(),
            "model-7",
            "those known before stay apart"
        );
    }

    #[test]
    fn a_refusal_is_told_by_whose_fault_it_is() {
        let refused = |status, own_quota| UpstreamError::Refused {
            status,
            handed_on: None,
            retry_after: None,
            own_quota,
            own_auth: false,
            upstream_request_id: None,
        };
        for (error, outcome) in [
            (refused(400, false), UpstreamOutcome::Refused),
            (refused(429, true), UpstreamOutcome::OwnAccount),
            (refused(429, false), UpstreamOutcome::Unavailable),
            (refused(503, false), UpstreamOutcome::Unavailable),
            (UpstreamError::NotAccepted, UpstreamOutcome::Unreachable),
        ] {
            assert_eq!(UpstreamOutcome::of(&error), outcome, "{error}");
        }
    }
}
